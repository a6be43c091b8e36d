import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { test } from 'tap';
import { UsageError } from '../errors/errors.ts';
import { recertFields } from './recert-config-fields.ts';
import { readRecertConfigFile, readRecertFlags, type RecertConfig } from './recert-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'recert-config-'));
process.once('exit', () => {
  rmSync(folder, { recursive: true });
});
const put = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const keyPem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const key = put('signer.key', keyPem);
const cert =
  '-----BEGIN CERTIFICATE-----\nMIIBdzCCAR2gAwIBAgIUGs2PW1bA1vQY4y1mGuqBH2Bxv7gwCgYIKoZIzj0EAwIw\n-----END CERTIFICATE-----\n';

const fromText = (text: string): Promise<RecertConfig> => readRecertConfigFile(put('recert.yaml', text));
const from = (config: object): Promise<RecertConfig> => fromText(JSON.stringify(config));

/** The file that the lifecycle agent writes for `force_expire` while a seed is made, with paths of this test. */
await test("the production caller's keys are read: lists, comma rules, a key rule with a blank, equal sides", async () => {
  const config = await from({
    force_expire: true,
    etcd_endpoint: 'localhost:2379',
    summary_file_clean: '/var/tmp/recert-summary.yaml',
    crypto_dirs: [folder],
    crypto_files: [key],
    cluster_customization_dirs: [folder],
    cluster_customization_files: [key],
    cn_san_replace_rules: ['system:node:a,system:node:b', 'a,a', '192.0.2.1:192.0.2.2', 'fd00::1,fd00::2'],
    use_key_rules: [`kube-apiserver-lb-signer ${key}`],
    etcd_defrag: true,
  });
  assert.equal(config.etcdEndpoint, 'localhost:2379');
  assert.deepEqual(config.crypto.nameRules, [
    { old: 'system:node:a', new: 'system:node:b' },
    { old: 'a', new: 'a' },
    { old: '192.0.2.1', new: '192.0.2.2' },
    { old: 'fd00::1', new: 'fd00::2' },
  ]);
  assert.deepEqual(
    config.crypto.useKeyRules.map(({ commonName, keyPem: pem, from: path }) => [
      commonName,
      pem.reveal() === keyPem,
      path,
    ]),
    [['kube-apiserver-lb-signer', true, key]],
  );
  assert.deepEqual(
    [config.crypto.forceExpire, config.etcdDefrag, config.dryRun, config.stateFolder, config.crypto.keepSerialNumbers],
    [true, true, false, '/var/lib/recert', false],
  );
  assert.deepEqual([config.cluster.dirs, config.cluster.files, config.raw.route], [[folder], [key], 'file']);
});

await test('a key rule takes a file after a colon or a blank, and PEM text after either', async () => {
  const config = await from({
    crypto_dirs: [folder],
    use_key_rules: [`a:${key}`, `b ${key}`, `c:${keyPem}`, `d ${keyPem}`],
  });
  assert.deepEqual(
    config.crypto.useKeyRules.map(({ commonName, keyPem: pem, from: source }) => [commonName, pem.reveal(), source]),
    [
      ['a', keyPem, key],
      ['b', keyPem, key],
      ['c', keyPem, 'PEM text'],
      ['d', keyPem, 'PEM text'],
    ],
  );
});

await test('static_dirs and static_files stand for both lists each', async () => {
  const { crypto, cluster } = await from({ static_dirs: [folder], static_files: [key] });
  assert.deepEqual([crypto.dirs, crypto.files, cluster.dirs, cluster.files], [[folder], [key], [folder], [key]]);
});

await test('without etcd_endpoint only files are renewed', async () => {
  assert.equal((await from({ crypto_files: [key] })).etcdEndpoint, undefined);
});

await test('force_expire and etcd_defrag, extend_expiration and regenerate_server_ssh_keys go together on both routes', async () => {
  assert.equal(
    (
      await readRecertFlags(
        {
          etcd_endpoint: 'localhost:2379',
          extend_expiration: true,
          etcd_defrag: true,
          regenerate_server_ssh_keys: folder,
        },
        [],
      )
    ).serverSshKeys,
    folder,
  );
  assert.equal(
    (
      await from({
        etcd_endpoint: 'http://[::1]:2379',
        force_expire: true,
        etcd_defrag: true,
        regenerate_server_ssh_keys: folder,
      })
    ).etcdEndpoint,
    '[::1]:2379',
  );
});

