import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { temporaryFolder } from '../../host/files.ts';
import type { Document, EtcdReader } from '../document.ts';
import { externalsIn, externalsOf } from './external.ts';
import { certPem, configMap, keyPem, object, pair, pemOf, secret } from '../test-documents.ts';
import { etcdHolding } from '../test-etcd.ts';

const [publicCa, registry, users, own] = [
  await pair('public'),
  await pair('registry'),
  await pair('users'),
  await pair('own'),
];

const silent = (fact: string): void => {
  throw new Error(fact);
};

const etcd = (documents: readonly Document[]): EtcdReader =>
  etcdHolding(
    documents.flatMap((document) => (document.in === 'etcd' ? [[document.key, document.bytes] as const] : [])),
  );

const image = (name?: string) =>
  object(
    '/kubernetes.io/config.openshift.io/images/cluster',
    {
      apiVersion: 'config.openshift.io/v1',
      kind: 'Image',
      spec: name === undefined ? {} : { additionalTrustedCA: { name } },
    },
    'json',
  );
const trusted = configMap('openshift-config-managed/trusted-ca-bundle', {
  'ca-bundle.crt': `# Public\n${certPem(publicCa)}`,
});

test("external is what the merged bundle, the registries' bundle and the users' bundle hold, and nothing else", async () => {
  const registries = configMap('openshift-config/registry-cas', {
    'quay.example.com': certPem(registry),
    'other..5000': certPem(registry),
  });
  const user = configMap('openshift-config/user-ca-bundle', { 'ca-bundle.crt': certPem(users) });
  const decoy = configMap('openshift-config/registry-cas-old', { x: certPem(own) });
  const externals = await externalsIn(etcd([trusted, image('registry-cas'), registries, decoy, user]), [], silent);
  assert.deepEqual(
    [publicCa, registry, users, own].map(({ certificate }) => externals.has(certificate.digest)),
    [true, true, true, false],
  );
  assert.deepEqual(
    externals.certificates().map(({ subjectText }) => subjectText),
    ['CN=public', 'CN=registry', 'CN=users'],
  );
});

test("the image configuration, its bundle's name and the users' bundle may be absent, the named bundle may not", async () => {
  for (const documents of [[trusted], [trusted, image()]])
    assert.ok((await externalsIn(etcd(documents), [], silent)).has(publicCa.certificate.digest));
  await assert.rejects(externalsIn(etcd([trusted, image('gone')]), [], silent), {
    message:
      'etcd has no ConfigMap "openshift-config/gone", which Image "cluster" names for the authorities of registries',
  });
});

test('a bundle with a block that is no certificate is told of, and the rest of it counts', async () => {
  const facts: string[] = [];
  const externals = externalsOf(
    [pemOf('CERTIFICATE', Uint8Array.of(0x30, 9)) + certPem(publicCa) + pemOf('PRIVATE KEY', Uint8Array.of(0x30, 0))],
    (fact) => facts.push(fact),
  );
  assert.ok(externals.has(publicCa.certificate.digest));
  assert.deepEqual(facts, ['a trust bundle holds a block that is no certificate']);
});

await test('what a person names as external holds a certificate, in data or binary data, or is refused', async () => {
  await using folder = await temporaryFolder(tmpdir(), 'external-');
  const named = await pair('named');
  const put = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(folder.path, name), content);
    return join(folder.path, name);
  };
  const objects = etcd([
    trusted,
    object('/kubernetes.io/configmaps/a/binary', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      binaryData: { 'ca.crt': Buffer.from(certPem(named)) },
    }),
    secret('a/store', { 'store.p12': Buffer.from('no pem') }),
  ]);
  for (const source of ['a/binary', await put('good.pem', certPem(named))])
    assert.ok((await externalsIn(objects, [source], silent)).has(named.certificate.digest), source);
  for (const source of ['a/store', await put('der.crt', named.certificate.der), await put('key.pem', keyPem(named))])
    await assert.rejects(externalsIn(objects, [source], silent), {
      exitCode: 2,
      message: `external_certificates "${source}" holds no certificate in PEM`,
    });
  await assert.rejects(externalsIn(objects, ['a/none'], silent), {
    exitCode: 2,
    message: 'external_certificates: there is no ConfigMap or Secret "a/none" in etcd',
  });
});
