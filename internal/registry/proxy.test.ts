import assert from 'node:assert/strict';
import { test } from 'tap';
import { inspect } from 'node:util';
import { parseProxyRules } from './proxy.ts';

const via = (env: Record<string, string>, url: string): string | undefined => {
  const proxy = parseProxyRules(env).proxyFor(new URL(url));
  return proxy === undefined ? undefined : `${proxy.tls ? 'tls ' : ''}${proxy.host}:${proxy.port}`;
};
const settings = (noProxy: string): Record<string, string> => ({
  HTTPS_PROXY: 'http://proxy.lab:3128',
  NO_PROXY: noProxy,
});

test('each scheme has its proxy, upper case before lower case', async () => {
  assert.equal(via({ HTTPS_PROXY: 'http://a:1', https_proxy: 'http://b:2' }, 'https://quay.io/'), 'a:1');
  assert.equal(via({ https_proxy: 'b:2' }, 'https://quay.io/'), 'b:2');
  assert.equal(via({ HTTP_PROXY: 'http://a:1' }, 'https://quay.io/'), undefined);
  assert.equal(via({ HTTP_PROXY: 'http://a' }, 'http://quay.io/'), 'a:80');
  assert.equal(via({ HTTPS_PROXY: 'https://[2001:db8::1]' }, 'https://quay.io/'), 'tls 2001:db8::1:443');
});

test('NO_PROXY knows addresses, networks, domains, ports and all', async () => {
  const table: [string, string, boolean][] = [
    ['*', 'https://quay.io/', true],
    ['quay.io', 'https://quay.io/', true],
    ['quay.io', 'https://cdn.quay.io/', true],
    ['quay.io', 'https://notquay.io/', false],
    ['.quay.io', 'https://cdn.quay.io/', true],
    ['*.quay.io', 'https://cdn.quay.io/', true],
    ['quay.io:8443', 'https://quay.io/', false],
    ['quay.io:8443', 'https://quay.io:8443/', true],
    ['10.0.0.0/8, 192.0.2.7', 'https://10.1.2.3:5000/', true],
    ['10.0.0.0/8,192.0.2.7', 'https://192.0.2.7/', true],
    ['10.0.0.0/8', 'https://11.1.2.3/', false],
    ['2001:db8::/32', 'https://[2001:db8::5]:5000/', true],
    ['2001:db8::5', 'https://[2001:db8::5]/', true],
    ['QUAY.IO', 'https://quay.io/', true],
    ['10.0.0.0/99,,', 'https://10.0.0.1/', false],
  ];
  for (const [noProxy, url, direct] of table)
    assert.equal(via(settings(noProxy), url) === undefined, direct, `${noProxy} ${url}`);
});

test('loopback never goes through a proxy', async () => {
  for (const url of ['https://localhost:5000/', 'https://127.0.0.9/', 'https://[::1]/'])
    assert.equal(via(settings(''), url), undefined, url);
});

test('percent-encoded credentials are decoded, and shown nowhere', async () => {
  const rules = parseProxyRules({ HTTPS_PROXY: 'http://us%40er:p%23%3A%2Fw@proxy.lab:3128' });
  const proxy = rules.proxyFor(new URL('https://quay.io/'));
  assert.equal(proxy?.authorization?.reveal(), `Basic ${Buffer.from('us@er:p#:/w').toString('base64')}`);
  assert.ok(!inspect(proxy).includes('p#'));
  assert.ok(
    rules
      .secrets()
      .map((secret) => secret.reveal())
      .includes('p#:/w'),
  );
});

test('a proxy that is none is refused without its value', async () => {
  assert.throws(() => parseProxyRules({ HTTPS_PROXY: 'socks5://canary@h:1' }), {
    name: 'UsageError',
    message: 'environment variable HTTPS_PROXY has the scheme "socks5"; http and https are possible',
  });
  assert.throws(
    () => parseProxyRules({ HTTPS_PROXY: 'http://u:can#ary@h:1' }),
    (error: Error) => error.message.startsWith('environment variable HTTPS_PROXY ') && !error.message.includes('ary'),
  );
});
