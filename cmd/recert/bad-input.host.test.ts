import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'tap';
import { extension } from '../../test/certificates/extensions.ts';
import { cn, makeCertificate } from '../../test/certificates/make.ts';
import { pemOf } from '../../test/certificates/pem.ts';
import { startEtcd } from '../../test/cluster/etcd-server.ts';
import { makeCluster, type Cluster } from '../../test/cluster/cluster.ts';
import { readRecertConfigFile } from '../../internal/config/recert-config.ts';
import { Failure } from '../../internal/errors/errors.ts';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { openHost } from '../../internal/host/host.ts';
import { openLog } from '../../internal/log/log.ts';
import { nodeKeyMaker } from '../../internal/pki/signer.ts';
import { recert } from '../../internal/recert/recert.ts';
import { configOf, contentsOf, runBare, runProgram, worldOf } from './test-recert.ts';

/*
 * What a run refuses, and that nothing is changed then. The wrong configurations are in internal/config/recert-config.test.ts, the
 * failures of the commit itself in internal/recert/commit/commit.host.test.ts.
 */

/** Runs in this process, which is quicker; PATH may be another. */
async function run(cluster: Cluster, config: object, options: { path?: string } = {}): Promise<void> {
  const file = join(cluster.folder, 'recert.json');
  writeFileSync(file, JSON.stringify({ ...configOf(cluster), ...config }));
  const host = openHost({
    log: openLog({ program: 'recert', write: () => undefined }),
    env: { ...process.env, ...(options.path === undefined ? {} : { PATH: options.path }) },
  });
  await recert(host, await readRecertConfigFile(file), {
    stage: () => undefined,
    say: () => undefined,
    warn: () => undefined,
  });
}

/** Runs something that must fail, and holds the world before against the world after, key by key and file by file. */
async function refused(
  cluster: Cluster,
  config: object,
  message: RegExp,
  options: { path?: string } = {},
): Promise<Failure> {
  const before = await worldOf(cluster);
  let failure: unknown;
  await run(cluster, config, options).catch((error: unknown) => {
    failure = error;
  });
  assert.ok(failure instanceof Failure, 'it did not fail');
  assert.match(failure.message, message);
  // Of what may pass by itself the failure block says: run again.
  assert.ok(
    failure.next !== undefined || failure.why !== undefined || failure.transient,
    `no advice: ${failure.message}`,
  );
  // What was written and taken back has new revisions and inodes; what was never touched has the old ones, too.
  assert.deepEqual(contentsOf(await worldOf(cluster)), contentsOf(before));
  return failure;
}

/** Puts a program of this name first on PATH. */
function withProgram(cluster: Cluster, name: string, script: string): string {
  const folder = join(cluster.folder, 'bin');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
  return `${folder}:${process.env['PATH'] ?? ''}`;
}

const apiServerKey = '/kubernetes.io/config.openshift.io/apiservers/cluster';

