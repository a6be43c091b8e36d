import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { judgeMissing } from '../../test/cluster/apiserver/build.ts';
import { makeCluster } from '../../test/cluster/cluster.ts';
import { gatherEvidence } from '../../test/cluster/evidence.ts';
import { identitiesOf, judge } from '../../test/cluster/judge.ts';
import { verifyWithOpenssl } from '../../test/cluster/openssl-judge.ts';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { configurationFiles } from '../../internal/recert/encryption/seed-files.ts';
import { encryptionOf } from '../../internal/wire/encryption.ts';
import { spansOf } from './test-spans.ts';
import { configOf, runBare, runProgram, worldOf } from './test-recert.ts';
import { wantedKills } from '../../test/tier.ts';

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

await test(
  'recert renews a cluster of 131 pairs: openssl finds nothing of the old and every pair whole, the API server accepts the new and refuses the old',
  { skip: await judgeMissing() },
  async (t) => {
    await using cluster = await makeCluster({ size: 'full' });
    const [before, identities] = [await gatherEvidence(cluster), await identitiesOf(cluster)];
    const ssh = join(cluster.folder, 'ssh');
    mkdirSync(ssh);
    const sshKey = join(ssh, 'ssh_host_ed25519_key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', sshKey]);
    const oldSshKey = readFileSync(sshKey, 'utf8');
    const [full, clean] = [join(cluster.folder, 'full.yaml'), join(cluster.folder, 'clean.yaml')];
    const { status, stdout, stderr } = await runProgram(cluster, [], {
      ...configOf(cluster),
      extend_expiration: true,
      regenerate_server_ssh_keys: ssh,
      summary_file: full,
      summary_file_clean: clean,
    });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /^recert: finished in [\d.]+ s: 132 certificates, 131 private keys and 6 tokens renewed in \d+ etcd values and \d+ files$/m,
    );

    const verdict = await verifyWithOpenssl(cluster, { before, sameValidity: false });
    assert.deepEqual(verdict.faults, []);
    t.comment(
      `openssl verified ${verdict.certificates} certificates, ${verdict.keys} keys and ${verdict.tokens} tokens in ${verdict.places} places`,
    );
    assert.notEqual(readFileSync(sshKey, 'utf8'), oldSshKey);
    assert.equal(
      execFileSync('ssh-keygen', ['-y', '-f', sshKey], { encoding: 'utf8' }).trim(),
      readFileSync(`${sshKey}.pub`, 'utf8').trim(),
    );
    // Both summaries have one shape; only the full one has keys and tokens, in PEM or in base64 of it.
    const secret = /PRIVATE KEY|UFJJVkFURSBLRVk|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW|eyJhbGci/;
    for (const [file, holdsSecrets] of [
      [full, true],
      [clean, false],
    ] as const) {
      const text = readFileSync(file, 'utf8');
      assert.match(
        text,
        /^cluster_crypto:\n[^]*^recert_config:\n[^]*^logs:\n[^]*^run_times:\n {2}scan_run_time: \d+\.\d{3}s\n[^]*^error: null$/m,
      );
      assert.equal(secret.test(text), holdsSecrets, file);
      assert.equal(statSync(file).mode & 0o777, 0o600);
    }

    const { faults, transcript } = await judge(cluster, identities, say);
    assert.deepEqual(faults, []);
    for (const line of transcript) t.comment(line);
  },
);

await test('force_expire, then extend_expiration, restores how long each certificate lasts; the second run works on what the first made', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const [before, evidence] = [await spansOf(cluster), await gatherEvidence(cluster)];
  await using etcd = await openEtcd(cluster.endpoint);
  const revision = await etcd.revision();
  const expiring = await runProgram(cluster, ['run'], { ...configOf(cluster), force_expire: true, etcd_defrag: true });
  assert.equal(expiring.status, 0, expiring.stderr);
  assert.match(expiring.stderr, /^recert: stage 7\/7 defragment: the database of etcd has [\d.]+ MiB, it had [\d.]+$/m);
  await assert.rejects(
    Array.fromAsync(etcd.list('/kubernetes.io/secrets/', { revision })),
    /compacted/,
    'the old keys are still in the history',
  );
  for (const [name, { notAfter }] of await spansOf(cluster)) assert.ok(notAfter <= Date.now(), name);
  assert.equal((await runProgram(cluster, ['run'], { ...configOf(cluster), extend_expiration: true })).status, 0);
  for (const [name, { notBefore, notAfter }] of await spansOf(cluster)) {
    const was = before.get(name);
    assert.equal(notAfter - notBefore, was === undefined ? NaN : was.notAfter - was.notBefore, name);
    assert.ok(Math.abs(notBefore - Date.now()) < 60_000, name);
  }
  assert.deepEqual((await verifyWithOpenssl(cluster, { before: evidence, sameValidity: false })).faults, []);
});

