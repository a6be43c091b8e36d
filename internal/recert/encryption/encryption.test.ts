import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'tap';
import { storedValue, type KubeObject } from '../../../test/cluster/stored.ts';
import { Failure } from '../../errors/errors.ts';
import { Secret } from '../../log/secret.ts';
import { encryptionOf } from '../../wire/encryption.ts';
import { fieldAt, openStored } from '../../wire/wire.ts';
import type { Replacement } from '../document.ts';
import { etcdHolding } from '../test-etcd.ts';
import { findAtRest, sealWith } from './at-rest.ts';
import { readConfiguration, writeConfiguration } from './configuration.ts';
import { rotate, type ClearReader } from './rotate.ts';

const metadata = (name: string, namespace?: string): KubeObject['metadata'] => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  uid: '0',
  creationTimestamp: '2025-01-01T00:00:00Z',
});
const secret = (namespace: string, name: string, data: Record<string, Buffer>): [string, Buffer] => [
  `/kubernetes.io/secrets/${namespace}/${name}`,
  storedValue(
    { apiVersion: 'v1', kind: 'Secret', metadata: metadata(name, namespace), data, type: 'Opaque' },
    'protobuf',
  ),
];
const apiServer = (type?: string): [string, Buffer] => [
  '/kubernetes.io/config.openshift.io/apiservers/cluster',
  storedValue(
    {
      apiVersion: 'config.openshift.io/v1',
      kind: 'APIServer',
      metadata: metadata('cluster'),
      spec: type === undefined ? {} : { encryption: { type } },
    },
    'json',
  ),
];
const key = (byte: number): Buffer => Buffer.alloc(32, byte);
const configuration = (type: string, name: string, byte: number, ...resources: string[]): string =>
  `${JSON.stringify({ kind: 'EncryptionConfiguration', apiVersion: 'apiserver.config.k8s.io/v1', resources: [{ resources, providers: [{ [type]: { keys: [{ name, secret: key(byte).toString('base64') }] } }, { identity: {} }] }] })}\n`;

type Values = Map<string, Buffer>;

