import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { test } from 'tap';
import { kubeconfig } from '../../test/cluster/kubeconfig.ts';
import { cn, makeCertificate } from '../../test/certificates/make.ts';
import { keyPem, pemOf } from '../../test/certificates/pem.ts';
import { privateKeyFrom, type PrivateKey } from '../pki/keys.ts';
import { Secret } from '../log/secret.ts';
import { readKubeconfig } from './kubeconfig.ts';

async function made(): Promise<{ ca: string; cert: string; key: string; other: string }> {
  const fresh = (): PrivateKey => privateKeyFrom(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const [one, two] = [fresh(), fresh()];
  const [ca, leaf] = [
    await makeCertificate({ subject: cn('ca'), key: one }),
    await makeCertificate({ subject: cn('admin'), key: one }),
  ];
  return {
    ca: pemOf('CERTIFICATE', ca.der),
    cert: pemOf('CERTIFICATE', leaf.der),
    key: keyPem(one),
    other: keyPem(two),
  };
}

test('a kubeconfig with data is read as it is', async () => {
  const { ca, cert, key } = await made();
  const text = kubeconfig('https://api-int.a.b:6443', ca, 'admin', { certificate: cert, key });
  const access = await readKubeconfig({ text: new Secret(text), folder: '/' });
  assert.equal(access.server.href, 'https://api-int.a.b:6443/');
  assert.equal(access.token, undefined);
});

test('files of a kubeconfig are found from its own folder on', async () => {
  const { ca, cert, key } = await made();
  const folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  try {
    await mkdir(join(folder, 'pki'));
    await writeFile(join(folder, 'pki/both.pem'), cert + key);
    await writeFile(
      join(folder, 'kubeconfig'),
      kubeconfig('https://h:1', ca, 'k', { certificateFile: 'pki/both.pem' }),
    );
    await readKubeconfig({ path: join(folder, 'kubeconfig') });
    await rm(join(folder, 'pki/both.pem'));
    await assert.rejects(readKubeconfig({ path: join(folder, 'kubeconfig') }), {
      message: `kubeconfig "${join(folder, 'kubeconfig')}" cannot be used: "${join(folder, 'pki/both.pem')}" (client-certificate) cannot be read: ENOENT`,
    });
    await assert.rejects(readKubeconfig({ path: join(folder, 'none') }), {
      message: `kubeconfig "${join(folder, 'none')}" cannot be read: ENOENT`,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a broken kubeconfig is refused with its problem, and without its key', async () => {
  const { ca, cert, key, other } = await made();
  const user = { certificate: cert, key };
  const good = kubeconfig('https://h:1', ca, 'k', user);
  const rows: readonly (readonly [string, RegExp])[] = [
    ['{', /neither YAML nor JSON/],
    ['', /neither YAML nor JSON/],
    [good.replace('current-context: k', 'current-context: x'), /no context of the name "x"/],
    [good.replace('    cluster: k', '    cluster: x'), /no cluster of the name "x"/],
    [good.replace('    user: k', '    user: x'), /no user of the name "x"/],
    [good.replace('https://', 'http://'), /"http:\/\/h:1" is no https address/],
    [good.replace(/client-key-data: .*/, ''), /client certificate without its key/],
    [good.replace(/client-[a-z-]+data: .*/g, ''), /neither a client certificate nor a token/],
    [kubeconfig('https://h:1', 'rubbish', 'k', user), /its certificate authority holds no certificate/],
    [kubeconfig('https://h:1', ca, 'k', { certificate: 'rubbish', key }), /its client certificate is broken/],
    [
      kubeconfig('https://h:1', ca, 'k', { certificate: cert, key: other }),
      /that the key belongs to the certificate, is broken \(.*mismatch/,
    ],
  ];
  for (const [text, problem] of rows) {
    const error: unknown = await readKubeconfig({ text: new Secret(text), folder: '/' }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.match(String(error), problem);
    assert.match(String(error), /^UsageError: the kubeconfig cannot be used: /);
    assert.ok(!inspect(error, { depth: 9 }).includes(key.slice(60, 100)));
  }
});
