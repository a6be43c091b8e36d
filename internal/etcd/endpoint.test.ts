import assert from 'node:assert/strict';
import { test } from 'tap';
import { UsageError } from '../errors/errors.ts';
import { readEndpoint } from './endpoint.ts';

await test('readEndpoint() takes host:port with and without http://, and IPv6 in brackets', async () => {
  assert.deepEqual(readEndpoint('localhost:2379'), { address: 'localhost:2379', host: 'localhost', port: 2379 });
  assert.deepEqual(readEndpoint('http://127.0.0.1:12379/'), {
    address: '127.0.0.1:12379',
    host: '127.0.0.1',
    port: 12379,
  });
  assert.deepEqual(readEndpoint('[::1]:2379'), { address: '[::1]:2379', host: '::1', port: 2379 });
});

await test('readEndpoint() refuses everything else, naming the text and the reason', async () => {
  const reasons: Record<string, string> = {
    'https://127.0.0.1:2379': 'the private etcd is reached without TLS',
    localhost: 'the port is missing',
    'http://localhost': 'the port is missing',
    'localhost:0': 'there is no port 0',
    'localhost:70000': 'there is no port 70000',
    '': 'it is neither "host:port" nor "http://host:port"',
    '::1:2379': 'it is neither "host:port" nor "http://host:port"',
    'localhost:2379,localhost:2380': 'it is neither "host:port" nor "http://host:port"',
    'http://user@localhost:2379': 'it is neither "host:port" nor "http://host:port"',
    'localhost:2379/v3': 'it is neither "host:port" nor "http://host:port"',
  };
  for (const [text, reason] of Object.entries(reasons)) {
    assert.throws(
      () => readEndpoint(text),
      (error) => error instanceof UsageError && error.message === `"${text}" is not the address of an etcd: ${reason}`,
    );
  }
});
