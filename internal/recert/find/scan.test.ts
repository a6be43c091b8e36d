import assert from 'node:assert/strict';
import { test } from 'tap';
import type { Pair } from '../test-documents.ts';
import {
  certPem,
  configMap,
  crt,
  file,
  keyPem,
  kubeconfig,
  object,
  pair,
  pemOf,
  renewing,
  rsa,
  secret,
  tlsSecret,
} from '../test-documents.ts';

test('MachineConfigs, ControllerConfig, APIService, user-data and files of the machine-config daemon hold the new root, in the spelling of their writers', async () => {
  const [root, leaf] = [await pair('root-ca', { shape: rsa }), await pair('unused')];
  const mcoSpelling = (text: string): string =>
    `data:,${Array.from(text)
      .map((char) =>
        /[A-Za-z0-9\-_.!~*'()]/.test(char)
          ? char
          : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
      )
      .join('')}`;
  const ignition = (one: Pair) => ({
    ignition: { version: '3.4.0' },
    storage: {
      files: [
        {
          path: '/etc/kubernetes/kubelet-ca.crt',
          mode: 420,
          contents: { source: mcoSpelling(`# CA\n${certPem(one)}`) },
        },
        { path: '/etc/other.conf', contents: { source: mcoSpelling(certPem(leaf)) } },
        { path: '/etc/empty', contents: {} },
        { path: '/etc/remote.crt', contents: { source: 'https://example.com/x' } },
        { path: '/etc/kubernetes/kubeconfig', contents: { source: mcoSpelling(kubeconfig({ ca: one })) } },
      ],
    },
  });
  const config = (one: Pair) => ({
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfig',
    spec: { config: ignition(one), fips: false },
  });
  const base64 = (one: Pair): string => Buffer.from(certPem(one)).toString('base64');
  const documents = [
    tlsSecret('a/root', root),
    object('/kubernetes.io/machineconfiguration.openshift.io/machineconfigs/rendered-master-1', config(root), 'json'),
    object('/kubernetes.io/machineconfiguration.openshift.io/machineconfigs/rendered-master-2', config(root), 'cbor'),
    object(
      '/kubernetes.io/machineconfiguration.openshift.io/controllerconfigs/machine-config-controller',
      {
        apiVersion: 'machineconfiguration.openshift.io/v1',
        kind: 'ControllerConfig',
        spec: {
          rootCAData: base64(root),
          kubeAPIServerServingCAData: base64(root),
          additionalTrustBundle: null,
          osImageURL: 'quay.io/x',
        },
      },
      'json',
    ),
    object(
      '/kubernetes.io/apiregistration.k8s.io/apiservices/v1.packages',
      {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        spec: { group: 'packages', caBundle: base64(root) },
      },
      'json',
    ),
    secret('openshift-machine-api/master-user-data', {
      userData: JSON.stringify({
        ignition: {
          config: { merge: [{ source: 'https://api-int:22623/config/master' }] },
          security: {
            tls: { certificateAuthorities: [{ source: `data:text/plain;charset=utf-8;base64,${base64(root)}` }] },
          },
          version: '3.2.0',
        },
      }),
    }),
    file(
      '/etc/machine-config-daemon/currentconfig',
      JSON.stringify({ ...config(root), metadata: { name: 'rendered-master-1' } }),
    ),
    file('/etc/mcs-machine-config-content.json', `${JSON.stringify(config(root))}\n`),
    file('/etc/kubernetes/kubelet-ca.crt', `# CA\n${certPem(root)}`),
    file('/etc/kubernetes/kubeconfig', kubeconfig({ ca: root })),
  ] as const;
  const done = await renewing(documents);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(done.facts, [
    'the certificate "CN=unused" (etcd:/kubernetes.io/machineconfiguration.openshift.io/machineconfigs/rendered-master-1 and 3 more) has no private key on the cluster and stays as it is',
  ]);
  const fresh: Pair = { certificate: done.certificate(documents[0], crt), key: root.key };
  const after = documents.map((document) => Buffer.from(done.bytes(document)));
  for (const [index, whole] of [
    [1, config(fresh)],
    [6, config(fresh)],
    [7, config(fresh)],
  ] as const) {
    const got = JSON.parse(after[index]?.toString() ?? '') as { spec: unknown };
    assert.deepEqual(got.spec, whole.spec);
    assert.ok(after[index]?.toString().includes(mcoSpelling(`# CA\n${certPem(fresh)}`)));
  }
  assert.ok(after[2]?.includes(mcoSpelling(`# CA\n${certPem(fresh)}`)));
  for (const index of [3, 4, 5]) assert.ok(after[index]?.includes(base64(fresh)), String(index));
});

test('a scan with nothing to renew, or nothing at all, yields no edit', async () => {
  const done = await renewing([
    configMap('a/b', { x: 'y' }),
    file('/etc/x.pem', 'no pem'),
    file('/etc/x.kubeconfig', '- a\n- b: ['),
  ]);
  assert.deepEqual([done.edits, done.replacements, done.faults], [[], [], []]);
  assert.deepEqual(done.facts, ['file:/etc/x.kubeconfig, the whole text, is neither JSON nor YAML and stays as it is']);
});

test('broken and foreign PEM is told with its place and stays, and what stands beside it is renewed', async () => {
  const ca = await pair('ca');
  const broken = '-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n';
  const pgp = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBFrVz\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n';
  const encrypted = pemOf(
    'ENCRYPTED PRIVATE KEY',
    Uint8Array.from({ length: 100 }, () => 7),
  );
  const noCertificate = pemOf('CERTIFICATE', Uint8Array.of(0x30, 3, 2, 1, 5));
  const document = secret('a/b', {
    'tls.crt': broken + certPem(ca) + noCertificate,
    'tls.key': keyPem(ca),
    enc: encrypted,
    pgp,
    'ssh-privatekey': keyPem(await pair('a person')),
    csr: pemOf('CERTIFICATE REQUEST', Uint8Array.of(0x30, 0)),
  });
  const done = await renewing([document]);
  assert.deepEqual(done.faults, []);
  assert.notEqual(done.certificate(document, crt, 1).digest, ca.certificate.digest);
  assert.ok(done.text(document, crt).startsWith(broken));
  const where = 'etcd:/kubernetes.io/secrets/a/b';
  assert.deepEqual(done.facts, [
    `${where} data/enc, pem block 0, "ENCRYPTED PRIVATE KEY" stays as it is: the private key is encrypted`,
    `${where} data/tls.crt, pem block 0, is a broken or encrypted "CERTIFICATE" and stays as it is`,
    `${where} data/tls.crt, pem block 2, "CERTIFICATE" stays as it is: bytes are no certificate`,
  ]);
});

test('a value that begins like an object and is none is told and stays', async () => {
  const ca = await pair('ca');
  const lying = {
    in: 'etcd',
    key: '/kubernetes.io/secrets/a/lying',
    bytes: new TextEncoder().encode('{"kind":"Secret"'),
    modRevision: '1',
  } as const;
  const cut = { ...tlsSecret('a/cut', ca), bytes: tlsSecret('a/cut', ca).bytes.subarray(0, 40) };
  const done = await renewing([lying, cut, tlsSecret('a/ca', ca)]);
  assert.equal(done.facts.length, 2);
  assert.equal(
    done.facts[0],
    'etcd:/kubernetes.io/secrets/a/lying cannot be read and stays as it is: a value that begins like JSON is not JSON',
  );
  assert.deepEqual(done.faults, []);
});
