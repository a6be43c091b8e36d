import assert from 'node:assert/strict';
import { test } from 'tap';
import { Secret } from '../log/secret.ts';
import { askerOf, warningsIn } from './ask.ts';
import { pathOf, pathOfAll } from './kinds.ts';
import { maskedWords } from './masked.ts';
import { ApiFailure } from './trouble.ts';
import type { Reply } from './wire.ts';

/** The error that an answer becomes. */
async function troubleOf(reply: Partial<Reply>): Promise<string> {
  const wire = {
    exchange: () => Promise.resolve({ status: 200, headers: {}, body: '', ...reply }),
    [Symbol.dispose]: () => undefined,
  };
  const ask = askerOf(wire, 'h:1', []);
  const signal = new AbortController().signal;
  return await ask({ what: 'list nodes', method: 'GET', path: '/', signal }).then(
    () => 'none',
    (error: unknown) => {
      if (!(error instanceof ApiFailure)) throw error;
      const { kind, message, why = '', retryAfterMs, transient } = error;
      const asked = retryAfterMs === undefined ? '' : ` (${Math.round(retryAfterMs / 1000)} s)`;
      return `${kind}${transient ? '' : ', final'}: ${message}: ${why}${asked}`;
    },
  );
}

test('an answer becomes an error of its class, with the words of the server', async () => {
  const status = (message: string): string => JSON.stringify({ kind: 'Status', message });
  const what = 'the API at "h:1" did not list nodes: it answered';
  for (const [reply, expected] of [
    [{ body: '{}' }, 'none'],
    [{ body: '{"cut' }, `server: ${what} 200: {"cut`],
    [{ status: 422, body: status('spec.x: Invalid value') }, `invalid, final: ${what} 422: spec.x: Invalid value`],
    [{ status: 404, body: '404 page not found\n' }, `absent, final: ${what} 404: 404 page not found`],
    [{ status: 429, headers: { 'retry-after': '7' }, body: status('slow down') }, `busy: ${what} 429: slow down (7 s)`],
    [{ status: 503, headers: { 'retry-after': '9999' } }, `server: ${what} 503 (60 s)`],
    [
      { status: 503, headers: { 'retry-after': new Date(Date.now() + 20_400).toUTCString() } },
      `server: ${what} 503 (20 s)`,
    ],
    [{ status: 503, headers: { 'retry-after': 'soon' } }, `server: ${what} 503`],
    [{ status: 410, body: status('expired') }, `conflict: ${what} 410: expired`],
    [{ status: 403, body: status('no') }, `forbidden: ${what} 403: no`],
    [{ status: 500, body: `<html>${'x'.repeat(400)}` }, `server: ${what} 500: <html>${'x'.repeat(294)}`],
  ] as const)
    assert.equal((await troubleOf(reply)).replace('(19 s)', '(20 s)'), expected);
});

test('remarks of the server are read from one header', async () => {
  assert.deepEqual(warningsIn(undefined), []);
  assert.deepEqual(warningsIn('299 - "unknown field \\"spec.a\\"", 299 - "b, c"'), ['unknown field "spec.a"', 'b, c']);
});

test('words lose the data of a Secret in every form, and nothing of other objects', async () => {
  const sent = {
    kind: 'Secret',
    data: { a: Buffer.from('hunter2!').toString('base64') },
    stringData: { b: 'line\n"two"' },
  };
  assert.equal(maskedWords('x hunter2! aHVudGVyMiE= line\\n\\"two\\" y', sent, []), 'x [secret] [secret] [secret] y');
  assert.equal(maskedWords('value1', { kind: 'ConfigMap', data: { a: 'value1' } }, []), 'value1');
  assert.equal(maskedWords('value1', undefined, [new Secret('value1')]), '[secret]');
  assert.equal(
    maskedWords('abc', { kind: 'Secret', data: {}, stringData: { a: 'abc' } }, []),
    'abc',
    'too short to be one',
  );
});

test('paths keep the letters of names, and escape what would lead elsewhere', async () => {
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', resource: 'roles', namespaced: true };
  assert.equal(
    pathOf(role, { metadata: { name: 'system:A/../b', namespace: 'n' } }),
    '/apis/rbac.authorization.k8s.io/v1/namespaces/n/roles/system%3AA%2F..%2Fb',
  );
  assert.equal(pathOfAll(role), '/apis/rbac.authorization.k8s.io/v1/roles');
  assert.equal(pathOfAll({ ...role, apiVersion: 'v1', resource: 'nodes', namespaced: false }, 'n'), '/api/v1/nodes');
});
