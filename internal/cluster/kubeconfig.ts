import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { readManifestStream } from '../config/manifest-stream.ts';
import { Failure, UsageError, errorCode, messageOf } from '../errors/errors.ts';
import { Secret } from '../log/secret.ts';
import { listAt, mapAt, textAt, type JsonMap } from './object.ts';

/** Where a kubeconfig comes from: a file, or a text and what its relative paths start from. */
export type Kubeconfig = { readonly path: string } | { readonly text: Secret; readonly folder: string };

/** How a server is reached: by TLS, and by a client certificate or a token. */
export type Access = {
  readonly server: URL;
  readonly secureContext: SecureContext;
  /** The name asked for in the handshake and looked for in the certificate; the server's host when absent. */
  readonly serverName?: string;
  readonly token?: Secret;
};

/**
 * Reads the current context of a kubeconfig. Files that it names are read, too, from its own folder on.
 *
 * @throws UsageError naming file and problem; no part of a key is in it
 */
export async function readKubeconfig(source: Kubeconfig): Promise<Access> {
  const name = 'path' in source ? `kubeconfig "${source.path}"` : 'the kubeconfig';
  const refuse = (why: string, cause?: unknown): never => {
    throw new UsageError(`${name} cannot be used: ${why}`, {
      next: 'look at the file; the identity of the cluster is made anew by recert',
      ...(cause === undefined ? {} : { cause }),
    });
  };
  const folder = 'path' in source ? dirname(source.path) : source.folder;
  const text = 'path' in source ? await readable(source.path, name) : source.text.reveal();
  const { documents, problems } = readManifestStream(text);
  const config = documents[0]?.value;
  if (problems.length > 0 || config === undefined) return refuse('it is neither YAML nor JSON of a kubeconfig');

  const context = namedIn(config, 'contexts', 'context', textAt(config, 'current-context'));
  if (context === undefined) return refuse(`it has no context of the name "${textAt(config, 'current-context')}"`);
  const cluster = namedIn(config, 'clusters', 'cluster', textAt(context, 'cluster'));
  if (cluster === undefined) return refuse(`it has no cluster of the name "${textAt(context, 'cluster')}"`);
  const user = namedIn(config, 'users', 'user', textAt(context, 'user'));
  if (user === undefined) return refuse(`it has no user of the name "${textAt(context, 'user')}"`);

  const server = URL.parse(textAt(cluster, 'server'));
  if (server?.protocol !== 'https:') return refuse(`"${textAt(cluster, 'server')}" is no https address of a server`);

  /** `NAME-data` counts before the file `NAME`, as for every client. */
  const part = async (of: JsonMap, key: string): Promise<Buffer | undefined> => {
    const data = textAt(of, `${key}-data`);
    if (data !== '') return Buffer.from(data, 'base64');
    const path = textAt(of, key);
    if (path === '') return undefined;
    return await readFile(resolve(folder, path)).catch((error: unknown) =>
      refuse(`"${resolve(folder, path)}" (${key}) cannot be read: ${errorCode(error) ?? messageOf(error)}`, error),
    );
  };
  const [ca, cert, key, tokenFile] = [
    await part(cluster, 'certificate-authority'),
    await part(user, 'client-certificate'),
    await part(user, 'client-key'),
    textAt(user, 'tokenFile'),
  ];
  const token =
    textAt(user, 'token') !== ''
      ? textAt(user, 'token')
      : tokenFile === ''
        ? ''
        : (await readable(resolve(folder, tokenFile), `the token "${resolve(folder, tokenFile)}"`)).trim();
  if (cert !== undefined && key === undefined) return refuse('it has a client certificate without its key');
  if (cert === undefined && token === '') return refuse('its user has neither a client certificate nor a token');
  const serverName = textAt(cluster, 'tls-server-name');
  return {
    server,
    secureContext: contextOf({ ca, cert, key }, refuse),
    ...(serverName === '' ? {} : { serverName }),
    ...(token === '' ? {} : { token: new Secret(token) }),
  };
}

type Parts = { readonly ca: Buffer | undefined; readonly cert: Buffer | undefined; readonly key: Buffer | undefined };

/** One part after the other, so that the broken one is named; OpenSSL's words hold no key. */
function contextOf({ ca, cert, key }: Parts, refuse: (why: string, cause?: unknown) => never): SecureContext {
  const tried = <T>(what: string, make: () => T): T => {
    try {
      return make();
    } catch (error) {
      return refuse(`${what} is broken (${messageOf(error)})`);
    }
  };
  const trust = ca === undefined ? {} : { ca };
  tried('its certificate authority', () => createSecureContext(trust));
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----'))
    refuse('its certificate authority holds no certificate');
  if (cert === undefined || key === undefined) return createSecureContext(trust);
  tried('its client certificate', () => createSecureContext({ cert }));
  return tried('its client key, or that the key belongs to the certificate,', () =>
    createSecureContext({ ...trust, cert, key }),
  );
}

function namedIn(config: JsonMap, list: string, member: string, name: string): JsonMap | undefined {
  const found = listAt(config, list).find((entry) => textAt(entry, 'name') === name);
  return found === undefined ? undefined : mapAt(found, member);
}

async function readable(path: string, name: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Failure(`${name} cannot be read: ${errorCode(error) ?? messageOf(error)}`, { cause: error });
  });
}
