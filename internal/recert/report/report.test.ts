import assert from 'node:assert/strict';
import { test } from 'tap';
import { yamlTree } from '../../edit/yaml.ts';
import type { RecertConfig } from '../../config/recert-config.ts';
import { Failure } from '../../errors/errors.ts';
import { Secret } from '../../log/secret.ts';
import { summaryText } from './report.ts';
import {
  certPem,
  configMap,
  file,
  keyPem,
  kubeconfig,
  pair,
  pemOf,
  renewing,
  rsa,
  secret,
  tlsSecret,
  token,
} from '../test-documents.ts';

const hidden = {
  keyPem: 'the given key',
  pullSecret: '{"auths":{"quay.io":{"auth":"cHVsbA=="}}}',
  hash: '$2a$10$kubeadmin',
  install: 'pullSecret: deep',
  raw: '{"pull_secret":"raw"}',
  encryption: '{"kind":"EncryptionConfiguration","secret":"enc"}',
};

const config: RecertConfig = {
  etcdEndpoint: '127.0.0.1:2379',
  dryRun: false,
  postprocessOnly: false,
  crypto: {
    dirs: ['/kubernetes'],
    files: [],
    nameRules: [{ old: 'a', new: 'b' }],
    ipChangeOnly: false,
    extendExpiration: true,
    forceExpire: false,
    keepSerialNumbers: false,
    externalCertificates: [],
    useKeyRules: [{ commonName: 'lb', keyPem: new Secret(hidden.keyPem), from: '/key' }],
    useCertRules: [],
  },
  cluster: {
    dirs: [],
    files: [],
    addresses: [],
    machineNetworks: [],
    kubeadminPasswordHash: new Secret(hidden.hash),
    pullSecret: new Secret(hidden.pullSecret),
    installConfig: new Secret(hidden.install),
    proxy: new Secret('http://me:proxypass@p:1|https://p:2|no|http://me:proxypass@p:1|https://p:2|no'),
  },
  encryption: { kube: new Secret(hidden.encryption) },
  etcdDefrag: false,
  stateFolder: '/var/lib/recert',
  summaryFileClean: '/var/tmp/clean',
  raw: { route: 'flags', text: new Secret(hidden.raw) },
};

async function cluster() {
  const ca = await pair('ca', { shape: rsa });
  const leaf = await pair('leaf', { by: ca, serial: Uint8Array.of(9) });
  const signing = await pair('unused', { shape: rsa });
  const bearer = await token(signing.key, { kid: 'yes' });
  const documents = [
    tlsSecret('openshift-x/signer', ca),
    tlsSecret('openshift-x/leaf', leaf, ca),
    secret(
      'openshift-x/sa',
      {
        'service-account.key': keyPem(signing),
        'service-account.pub': pemOf('RSA PUBLIC KEY', signing.key.public.spki),
      },
      { annotations: { 'openshift.io/token-secret.value': bearer } },
    ),
    configMap('openshift-x/ca', { 'ca-bundle.crt': certPem(ca) }),
    file('/etc/kubernetes/kubeconfig', kubeconfig({ ca, client: leaf })),
  ];
  return { ca, leaf, signing, bearer, renewal: await renewing(documents, { validity: 'extend' }) };
}

type Tree = Record<string, unknown>;
const at = (tree: unknown, ...path: (string | number)[]): unknown =>
  path.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown> | undefined)?.[step], tree);

test("the full summary has the reference's shape, with keys and tokens, old and new", async () => {
  const { renewal, signing, bearer, ca } = await cluster();
  const tree = yamlTree(
    summaryText(
      { config, renewal, renamed: undefined, commitMs: 1234, logs: ['one', 'two'], error: undefined },
      'full',
    ),
  );
  assert.deepEqual(Object.keys(tree as Tree), ['cluster_crypto', 'recert_config', 'logs', 'run_times', 'error']);
  const crypto = at(tree, 'cluster_crypto');
  const [root, ...more] = at(crypto, 'cert_key_pairs') as Tree[];
  assert.deepEqual(more, []);
  assert.deepEqual(Object.keys(root ?? {}), ['pair_private_key', 'pair_cert', 'signees', 'associated_public_key']);
  assert.equal(at(root, 'pair_cert', 'certificate', 'subject'), 'CN=ca');
  assert.equal(at(root, 'pair_cert', 'certificate', 'validity_end'), '360101000000Z');
  assert.equal(at(root, 'signees', 0, 'pair_cert', 'certificate', 'subject'), 'CN=leaf');
  assert.deepEqual(at(root, 'pair_cert', 'locations'), {
    k8s: [
      'k8s: Secret/openshift-x:signer /data/tls.crt, encoded as a byte array, in PEM bundle at index 0',
      'k8s: Secret/openshift-x:leaf /data/tls.crt, encoded as a byte array, in PEM bundle at index 1',
      'k8s: ConfigMap/openshift-x:ca /data/ca-bundle.crt, without encoding, in PEM bundle at index 0',
    ],
    filesystem: [
      'file: /etc/kubernetes/kubeconfig /clusters/0/cluster/certificate-authority-data, encoded as base64, in PEM bundle at index 0',
    ],
  });
  const pemInside = Buffer.from(String(at(root, 'pair_private_key', 'key')), 'base64').toString();
  assert.equal(pemInside, keyPem(ca, 'pkcs8'));
  assert.notEqual(at(root, 'pair_private_key', 'key_regenerated'), null);
  const standalone = at(crypto, 'standalone_private_keys', 0);
  assert.equal(Buffer.from(String(at(standalone, 'key')), 'base64').toString(), keyPem(signing, 'pkcs8'));
  assert.equal(at(standalone, 'signees', 0, 'jwt'), bearer);
  assert.deepEqual(at(standalone, 'signees', 0, 'locations', 'k8s'), [
    'k8s: Secret/openshift-x:sa /metadata/annotations/openshift.io~1token-secret.value, without encoding, jwt',
  ]);
  assert.equal(at(crypto, 'standalone_public_keys', 0, 'associated'), true);
  assert.equal(at(tree, 'recert_config', 'cluster_customizations', 'pull_secret'), hidden.pullSecret);
  assert.equal(at(tree, 'run_times', 'commit_to_actual_etcd_run_time'), '1.234s');
  assert.equal(at(tree, 'error'), null);
});