await test('empty lists of the new identity ask for nothing', async () => {
  const config = await from({ crypto_dirs: [folder], ip: [], machine_network_cidr: [] });
  assert.deepEqual(config.cluster, { addresses: [], machineNetworks: [], dirs: [], files: [] });
});

await test('flags give the same configuration as the file', async () => {
  const flags = await readRecertFlags(
    {
      etcd_endpoint: 'localhost:2379',
      crypto_dirs: [folder],
      cn_san_replace_rules: ['a:b'],
      threads: '3',
      extend_expiration: true,
    },
    ['--threads', '3'],
  );
  const file = await from({
    etcd_endpoint: 'localhost:2379',
    crypto_dirs: [folder],
    cn_san_replace_rules: ['a:b'],
    threads: 3,
    extend_expiration: true,
  });
  assert.deepEqual({ ...flags, raw: 0 }, { ...file, raw: 0 });
  assert.deepEqual([flags.raw.route, flags.raw.text.reveal()], ['flags', '["--threads","3"]']);
});

type Wrong = readonly [what: string, config: object | string, message: string];
const wrong: readonly Wrong[] = [
  [
    'a list instead of keys',
    '- a\n',
    `failed to read config file ${folder}/recert.yaml: it holds a list, not keys and values`,
  ],
  [
    'half a JSON text',
    '{"dry_run": tr',
    `failed to read config file ${folder}/recert.yaml: Flow map must end with a } at line 1, column 15`,
  ],
  [
    'an unknown key near a known one',
    { etcd_endpiont: 'x' },
    'unknown keys "etcd_endpiont" in config file, nearest known key is "etcd_endpoint"',
  ],
  ['unknown keys far from all', { colour: 1, zzz: 2 }, 'unknown keys "colour, zzz" in config file'],
  [
    'a key of the other spelling',
    { 'dry-run': true },
    'unknown keys "dry-run" in config file, nearest known key is "dry_run"',
  ],
  ['null for a text', { hostname: null }, 'hostname must be a string'],
  ['null for a number', { threads: null }, 'threads must be an integer'],
  ['null for a truth value', { dry_run: null }, 'dry_run must be a boolean'],
  ['null for a list', { crypto_dirs: null }, 'crypto_dirs must be an array of strings'],
  ['null for a secret', { pull_secret: null }, 'pull_secret must be a string'],
  ['a text for a truth value', { etcd_defrag: 'yes' }, 'etcd_defrag must be a boolean'],
  ['a number in a list', { crypto_files: [1] }, 'crypto_files must be an array of strings'],
  ['a map for addresses', { ip: {} }, 'ip must be a string or an array of strings'],
  ['no threads', { threads: 0 }, 'threads must be an integer from 1, it is 0'],
  ['half a thread', { threads: 1.5 }, 'threads must be an integer'],
  ['an endpoint without port', { etcd_endpoint: 'localhost' }, 'etcd_endpoint "localhost" is not host:port'],
  [
    'an endpoint with TLS',
    { etcd_endpoint: 'https://localhost:2379' },
    'etcd_endpoint "https://localhost:2379" asks for TLS, which the etcd of a stopped cluster does not speak',
  ],
  [
    'an endpoint with a port that cannot be',
    { etcd_endpoint: 'localhost:99999' },
    'etcd_endpoint "localhost:99999" is not host:port',
  ],
  ['a missing crypto folder', { crypto_dirs: ['/nonexistent/a'] }, 'crypto_dir must exist: /nonexistent/a'],
  ['a file as crypto folder', { crypto_dirs: [key] }, `crypto_dir must be a directory: ${key}`],
  ['a missing crypto file', { crypto_files: ['/nonexistent/a'] }, 'crypto_file must exist: /nonexistent/a'],
  ['a folder as crypto file', { crypto_files: [folder] }, `crypto_file must be a file: ${folder}`],
  [
    'a missing customization folder',
    { cluster_customization_dirs: ['/nonexistent/a'] },
    'cluster_customization_dir must exist: /nonexistent/a',
  ],
  [
    'a missing customization file',
    { cluster_customization_files: ['/nonexistent/a'] },
    'cluster_customization_file must exist: /nonexistent/a',
  ],
  [
    'a missing folder of SSH keys',
    { regenerate_server_ssh_keys: '/nonexistent/ssh' },
    'regenerate_server_ssh_keys must exist: /nonexistent/ssh',
  ],
  [
    'old and new spelling of folders',
    { static_dirs: [folder], crypto_dirs: [folder] },
    'static_dirs and crypto_dirs are mutually exclusive',
  ],
  [
    'old and new spelling of files',
    { static_files: [key], cluster_customization_files: [] },
    'static_files and cluster_customization_files are mutually exclusive',
  ],
  [
    'a rule of three parts',
    { cn_san_replace_rules: ['a,b,c'] },
    'cn_san_replace rule "a,b,c" is not of the form old,new or old:new',
  ],
  [
    'a rule of an IPv6 address with colons',
    { cn_san_replace_rules: ['fd00::1:fd00::2'] },
    'cn_san_replace rule "fd00::1:fd00::2" is not of the form old,new or old:new',
  ],
  [
    'a rule of one part',
    { cn_san_replace_rules: ['a'] },
    'cn_san_replace rule "a" is not of the form old,new or old:new',
  ],
  [
    'an address change without rule',
    { ip_change_only: true },
    'ip-change-only requires at least one cn_san_replace rule',
  ],
  ['a key rule of one part', { use_key_rules: ['signer'] }, 'a use_key rule is not of the form CN:FILE or CN FILE'],
  [
    'a key rule with a colon in its name',
    { use_key_rules: [`system:node ${key}`] },
    `use_key file must exist: node ${key}`,
  ],
  ['a key rule without its file', { use_key_rules: ['a:/nonexistent/k'] }, 'use_key file must exist: /nonexistent/k'],
  [
    'a key rule with an empty file',
    { use_key_rules: [`a ${put('empty.key', '')}`] },
    `unknown private key format for CN a in ${folder}/empty.key`,
  ],
  [
    'a key rule with a public key',
    { use_key_rules: [`a ${put('pub.key', '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n')}`] },
    `unknown private key format for CN a in ${folder}/pub.key`,
  ],
  [
    'a key rule with half a key',
    { use_key_rules: [`a:${keyPem.slice(0, 90)}`] },
    'the private key for CN a in PEM text cannot be read',
  ],
  [
    'a key rule of PEM text without name',
    { use_key_rules: [`:${keyPem}`] },
    'a use_key rule with PEM text has no common name before it',
  ],
  [
    'a certificate rule without its file',
    { use_cert_rules: ['/nonexistent/c'] },
    'use_cert file must exist: /nonexistent/c',
  ],
  ['a certificate rule of two certificates', { use_cert_rules: [cert + cert] }, 'use_cert PEM text holds 2 PEM blocks'],
  ['a certificate rule of a key', { use_cert_rules: [key] }, `use_cert ${key} holds a block "PRIVATE KEY"`],
  [
    'a certificate rule of half a certificate',
    { use_cert_rules: [cert] },
    'the certificate of use_cert PEM text cannot be read',
  ],
  [
    'extension and expiry',
    { extend_expiration: true, force_expire: true },
    'extend_expiration and force_expire are mutually exclusive',
  ],
  ['dry run and expiry', { dry_run: true, force_expire: true }, 'dry_run and force_expire are mutually exclusive'],
  [
    'dry run and extension',
    { dry_run: true, extend_expiration: true },
    'dry_run and extend_expiration are mutually exclusive',
  ],
  [
    'dry run and defragmentation',
    { dry_run: true, etcd_defrag: true },
    'dry_run and etcd_defrag are mutually exclusive',
  ],
  ['an empty summary file', { summary_file: '' }, 'summary_file must not be empty'],
  [
    'both summaries in one file',
    { summary_file: '/a', summary_file_clean: '/a' },
    'summary_file and summary_file_clean must not be the same',
  ],
  ['a folder as summary file', { summary_file_clean: folder }, `summary_file_clean must be a file: ${folder}`],
  [
    'a state folder among the keys',
    { crypto_dirs: [folder], state_dir: join(folder, 'state') },
    `the state folder "${folder}/state" is inside of the crypto_dir "${folder}", where copies of originals would be renewed, too`,
  ],
  ['a relative state folder', { state_dir: 'here' }, 'state_dir "here" is not an absolute path'],
  [
    'an encryption configuration that is no JSON',
    { kube_encryption_config: '{' },
    'kube_encryption_config is not JSON',
  ],
  [
    'an encryption configuration of another kind',
    { openshift_encryption_config: '{"kind":"Secret"}' },
    'openshift_encryption_config is not of kind EncryptionConfiguration',
  ],
  [
    'an encryption configuration of another version',
    { oauth_encryption_config: '{"kind":"EncryptionConfiguration","apiVersion":"v1"}' },
    'oauth_encryption_config is not of apiVersion apiserver.config.k8s.io/v1',
  ],
  [
    'an encryption configuration without its file',
    { kube_encryption_config: '/nonexistent/e' },
    'kube_encryption_config must exist: /nonexistent/e',
  ],
  [
    'a name of the cluster without domain',
    { cluster_rename: 'a' },
    'cluster_rename "a" is not of the form name:domain or name:domain:infra-id',
  ],
  ['three addresses', { ip: ['a', 'b', 'c'] }, 'ip array must have up to 2 elements, it has 3'],
  [
    'three machine networks',
    { machine_network_cidr: ['a', 'b', 'c'] },
    'machine_network_cidr array must have up to 2 elements, it has 3',
  ],
  ['a proxy of five parts', { proxy: '||||' }, 'proxy must have six parts between bars, it has 5'],
  ['an empty trust bundle', { user_ca_bundle: '' }, 'additional_trust_bundle must exist'],
  ['a trust bundle with a key', { user_ca_bundle: key }, `user_ca_bundle "${key}" holds a block "PRIVATE KEY"`],
  [
    'a bundle of the proxy twice',
    { proxy_trusted_ca_bundle: `user-ca-bundle:${key}` },
    'user-ca-bundle configmap name requires ca-bundle to be empty',
  ],
  [
    'a bundle of the proxy that is nowhere',
    { proxy_trusted_ca_bundle: 'user-ca-bundle:' },
    'proxy user-ca-bundle configmap name requires user-ca-bundle to be set',
  ],
  ['a bundle of the proxy without text', { proxy_trusted_ca_bundle: 'mine:' }, 'missing additional trust bundle'],
  ...[
    'cluster_rename',
    'hostname',
    'install_config',
    'pull_secret',
    'chrony_config',
    'proxy_trusted_ca_bundle',
    'proxy',
  ].map((name): Wrong => [`an empty ${name}`, { [name]: '' }, `${name} must not be empty`]),
  ['a name of the cluster with a blank', { cluster_rename: 'a b:c.d' }, 'cluster_rename: "a b" is not a name in DNS'],
  ['a domain that ends in a dot', { cluster_rename: 'a:c.d.' }, 'cluster_rename: "c.d." is not a domain in DNS'],
  [
    'an infrastructure id that is none',
    { cluster_rename: 'a:c.d:x_y' },
    'cluster_rename: "x_y" is not an infrastructure id',
  ],
  [
    'a name of the cluster with four parts',
    { cluster_rename: 'a:b:c:d' },
    'cluster_rename "a:b:c:d" is not of the form name:domain or name:domain:infra-id',
  ],
  ['a host name in capitals', { hostname: 'Node-A' }, 'hostname "Node-A" is not the name of a node'],
  ['a host name with an underscore', { hostname: 'node_a' }, 'hostname "node_a" is not the name of a node'],
  ['an address that is none', { ip: '192.0.2.256' }, 'ip "192.0.2.256" is not an IP address'],
  ['an empty address', { ip: '' }, 'ip "" is not an IP address'],
  ['an address with a zone', { ip: 'fe80::1%eth0' }, 'ip "fe80::1%eth0" is not an IP address'],
  [
    'two addresses of one family',
    { ip: ['192.0.2.1', '192.0.2.2'] },
    'ip "192.0.2.1" and "192.0.2.2" are of one family',
  ],
  [
    'a machine network without length',
    { machine_network_cidr: '192.0.2.0' },
    'machine_network_cidr "192.0.2.0" is not a network',
  ],
  [
    'a machine network too long',
    { machine_network_cidr: '192.0.2.0/33' },
    'machine_network_cidr "192.0.2.0/33" is not a network',
  ],
  ['a proxy of four parts', { proxy: 'http://a|http://b|c|d' }, 'proxy must have six parts between bars, it has 4'],
  [
    'an install-config that is a list',
    { install_config: '- a' },
    'install_config is not a YAML document of keys and values',
  ],
  [
    'an install-config that is broken',
    { install_config: 'a: [' },
    'install_config is not a YAML document of keys and values',
  ],
  ['a trust bundle that is no PEM', { user_ca_bundle: 'no\ncertificate\n' }, 'user_ca_bundle holds no certificate'],
  [
    'a bundle of the proxy that is no PEM',
    { proxy_trusted_ca_bundle: 'mine:no\ncertificate\n' },
    'proxy_trusted_ca_bundle holds no certificate',
  ],
  [
    'a bundle of the proxy without name',
    { proxy_trusted_ca_bundle: ':/etc/x' },
    'proxy_trusted_ca_bundle is not of the form name:bundle',
  ],
  [
    'a new identity without etcd',
    { hostname: 'b', ip: '192.0.2.1', crypto_dirs: [folder] },
    'hostname, ip: the identity of a cluster is changed in etcd and in files together, and there is no etcd_endpoint',
  ],
  [
    'nothing to renew',
    { extend_expiration: true },
    'there is nothing to renew: no etcd_endpoint, no crypto_dirs, no crypto_files',
  ],
];