await test('a dry run and a plan write nothing at all', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const config = { ...configOf(cluster), regenerate_server_ssh_keys: join(cluster.root, 'etc/ssh') };
  mkdirSync(config.regenerate_server_ssh_keys, { recursive: true });
  writeFileSync(join(config.regenerate_server_ssh_keys, 'ssh_host_ed25519_key'), 'old');
  const before = await worldOf(cluster);
  const dry = await runProgram(cluster, [], { ...config, dry_run: true, summary_file: '-' });
  assert.equal(dry.status, 0, dry.stderr);
  assert.match(dry.stdout, /^cluster_crypto:\n/);
  assert.match(
    dry.stdout,
    /UFJJVkFURSBLRVk|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW/,
    'a full summary is asked for because of its keys, on standard output, too',
  );
  assert.match(dry.stderr, /would make new SSH server keys: .*ssh_host_ed25519_key$/m);
  assert.match(
    dry.stderr,
    /^recert: dry run finished in [\d.]+ s; nothing was written\. A run would renew 42 certificates, 41 private keys and 6 tokens in \d+ etcd values and \d+ files$/m,
  );
  const plan = await runProgram(cluster, ['plan', '-v'], config);
  assert.equal(plan.status, 0, plan.stderr);
  assert.match(
    plan.stdout,
    /^A run would renew 42 certificates, 41 private keys and 6 tokens, in \d+ etcd values and \d+ files\.$/m,
  );
  assert.match(
    plan.stdout,
    /^ {4}CN=system:node:seed-node\.rack-1, O=system:nodes {2}\(ECDSA P-256, until .*, 1 place\)$/m,
  );
  assert.deepEqual(await worldOf(cluster), before);
  assert.ok(!existsSync(config.state_dir));
});

// Each is a whole run.
const kills = Math.max(2, Math.floor(wantedKills / 4));

await test(`${kills} runs that are killed at any moment of their writing are repaired by the next one, and the status says so in between`, async (t) => {
  await using cluster = await makeCluster({ size: 'small' });
  const config = { ...configOf(cluster), extend_expiration: true };
  const evidence = await gatherEvidence(cluster);
  const found = new Map<string, number>();
  for (let kill = 1; kill <= kills; kill += 1) {
    const { status } = await runProgram(cluster, [], config, {
      onLine: (line, end) => {
        if (line.includes('stage 6/7 commit: Save')) setTimeout(end, Math.random() * 1200);
      },
    });
    const { stdout } = await runProgram(cluster, ['status'], config);
    if (status === 0) assert.match(stdout, /^the run of .* ended at .*: written$/m);
    const phase = /was cut off before it wrote|was cut off while it wrote|wrote everything|ended at .*: written|no run/
      .exec(stdout)?.[0]
      .replace(/ended at.*/, 'ended');
    assert.ok(phase !== undefined, stdout);
    found.set(phase, (found.get(phase) ?? 0) + 1);
  }
  const { status, stderr } = await runProgram(cluster, [], config);
  assert.equal(status, 0, stderr);
  assert.deepEqual((await verifyWithOpenssl(cluster, { before: evidence, sameValidity: false })).faults, []);
  assert.match(
    (await runProgram(cluster, ['status'], config)).stdout,
    /ended at .*: written\n {2}its plan: \d+ etcd values at "127\.0\.0\.1:\d+", \d+ files\n$/,
  );
  assert.deepEqual(readdirSync(config.state_dir).sort(), ['journal.json', 'recert.jsonl']);
  assert.deepEqual(
    readdirSync(cluster.root, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.recert-')),
    [],
  );
  assert.equal(statSync(join(config.state_dir, 'journal.json')).mode & 0o777, 0o600);
  t.comment([...found].map(([phase, count]) => `${phase}: ${count}`).join(', '));
});

await test('a request to stop before the writing ends the run with 75, and nothing is changed', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const before = await worldOf(cluster);
  // The second request comes when the result is told already: it must not change it.
  const { status, stderr } = await runProgram(cluster, [], configOf(cluster), {
    signal: 'SIGTERM',
    onLine: (line, end) => {
      if (line.includes('stage 2/7 renew:') || line.includes('details:')) end();
    },
  });
  assert.equal(status, 75, stderr);
  assert.match(stderr, /^what: {4}stopped on request( while talking to etcd|; nothing was written)$/m);
  assert.match(stderr, /SIGTERM received; the run ends before it writes, or after it has written everything$/m);
  assert.match(stderr, /^leaves: {2}nothing was changed$/m);
  assert.deepEqual(await worldOf(cluster), before);
});