test('the clean summary is the same without any secret', async () => {
  const { renewal, signing, bearer, ca, leaf } = await cluster();
  const [clean, full] = (['clean', 'full'] as const).map((variant) =>
    summaryText({ config, renewal, renamed: undefined, commitMs: undefined, logs: [], error: undefined }, variant),
  );
  assert.ok(clean !== undefined && full !== undefined);
  const shape = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(shape)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shape(member)]))
        : typeof value;
  assert.deepEqual(shape(yamlTree(clean)), shape(yamlTree(full)));
  const after = [...renewal.record.keys].flatMap(({ privateAfter }) =>
    privateAfter === undefined ? [] : [privateAfter],
  );
  assert.ok(after.length === 3);
  const secrets = [
    ...Object.values(hidden),
    'proxypass',
    bearer,
    ...renewal.record.tokens.map((one) => one.after ?? ''),
    ...[ca, leaf, signing, ...after.map((key) => ({ key }))].flatMap((one) =>
      (['pkcs8'] as const).flatMap((form) => [keyPem(one, form), Buffer.from(keyPem(one, form)).toString('base64')]),
    ),
  ];
  for (const value of secrets) {
    assert.ok(!clean.includes(value));
    assert.ok(
      full.includes(value) || value.startsWith('-----BEGIN') || value.startsWith('{') || value.startsWith('pull'),
      'the full one has it',
    );
  }
  assert.ok(clean.includes('<redacted>'));
  assert.equal(
    at(yamlTree(clean), 'recert_config', 'cluster_customizations', 'proxy', 'spec_proxy', 'http_proxy'),
    'http://<redacted>@p:1',
  );
});

test('a run that failed has a summary, too, with the reason and as much as was known', async () => {
  const error = new Failure('no file for you', {
    why: 'the disk is full',
    cause: Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC' }),
  });
  const early = yamlTree(
    summaryText({ config, renewal: undefined, renamed: undefined, commitMs: undefined, logs: ['x'], error }, 'clean'),
  );
  assert.equal(at(early, 'error'), 'no file for you: the disk is full: ENOSPC: no space');
  assert.equal(at(early, 'run_times'), null);
  assert.deepEqual(at(early, 'cluster_crypto'), {
    standalone_private_keys: [],
    standalone_public_keys: [],
    cert_key_pairs: [],
  });
  const { renewal } = await cluster();
  assert.equal(
    (
      at(
        yamlTree(summaryText({ config, renewal, renamed: undefined, commitMs: undefined, logs: [], error }, 'clean')),
        'cluster_crypto',
        'cert_key_pairs',
      ) as unknown[]
    ).length,
    1,
  );
  const leaky = new Failure('outer', { cause: new Error('unexpected token "hunter2" in JSON') });
  assert.equal(
    at(
      yamlTree(
        summaryText(
          { config, renewal: undefined, renamed: undefined, commitMs: undefined, logs: [], error: leaky },
          'clean',
        ),
      ),
      'error',
    ),
    'outer',
  );
});

test('a new identity stands in the summary by option and document, with values before and after', async () => {
  const renamed = {
    ms: 250,
    renamings: [
      {
        option: 'hostname',
        says: 'Name of the node',
        document: 'etcd:/kubernetes.io/secrets/openshift-etcd/etcd-peer-a',
        kind: 'moved',
        to: 'etcd:/kubernetes.io/secrets/openshift-etcd/etcd-peer-b',
        notes: [{ path: '/metadata/name', before: 'etcd-peer-a', after: 'etcd-peer-b' }],
      },
      {
        option: 'ip',
        says: 'Address of the node',
        document: 'etcd:/kubernetes.io/pods/a/b',
        kind: 'removed',
        notes: [],
      },
      {
        option: 'ip',
        says: 'Address of the node',
        document: 'file:/etc/x',
        kind: 'changed',
        notes: [{ path: 'line 1', before: undefined, after: '192.0.2.2' }],
      },
    ],
  } as const;
  const tree = yamlTree(
    summaryText({ config, renewal: undefined, renamed, commitMs: undefined, logs: [], error: undefined }, 'clean'),
  );
  assert.deepEqual(at(tree, 'cluster_identity'), [
    {
      option: 'hostname',
      changed: [
        {
          document: 'etcd:/kubernetes.io/secrets/openshift-etcd/etcd-peer-a',
          renamed_to: 'etcd:/kubernetes.io/secrets/openshift-etcd/etcd-peer-b',
          values: [{ path: '/metadata/name', before: 'etcd-peer-a', after: 'etcd-peer-b' }],
        },
      ],
      removed: [],
    },
    {
      option: 'ip',
      changed: [{ document: 'file:/etc/x', values: [{ path: 'line 1', before: null, after: '192.0.2.2' }] }],
      removed: ['etcd:/kubernetes.io/pods/a/b'],
    },
  ]);
});