for (const [what, config, message] of wrong) {
  await test(`${what} is refused with one clear error`, async () => {
    await assert.rejects(typeof config === 'string' ? fromText(config) : from(config), (error) => {
      assert.ok(error instanceof UsageError, inspect(error));
      assert.equal(error.message, message);
      assert.ok(error.next !== undefined, 'no advice');
      return true;
    });
  });
}

await test('a missing file is named', async () => {
  await assert.rejects(readRecertConfigFile('/nonexistent/recert.yaml'), {
    message: 'config file must exist: /nonexistent/recert.yaml',
  });
});

await test('a wrong flag names the flag', async () => {
  await assert.rejects(readRecertFlags({ threads: 'many' }, []), { message: '--threads: threads must be an integer' });
});

await test('an IPv6 address is taken in its shortest form', async () => {
  assert.deepEqual(
    (await from({ etcd_endpoint: 'localhost:2379', ip: ['192.0.2.1', '2001:DB8:0:0::1'] })).cluster.addresses,
    ['192.0.2.1', '2001:db8::1'],
  );
});

await test('no secret of a configuration has a printable form, and none stands in an error', async () => {
  const secret = 'topsecretvalue';
  for (const config of [
    { proxy: secret },
    { use_key_rules: [`a b ${secret}`] },
    { use_key_rules: [`-----BEGIN ${secret}\n`] },
    { kubeadmin_password_hash: secret },
    { pull_secret: secret },
    { install_config: secret },
    { kube_encryption_config: `{${secret}` },
  ]) {
    await assert.rejects(
      from(config),
      (error) => !inspect(error, { depth: 9 }).includes(secret),
      JSON.stringify(config),
    );
  }
  assert.ok(
    !inspect(await from({ crypto_dirs: [folder], use_key_rules: [`a:${keyPem}`] }), { depth: 9 }).includes('BEGIN'),
  );
});

await test('every key has a flag of its own', async () => {
  const flags = Object.values(recertFields).map(({ flag }) => flag);
  assert.equal(new Set(flags).size, flags.length);
});