for (const encryption of ['aescbc', 'aesgcm'] as const) {
  await test(
    `a cluster whose etcd is encrypted by ${encryption} gets new keys there, too, and the API server reads every value with them`,
    { skip: await judgeMissing() },
    async () => {
      await using cluster = await makeCluster({ size: 'small', encryption });
      const identities = await identitiesOf(cluster);
      const configuration = (await configurationFiles([join(cluster.root, 'kubernetes')]))[0]?.document.path ?? '';
      const keysIn = (text: string): string[] => [...text.matchAll(/"secret":"([^"]+)"/g)].map(([, key]) => key ?? '');
      const oldKeys = keysIn(readFileSync(configuration, 'utf8'));
      const { status, stderr } = await runProgram(cluster, [], { ...configOf(cluster), extend_expiration: true });
      assert.equal(status, 0, stderr);
      assert.match(
        stderr,
        new RegExp(
          `^recert: stage 5/7 encrypt: encryption at rest \\(${encryption}\\): new keys, \\d+ etcd values stored under them$`,
          'm',
        ),
      );
      const newKeys = keysIn(readFileSync(configuration, 'utf8'));
      assert.deepEqual([oldKeys.length, newKeys.length, newKeys.filter((key) => oldKeys.includes(key))], [2, 1, []]);
      await using etcd = await openEtcd(cluster.endpoint);
      for await (const { key, value } of etcd.list('/')) {
        const encrypted =
          /^\/(?:kubernetes\.io\/(?:secrets|configmaps)|openshift\.io\/(?:routes|oauth\/(?:access|authorize)tokens))\//.test(
            key,
          );
        assert.deepEqual(encryptionOf(value), encrypted ? { provider: encryption, keyName: '1' } : undefined, key);
      }
      const { faults } = await judge(cluster, identities, say);
      assert.deepEqual(faults, []);
    },
  );
}

await test('without an etcd the files are renewed alone, by flags, too', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const before = await worldOf(cluster);
  const checked = await runProgram(cluster, ['check-config', '--json'], configOf(cluster));
  assert.deepEqual(
    [checked.status, JSON.parse(checked.stdout)],
    [
      0,
      {
        state: 'good',
        etcd: cluster.endpoint,
        folders: cluster.config.crypto_dirs,
        files: cluster.config.crypto_files,
        rules: 0,
        dryRun: false,
        stateFolder: configOf(cluster).state_dir,
      },
    ],
  );
  const folder = join(cluster.root, 'kubernetes/static-pod-resources/kube-apiserver-certs/secrets/aggregator-client');
  const { status, stderr } = await runBare(
    ['run', '--crypto-dir', folder, '--state-dir', join(cluster.folder, 'state'), '--extend-expiration'],
    { env: { RECERT_LOG_LEVEL: 'ERROR' } },
  );
  assert.deepEqual([status, stderr], [0, '']);
  const after = await worldOf(cluster);
  assert.deepEqual(
    Object.keys(after).filter((name) => after[name] !== before[name]),
    [join(folder, 'tls.crt'), join(folder, 'tls.key')],
  );
  const key = execFileSync('openssl', ['pkey', '-in', join(folder, 'tls.key'), '-pubout'], { encoding: 'utf8' });
  assert.equal(
    execFileSync('openssl', ['x509', '-in', join(folder, 'tls.crt'), '-noout', '-pubkey'], { encoding: 'utf8' }),
    key,
  );
});
