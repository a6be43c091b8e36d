import { UsageError } from '../errors/errors.ts';

/** Where an etcd listens. `address` is `host:port`, IPv6 in brackets. */
export type Endpoint = { readonly address: string; readonly host: string; readonly port: number };

/**
 * Reads `host:port` or `http://host:port`. Nothing else is guessed at: a missing port would be 2379 for some people and 80 for others.
 * @throws UsageError naming the text
 */
export function readEndpoint(text: string): Endpoint {
  const wrong = (why: string): UsageError =>
    new UsageError(`"${text}" is not the address of an etcd: ${why}`, {
      next: 'give it as "127.0.0.1:2379" or "http://127.0.0.1:2379"',
    });
  if (/^https:/i.test(text)) throw wrong('the private etcd is reached without TLS');
  const found = /^(?:http:\/\/)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?\/?$/i.exec(text);
  if (found === null) throw wrong('it is neither "host:port" nor "http://host:port"');
  const [, host = '', digits] = found;
  if (digits === undefined) throw wrong('the port is missing');
  const port = Number(digits);
  if (port < 1 || port > 65535) throw wrong(`there is no port ${digits}`);
  return { address: `${host}:${port}`, host: host.replace(/^\[|\]$/g, ''), port };
}