/** A cluster as the operators leave it: four kinds encrypted, configurations in Secrets and on disk, two generations of the kube key. */
function encryptedCluster(type: 'aescbc' | 'aesgcm'): { clear: Values; stored: Values; folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'recert-encryption-'));
  const kube = configuration(type, '2', 2, 'secrets', 'configmaps');
  const [openshift, oauth] = [
    configuration(type, '1', 3, 'routes.route.openshift.io'),
    configuration(type, '1', 4, 'oauthaccesstokens.oauth.openshift.io', 'oauthauthorizetokens.oauth.openshift.io'),
  ];
  for (const revision of [9, 10]) {
    const file = join(
      folder,
      `static-pod-resources/kube-apiserver-pod-${revision}/secrets/encryption-config/encryption-config`,
    );
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, revision === 10 ? kube : configuration(type, '1', 1, 'secrets'));
  }
  symlinkSync('static-pod-resources', join(folder, 'again'));
  const data = (text: string): Record<string, Buffer> => ({ 'encryption-config': Buffer.from(text) });
  const keyData = (byte: number): Record<string, Buffer> => ({
    'encryption.apiserver.operator.openshift.io-key': key(byte),
  });
  const clear: Values = new Map([
    secret('openshift-kube-apiserver', 'encryption-config', data(kube)),
    secret('openshift-kube-apiserver', 'encryption-config-10', data(kube)),
    secret('openshift-config-managed', 'encryption-config-openshift-kube-apiserver', data(kube)),
    secret('openshift-apiserver', 'encryption-config', data(openshift)),
    secret('openshift-config-managed', 'encryption-config-openshift-apiserver', data(openshift)),
    secret('openshift-oauth-apiserver', 'encryption-config', data(oauth)),
    secret('openshift-config-managed', 'encryption-config-openshift-oauth-apiserver', data(oauth)),
    secret('openshift-config-managed', 'encryption-key-openshift-kube-apiserver-1', keyData(1)),
    secret('openshift-config-managed', 'encryption-key-openshift-kube-apiserver-2', keyData(2)),
    secret('openshift-config-managed', 'encryption-key-openshift-apiserver-1', keyData(3)),
    secret('openshift-config-managed', 'encryption-key-openshift-oauth-apiserver-1', keyData(4)),
    secret('a', 'mine', { x: Buffer.from('x') }),
    ['/openshift.io/routes/a/r', Buffer.from('k8s\0a route')],
    ['/openshift.io/oauth/accesstokens/sha256~t', Buffer.from('k8s\0a token')],
    ['/openshift.io/oauth/clients/c', Buffer.from('k8s\0a client')],
    apiServer(type),
  ]);
  const seal = sealWith([kube, openshift, oauth].map((text) => readConfiguration(text, 'test')));
  return {
    clear,
    stored: new Map([...clear].map(([name, value]) => [name, Buffer.from(seal(name, value))])),
    folder,
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

const clearReader = (stored: Values, open: (key: string, value: Uint8Array) => Uint8Array): ClearReader =>
  etcdHolding([...stored].map(([name, value]) => [name, open(name, value)]));
const nameOf = (replacement: Replacement): string =>
  replacement.kind === 'created'
    ? replacement.in === 'etcd'
      ? replacement.key
      : replacement.path
    : replacement.document.in === 'etcd'
      ? replacement.document.key
      : replacement.document.path;
const bytesAt = (value: Uint8Array, ...path: string[]): string => {
  const stored = openStored(value);
  const field = stored === undefined ? undefined : fieldAt(stored, path);
  return field?.type === 'bytes'
    ? Buffer.from(field.bytes).toString('latin1')
    : field?.type === 'text'
      ? field.text
      : 'nothing';
};

for (const type of ['aescbc', 'aesgcm'] as const) {
  await test(`${type}: every encrypted value is opened, OAuth tokens too, by the newest configuration on disk`, async () => {
    using cluster = encryptedCluster(type);
    const atRest = await findAtRest(etcdHolding(cluster.stored), [cluster.folder]);
    assert.equal(atRest.type, type);
    assert.deepEqual(
      atRest.files.map(({ revision }) => revision),
      [10, 9],
    );
    for (const [name, value] of cluster.stored) {
      assert.equal(
        encryptionOf(value) === undefined,
        name.includes('apiservers') || name.includes('oauth/clients'),
        name,
      );
      assert.ok(cluster.clear.get(name)?.equals(atRest.open(name, value)), name);
    }
  });

  await test(`${type}: new keys stand in Secrets, key Secrets and files, and every value is stored under them`, async () => {
    using cluster = encryptedCluster(type);
    const atRest = await findAtRest(etcdHolding(cluster.stored), [cluster.folder]);
    const mine = '/kubernetes.io/secrets/a/mine';
    const planned: Replacement = {
      kind: 'changed',
      document: { in: 'etcd', key: mine, bytes: cluster.clear.get(mine) ?? Buffer.alloc(0), modRevision: '1' },
      after: secret('a', 'mine', { x: Buffer.from('renewed') })[1],
    };
    let made = 100;
    const { replacements, seal, facts } = await rotate(
      clearReader(cluster.stored, atRest.open),
      atRest,
      [planned],
      {},
      () => key(made++),
    );
    const after = new Map(replacements.map((replacement) => [nameOf(replacement), replacement]));
    const clearOf = (name: string): Uint8Array => {
      const found = after.get(name);
      return found?.kind === 'changed' || found?.kind === 'created' ? found.after : Buffer.alloc(0);
    };
    const text = configuration(type, '1', 100, 'configmaps', 'secrets');
    const ns = '/kubernetes.io/secrets/';
    for (const name of [
      'openshift-kube-apiserver/encryption-config',
      'openshift-kube-apiserver/encryption-config-10',
      'openshift-config-managed/encryption-config-openshift-kube-apiserver',
    ])
      assert.equal(bytesAt(clearOf(`${ns}${name}`), 'data', 'encryption-config'), text, name);
    for (const name of [
      'openshift-oauth-apiserver/encryption-config',
      'openshift-config-managed/encryption-config-openshift-oauth-apiserver',
    ])
      assert.equal(
        bytesAt(clearOf(`${ns}${name}`), 'data', 'encryption-config'),
        configuration(
          type,
          '1',
          102,
          'oauthaccesstokens.oauth.openshift.io',
          'oauthauthorizetokens.oauth.openshift.io',
        ),
        name,
      );
    for (const { document } of atRest.files) assert.equal(Buffer.from(clearOf(document.path)).toString(), text);
    // Key 2 of the kube-apiserver was the newest: it becomes key 1, whose Secret exists.
    const managed = `${ns}openshift-config-managed/encryption-key-`;
    assert.equal(after.get(`${managed}openshift-kube-apiserver-2`)?.kind, 'removed');
    assert.equal(
      bytesAt(
        clearOf(`${managed}openshift-kube-apiserver-1`),
        'data',
        'encryption.apiserver.operator.openshift.io-key',
      ),
      key(100).toString('latin1'),
    );
    assert.equal(
      bytesAt(clearOf(`${managed}openshift-kube-apiserver-1`), 'metadata', 'name'),
      'encryption-key-openshift-kube-apiserver-1',
    );
    assert.equal(
      bytesAt(clearOf(`${managed}openshift-apiserver-1`), 'data', 'encryption.apiserver.operator.openshift.io-key'),
      key(101).toString('latin1'),
    );
    assert.equal(bytesAt(clearOf(mine), 'data', 'x'), 'renewed');
    for (const name of cluster.stored.keys())
      assert.equal(after.has(name), !name.includes('apiservers') && !name.includes('oauth/clients'), name);
    const now: Values = new Map(
      [...after].flatMap(([name, replacement]) =>
        replacement.kind === 'removed' || name.startsWith(cluster.folder)
          ? []
          : [[name, Buffer.from(seal(name, replacement.after))]],
      ),
    );
    for (const [name, value] of now) assert.deepEqual(encryptionOf(value), { provider: type, keyName: '1' }, name);
    assert.deepEqual(facts, [`encryption at rest (${type}): new keys, 14 etcd values stored under them`]);

    // The cluster that was written is opened by what was written into it.
    for (const { document } of atRest.files) writeFileSync(document.path, clearOf(document.path));
    const again = await findAtRest(etcdHolding([...now, apiServer(type)]), [cluster.folder]);
    for (const [name, value] of now) assert.ok(Buffer.from(again.open(name, value)).equals(clearOf(name)), name);
  });
}

await test('a key Secret takes the name of the given key, inside and outside', async () => {
  using cluster = encryptedCluster('aescbc');
  const atRest = await findAtRest(etcdHolding(cluster.stored), [cluster.folder]);
  const { replacements } = await rotate(clearReader(cluster.stored, atRest.open), atRest, [], {
    openshift: new Secret(configuration('aesgcm', '7', 9, 'routes.route.openshift.io')),
  });
  const made = replacements.find((replacement) => replacement.kind === 'created');
  assert.ok(made?.kind === 'created' && made.in === 'etcd');
  assert.equal(made.key, '/kubernetes.io/secrets/openshift-config-managed/encryption-key-openshift-apiserver-7');
  assert.equal(bytesAt(made.after, 'metadata', 'name'), 'encryption-key-openshift-apiserver-7');
  const changed = replacements.find(
    (replacement) => nameOf(replacement) === '/kubernetes.io/secrets/openshift-apiserver/encryption-config',
  );
  assert.ok(changed?.kind === 'changed');
  // Reduced to its first provider, as upstream writes it.
  assert.equal(
    bytesAt(changed.after, 'data', 'encryption-config'),
    writeConfiguration([
      {
        resources: ['routes.route.openshift.io'],
        providers: [{ type: 'aesgcm', keys: [{ name: '7', secret: key(9) }] }],
      },
    ]),
  );
});

await test('identity, an empty type and none at all are off: the plan stays as it is', async () => {
  for (const type of ['identity', '', undefined]) {
    const atRest = await findAtRest(etcdHolding([apiServer(type)]), []);
    assert.equal(atRest.type, 'off');
    const plan: Replacement[] = [];
    const { replacements, facts, seal } = await rotate(etcdHolding([]), atRest, plan, { kube: new Secret('{}') });
    assert.equal(replacements, plan);
    assert.equal(Buffer.from(seal('/kubernetes.io/secrets/a/b', Buffer.from('x'))).toString(), 'x');
    assert.deepEqual(facts, ["the cluster's etcd is not encrypted; kube_encryption_config has no effect"]);
  }
});

await test('values that are still encrypted after it was switched off are opened', async () => {
  using cluster = encryptedCluster('aescbc');
  cluster.stored.set(...apiServer('identity'));
  const atRest = await findAtRest(etcdHolding(cluster.stored), [cluster.folder]);
  const mine = '/kubernetes.io/secrets/a/mine';
  assert.equal(atRest.type, 'off');
  assert.ok(cluster.clear.get(mine)?.equals(atRest.open(mine, cluster.stored.get(mine) ?? Buffer.alloc(0))));
});

const refused: readonly (readonly [
  string,
  (cluster: ReturnType<typeof encryptedCluster>) => Promise<unknown>,
  RegExp,
])[] = [
  [
    'an etcd of something else',
    () => findAtRest(etcdHolding([]), []),
    /^the etcd key "\/kubernetes\.io\/config\.openshift\.io\/apiservers\/cluster" is absent: this is not the etcd of an OpenShift cluster$/,
  ],
  [
    'an unknown type',
    () => findAtRest(etcdHolding([apiServer('secretbox')]), []),
    /^Unsupported encryption type "secretbox" in APIServer\/cluster$/,
  ],
  [
    'a key that is not on disk',
    ({ stored }) => findAtRest(etcdHolding(stored), []),
    /^the cluster's etcd is encrypted by aescbc, and its key is not to be found$/,
  ],
  [
    'a configuration on disk that is cut off',
    ({ stored, folder }) => {
      writeFileSync(
        join(folder, 'static-pod-resources/kube-apiserver-pod-10/secrets/encryption-config/encryption-config'),
        '{"kind":"Encr',
      );
      return findAtRest(etcdHolding(stored), [folder]);
    },
    /^".*kube-apiserver-pod-10.*" cannot be used: it is not JSON$/,
  ],
  [
    'a configuration on disk with KMS',
    ({ stored, folder }) => {
      writeFileSync(
        join(folder, 'static-pod-resources/kube-apiserver-pod-10/secrets/encryption-config/encryption-config'),
        configuration('kms', '1', 1, 'secrets'),
      );
      return findAtRest(etcdHolding(stored), [folder]);
    },
    /^".*" cannot be used: the provider "kms" is not known$/,
  ],
  [
    'a Secret of the OAuth API server that is absent',
    ({ stored, folder }) => {
      stored.delete('/kubernetes.io/secrets/openshift-oauth-apiserver/encryption-config');
      return findAtRest(etcdHolding(stored), [folder]);
    },
    /^the cluster's etcd is encrypted by aescbc, and the etcd key "\/kubernetes\.io\/secrets\/openshift-oauth-apiserver\/encryption-config" is absent$/,
  ],
  [
    'a damaged value',
    async ({ stored, folder }) =>
      (await findAtRest(etcdHolding(stored), [folder])).open(
        '/kubernetes.io/secrets/a/mine',
        Buffer.from('k8s:enc:aescbc:v1:2:0123456789abcdef0123456789abcdef'),
      ),
    /^the etcd value of "\/kubernetes\.io\/secrets\/a\/mine" cannot be opened: the aescbc key "2" does not open the value$/,
  ],
  [
    'a given configuration that encrypts nothing',
    async ({ stored, folder }) =>
      rotate(etcdHolding(stored), await findAtRest(etcdHolding(stored), [folder]), [], {
        kube: new Secret(
          '{"kind":"EncryptionConfiguration","apiVersion":"apiserver.config.k8s.io/v1","resources":[{"resources":["secrets"],"providers":[{"identity":{}}]}]}',
        ),
      }),
    /^kube_encryption_config cannot be used: its first provider does not encrypt$/,
  ],
  [
    'a given key of 16 bytes',
    async ({ stored, folder }) =>
      rotate(etcdHolding(stored), await findAtRest(etcdHolding(stored), [folder]), [], {
        kube: new Secret(
          configuration('aescbc', '1', 1, 'secrets').replace(
            key(1).toString('base64'),
            Buffer.alloc(16).toString('base64'),
          ),
        ),
      }),
    /^kube_encryption_config cannot be used: the aescbc key "1" has 16 bytes, 32 are needed$/,
  ],
  [
    'given configurations of one resource',
    async ({ stored, folder }) =>
      rotate(etcdHolding(stored), await findAtRest(etcdHolding(stored), [folder]), [], {
        oauth: new Secret(configuration('aescbc', '1', 1, 'secrets')),
      }),
    /^encryption configurations contain overlapping resources$/,
  ],
];
for (const [what, act, message] of refused) {
  await test(`${what} is refused`, async () => {
    using cluster = encryptedCluster('aescbc');
    await assert.rejects(
      act(cluster),
      (error) => error instanceof Failure && message.test(error.message) && (error.next ?? '') !== '',
    );
  });
}
