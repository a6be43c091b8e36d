import assert from 'node:assert/strict';
import { test } from 'tap';
import { textTree } from '../../edit/text-tree.ts';
import { edited } from './editor.ts';
import { withProxyLines, withProxyVariables, type ProxyValues } from './proxy-environment.ts';

const values: ProxyValues = ['http://p:1', 'http://p:2', '.svc'];

function after(names: readonly string[], to: ProxyValues = values): string {
  const tree = textTree(
    Buffer.from(
      JSON.stringify({
        env: names.map((name) => ({ name, value: name === 'SOME' || name === 'OTHER' ? 'x' : 'old' })),
      }),
    ),
  );
  assert.ok(tree);
  const { bytes } = edited(tree, (editor) => {
    withProxyVariables(editor, ['env'], to);
  });
  const { env } = JSON.parse(Buffer.from(bytes).toString()) as { env: { name: string; value: string }[] };
  return env.map(({ name, value }) => (value === 'x' ? name : `${name}=${value}`)).join(' ');
}

test('the variables of a container stand where the first one stood (proxy/workloads)', async () => {
  assert.equal(
    after(['SOME', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'OTHER']),
    'SOME HTTP_PROXY=http://p:1 HTTPS_PROXY=http://p:2 NO_PROXY=.svc OTHER',
  );
  assert.equal(
    after(['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']),
    'HTTP_PROXY=http://p:1 HTTPS_PROXY=http://p:2 NO_PROXY=.svc',
  );
  assert.equal(
    after(['SOME', 'HTTPS_PROXY', 'OTHER']),
    'SOME HTTP_PROXY=http://p:1 NO_PROXY=.svc HTTPS_PROXY=http://p:2 OTHER',
  );
  assert.equal(
    after(['SOME', 'https_proxy', 'OTHER']),
    'SOME http_proxy=http://p:1 no_proxy=.svc https_proxy=http://p:2 OTHER',
  );
  assert.equal(after(['SOME', 'OTHER']), 'SOME OTHER');
});

test('names keep their order, scattered ones come together, empty values go', async () => {
  assert.equal(
    after(['NO_PROXY', 'HTTP_PROXY', 'HTTPS_PROXY']),
    'NO_PROXY=.svc HTTP_PROXY=http://p:1 HTTPS_PROXY=http://p:2',
  );
  assert.equal(
    after(['HTTP_PROXY', 'SOME', 'NO_PROXY', 'OTHER', 'HTTPS_PROXY']),
    'HTTP_PROXY=http://p:1 NO_PROXY=.svc HTTPS_PROXY=http://p:2 SOME OTHER',
  );
  assert.equal(
    after(['SOME', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'], ['', 'http://p:2', '']),
    'SOME HTTPS_PROXY=http://p:2',
  );
  assert.equal(after(['SOME', 'HTTP_PROXY', 'OTHER'], ['', '', '']), 'SOME OTHER');
});

test('proxy.env: its lines go, those that are set follow the rest', async () => {
  assert.equal(
    withProxyLines('# note\nHTTP_PROXY=http://old\nA=b\nNO_PROXY=x\n', values),
    '# note\nA=b\nHTTP_PROXY=http://p:1\nHTTPS_PROXY=http://p:2\nNO_PROXY=.svc\n',
  );
  assert.equal(withProxyLines('', values), 'HTTP_PROXY=http://p:1\nHTTPS_PROXY=http://p:2\nNO_PROXY=.svc\n');
  assert.equal(withProxyLines('HTTP_PROXY=a\n', ['', '', '']), '');
});