await test('what is wrong with etcd or with its data is said before anything is written', async (t) => {
  await using cluster = await makeCluster({ size: 'small' });
  await using etcd = await openEtcd(cluster.endpoint);
  const was = await etcd.get(apiServerKey);
  assert.ok(was !== undefined);
  const withApiServer = async (text: string, act: () => Promise<unknown>): Promise<void> => {
    await etcd.commit([{ kind: 'put', key: apiServerKey, value: Buffer.from(text) }]);
    await act();
    await etcd.commit([{ kind: 'put', key: apiServerKey, value: was.value }]);
  };
  const apiServer = (type: string): string =>
    JSON.stringify({
      apiVersion: 'config.openshift.io/v1',
      kind: 'APIServer',
      metadata: { name: 'cluster' },
      spec: { encryption: { type } },
    });

  await t.test('an empty etcd', async () => {
    await using server = await startEtcd(join(cluster.folder, 'empty'));
    await refused(
      cluster,
      { etcd_endpoint: server.endpoint },
      /^No keys found in etcd - is the etcd database empty\/corrupt\?$/,
    );
  });
  await t.test('an etcd of something else', async () => {
    await using server = await startEtcd(join(cluster.folder, 'other'));
    await using other = await openEtcd(server.endpoint);
    await other.commit([{ kind: 'put', key: '/registry/pods/a', value: Buffer.from('x') }]);
    await refused(
      cluster,
      { etcd_endpoint: server.endpoint },
      /is absent: this is not the etcd of an OpenShift cluster$/,
    );
  });
  await t.test('an APIServer that is no object', async () =>
    withApiServer('garbage', () => refused(cluster, {}, /is no object: this is not the etcd of an OpenShift cluster$/)),
  );
  await t.test('an unknown encryption', async () =>
    withApiServer(apiServer('secretbox'), () =>
      refused(cluster, {}, /^Unsupported encryption type "secretbox" in APIServer\/cluster$/),
    ),
  );
  await t.test('encryption without its key', async () =>
    withApiServer(apiServer('aescbc'), () =>
      refused(cluster, {}, /^the cluster's etcd is encrypted by aescbc, and its key is not to be found$/),
    ),
  );
});

await test('what is wrong with files, folders and programs of the host is said before anything is written', async (t) => {
  await using cluster = await makeCluster({ size: 'small' });
  const keys = join(cluster.root, 'kubernetes');
  const someKey = join(keys, 'static-pod-resources/kube-apiserver-certs/secrets/aggregator-client/tls.key');
  assert.ok(existsSync(someKey));
  // A few keys of the cluster, without its etcd: the quick way to the writing.
  const few = {
    etcd_endpoint: undefined,
    crypto_dirs: [dirname(someKey)],
    crypto_files: [],
    cluster_customization_dirs: [],
  };

  await t.test('a read-only file system', async () => {
    execFileSync('mount', ['--bind', keys, keys]);
    try {
      execFileSync('mount', ['-o', 'remount,bind,ro', keys]);
      await refused(cluster, few, /^the file ".*\/kubernetes\/.*" cannot be staged: EROFS$/);
    } finally {
      execFileSync('umount', ['-l', keys]);
    }
  });
  await t.test('an immutable file, met in the middle of the write', async () => {
    execFileSync('chattr', ['+i', someKey]);
    try {
      const { why, next } = await refused(
        cluster,
        few,
        /^the file ".*\/aggregator-client\/tls\.key" cannot be replaced: EPERM$/,
      );
      assert.equal(why, 'what had been written was taken back: nothing is changed');
      assert.equal(next, `take its immutable flag away: chattr -i ${someKey}`);
    } finally {
      execFileSync('chattr', ['-i', someKey]);
    }
  });
  await t.test('a state folder without room', async () => {
    const state = join(cluster.folder, 'small');
    mkdirSync(state);
    execFileSync('truncate', ['-s', '2M', `${state}.img`]);
    execFileSync('mkfs.ext4', ['-q', '-m', '0', `${state}.img`]);
    execFileSync('mount', ['-o', 'loop', `${state}.img`, state]);
    try {
      await refused(cluster, { state_dir: state }, /^the originals cannot be saved in ".*"$/);
    } finally {
      execFileSync('umount', ['-l', state]);
    }
  });
  await t.test('a state folder in memory', async () => {
    await refused(
      cluster,
      { state_dir: '/dev/shm/recert-bad' },
      /is in memory, where originals would be lost with the power$/,
    );
    rmSync('/dev/shm/recert-bad', { recursive: true, force: true });
  });
  await t.test('a state folder that is a file', async () => {
    const file = join(cluster.folder, 'file');
    writeFileSync(file, '');
    await refused(cluster, { state_dir: file }, /^the state folder ".*\/file" cannot be made$/);
  });
  await t.test('a damaged journal', async () => {
    const state = join(cluster.folder, 'damaged');
    mkdirSync(state);
    writeFileSync(join(state, 'journal.json'), '{');
    const failure = await refused(cluster, { state_dir: state }, /^the journal ".*" cannot be read$/);
    assert.equal(failure.exitCode, 3);
  });
  await t.test('a cp that fails with an input/output error', async () => {
    await refused(cluster, few, /^new files cannot be staged: cp: error reading .*: Input\/output error$/, {
      path: withProgram(
        cluster,
        'cp',
        'case "$*" in *--attributes-only*) echo "cp: error reading \'x\': Input/output error" >&2; exit 1;; esac; exec /usr/bin/cp "$@"',
      ),
    });
  });
  await t.test('a cp that fails while it saves originals', async () => {
    await refused(cluster, few, /^the originals cannot be saved in ".*"$/, {
      path: withProgram(
        cluster,
        'cp',
        'case "$*" in *--parents*) echo "cp: Input/output error" >&2; exit 1;; esac; exec /usr/bin/cp "$@"',
      ),
    });
  });
  await t.test('a folder without SSH server keys', async () => {
    await refused(cluster, { regenerate_server_ssh_keys: keys }, /^there is no SSH server key in ".*"$/);
  });
  await t.test('an ssh-keygen that fails', async () => {
    const ssh = join(cluster.folder, 'ssh');
    mkdirSync(ssh);
    writeFileSync(join(ssh, 'ssh_host_rsa_key'), 'old');
    await refused(
      cluster,
      { ...few, regenerate_server_ssh_keys: ssh },
      /^ssh-keygen of this host makes no SSH server key of type "rsa"$/,
      { path: withProgram(cluster, 'ssh-keygen', 'echo "no entropy" >&2; exit 1') },
    );
    assert.equal(readFileSync(join(ssh, 'ssh_host_rsa_key'), 'utf8'), 'old');
  });
  await t.test('a given certificate in the place of one that signed others', async () => {
    const authority = join(cluster.folder, 'given.crt');
    const key = await nodeKeyMaker.make({ type: 'rsa', bits: 2048 });
    const { der } = await makeCertificate({
      subject: cn('aggregator-signer'),
      key,
      keyIds: 'rfc5280-1',
      extensions: [extension.basicConstraints(true)],
    });
    writeFileSync(authority, pemOf('CERTIFICATE', der));
    await refused(cluster, { use_cert_rules: [authority] }, /aggregator-signer/);
  });
});

await test('the program says it in one block, last, with exit codes that scripts can use', async (t) => {
  await using cluster = await makeCluster({ size: 'small' });
  const before = await worldOf(cluster);
  // It waits ten seconds for somebody; the others need not wait for it.
  const clean = join(cluster.folder, 'clean.yaml');
  const nobody = runProgram(
    cluster,
    ['run', '--json'],
    {
      ...configOf(cluster),
      etcd_endpoint: '127.0.0.1:1',
      state_dir: join(cluster.folder, 'nobody'),
      summary_file_clean: clean,
    },
    { file: 'nobody.json' },
  );
  await t.test('another recert at work: exit 3', async () => {
    const config = configOf(cluster);
    mkdirSync(config.state_dir, { recursive: true });
    const [, started] = /\) (?:\S+ ){19}(\d+) /.exec(readFileSync(`/proc/${process.pid}/stat`, 'utf8')) ?? [];
    writeFileSync(join(config.state_dir, 'lock'), `${process.pid} ${started ?? ''}`);
    const { status, stderr } = await runProgram(cluster, [], config);
    rmSync(join(config.state_dir, 'lock'));
    assert.deepEqual(
      [status, stderr.split('\n').slice(0, 3)],
      [
        3,
        [
          'recert: failed at start',
          `what:    another recert is at work (process ${process.pid})`,
          'leaves:  nothing was changed',
        ],
      ],
    );
  });
  await t.test('a state folder that cannot be made: exit 1', async () => {
    const file = join(cluster.folder, 'a-file');
    writeFileSync(file, '');
    const { status, stderr } = await runProgram(cluster, [], { ...configOf(cluster), state_dir: join(file, 'state') });
    assert.deepEqual(
      [status, stderr.split('\n').slice(0, 2)],
      [1, ['recert: failed at start', `what:    the state folder "${file}/state" cannot be made`]],
    );
  });
  const usage: readonly (readonly [string, readonly string[], NodeJS.ProcessEnv, RegExp])[] = [
    ['no configuration', [], {}, /^what: {4}there is no configuration$/m],
    [
      'both routes',
      ['run', '--dry-run'],
      { RECERT_CONFIG: '/etc/recert.json' },
      /^what: {4}RECERT_CONFIG and command line flags are mutually exclusive$/m,
    ],
    ['a missing file', [], { RECERT_CONFIG: '/nonexistent' }, /^what: {4}config file must exist: \/nonexistent$/m],
    ['an unknown flag', ['run', '--dri-run'], {}, /^recert: unknown option '--dri-run'/m],
    ['an unknown command', ['renew'], {}, /^recert: /m],
    [
      'a flag without its value',
      ['run', '--crypto-dir'],
      {},
      /^recert: option '--crypto-dir <dir>' argument missing$/m,
    ],
    [
      'a wrong flag',
      ['check-config', '--threads', 'x', '--crypto-dir', '/tmp'],
      {},
      /^what: {4}--threads: threads must be an integer$/m,
    ],
    [
      'a wrong log level',
      ['status'],
      { RECERT_LOG_LEVEL: 'loud' },
      /^what: {4}RECERT_LOG_LEVEL "loud" is not a log level$/m,
    ],
    [
      'an encryption configuration that encrypts nothing',
      [
        'check-config',
        '--crypto-dir',
        '/tmp',
        '--kube-encryption-config',
        '{"kind":"EncryptionConfiguration","apiVersion":"apiserver.config.k8s.io/v1","resources":[{"resources":["secrets"],"providers":[{"identity":{}}]}]}',
      ],
      {},
      /^what: {4}kube_encryption_config cannot be used: its first provider does not encrypt$/m,
    ],
    [
      'a new identity without etcd',
      ['check-config', '--hostname', 'b', '--crypto-dir', '/tmp'],
      {},
      /^what: {4}hostname: the identity of a cluster is changed in etcd and in files together, and there is no etcd_endpoint$/m,
    ],
    [
      'three addresses',
      [
        'check-config',
        '--etcd-endpoint',
        'localhost:1',
        '--ip',
        '192.0.2.1',
        '--ip',
        '2001:db8::1',
        '--ip',
        '192.0.2.2',
      ],
      {},
      /^what: {4}ip array must have up to 2 elements, it has 3$/m,
    ],
  ];
  await Promise.all(
    usage.map(([what, words, env, message]) =>
      t.test(`${what}: exit 2`, async () => {
        const { status, stderr, stdout } = await runBare(words, { env });
        assert.match(stderr, message);
        assert.deepEqual([status, stdout], [2, '']);
        assert.match(stderr, /^next:/m);
      }),
    ),
  );
  await t.test('nobody at the address of etcd: exit 1', async () => {
    const { status, stdout, stderr } = await nobody;
    assert.equal(status, 1);
    const block = stderr.trimEnd().split('\n');
    assert.deepEqual(
      block.slice(block.indexOf('recert: failed at stage 1/7 open')).filter((line) => !line.includes('ECONNREFUSED')),
      [
        'recert: failed at stage 1/7 open',
        'what:    no etcd answers at "127.0.0.1:1" within 10 s',
        'why:     nothing listens there',
        'leaves:  nothing was changed',
        `next:    start etcd on the cluster's data so that it listens at "127.0.0.1:1", or correct the address, then run: RECERT_CONFIG=${cluster.folder}/nobody.json recert run`,
        'details: recert status',
      ],
    );
    assert.deepEqual(JSON.parse(stdout), {
      state: 'failed',
      at: 'stage 1/7 open',
      what: 'no etcd answers at "127.0.0.1:1" within 10 s',
      leaves: 'nothing was changed',
    });
    assert.match(
      readFileSync(clean, 'utf8'),
      /^error: .?no etcd answers at "127\.0\.0\.1:1" within 10 s: nothing listens there/m,
    );
  });
  assert.deepEqual(await worldOf(cluster), before);
});

await test('a folder that cannot be read ends the run before anything else, without rights of root, too', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const before = await worldOf(cluster);
  const config = join(cluster.folder, 'nobody.json');
  writeFileSync(config, JSON.stringify({ ...configOf(cluster), dry_run: true }));
  chmodSync(cluster.folder, 0o755);
  chmodSync(join(cluster.root, 'kubernetes'), 0o700);
  chmodSync(config, 0o644);
  const { spawnSync } = await import('node:child_process');
  const { status, stderr } = spawnSync(
    'setpriv',
    [
      '--reuid',
      '65534',
      '--regid',
      '65534',
      '--clear-groups',
      process.execPath,
      join(import.meta.dirname, '../main.ts'),
      'recert',
    ],
    { env: { PATH: process.env['PATH'], RECERT_CONFIG: config }, encoding: 'utf8' },
  );
  chmodSync(join(cluster.root, 'kubernetes'), 0o755);
  assert.equal(status, 1, stderr);
  assert.match(stderr, /^what: {4}the folder ".*" cannot be (read|searched): EACCES$/m);
  assert.deepEqual(contentsOf(await worldOf(cluster)), contentsOf(before));
});
