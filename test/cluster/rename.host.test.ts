import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRecertConfigFile } from '../../internal/config/recert-config.ts';
import { openEtcd, type EtcdMember } from '../../internal/etcd/etcd.ts';
import { openHost } from '../../internal/host/host.ts';
import { openLog } from '../../internal/log/log.ts';
import { recert, type Outcome } from '../../internal/recert/recert.ts';
import { makeCluster, type Cluster, type ClusterOptions } from './cluster.ts';
import { configFor } from './configuration.ts';
import { differencesFrom, expectedAfter } from './expected.ts';
import { targetIdentity } from './identities.ts';
import type { Identity, Stack } from './identity.ts';
import { judgeMissing } from './apiserver/build.ts';
import { gatherEvidence } from './evidence.ts';
import { fatesOf } from './fates.ts';
import { identitiesOf, judge } from './judge.ts';
import { verifyWithOpenssl } from './openssl-judge.ts';
import { differences, remainderOf, type Remainder } from './remainder.ts';
import { hashFaults } from './settings/hash-judge.ts';
import { sweep } from './sweep.ts';
import { everything } from '../tier.ts';

/*
 * Renames judged by an oracle that knows nothing of them: the cluster's templates, written from the new identity where the reference's
 * tables say that something changes, and from the old one everywhere else. Every key and every file is compared, to the byte.
 */

const host = openHost({ log: openLog({ program: 'recert', write: () => undefined }), env: process.env });

/** One run in this process; facts are kept. */
async function run(cluster: Cluster, now: Identity, more: object = {}): Promise<{ outcome: Outcome; facts: string[] }> {
  const file = join(cluster.folder, 'recert.json');
  await writeFile(
    file,
    JSON.stringify({ ...configFor(cluster, cluster.seed, now), state_dir: join(cluster.folder, 'state'), ...more }),
  );
  const facts: string[] = [];
  const outcome = await recert(host, await readRecertConfigFile(file), {
    stage: () => undefined,
    say: () => undefined,
    warn: (fact) => {
      facts.push(fact);
    },
  });
  return { outcome, facts };
}

/** Everything is written, and what is left is to remove copies. */
const isWritten = (journal: string): boolean => /"phase":"written"|"outcome":"written"/.test(journal);

async function membersOf({ endpoint }: Cluster): Promise<EtcdMember[]> {
  await using etcd = await openEtcd(endpoint);
  return await etcd.members();
}

/** What each option changes of an identity. */
const options: Readonly<Record<string, readonly (keyof Identity)[]>> = {
  none: [],
  ip: ['ips'],
  cluster_rename: ['clusterName', 'baseDomain', 'infraId'],
  hostname: ['hostname'],
  machine_network_cidr: ['machineNetworks'],
  kubeadmin_password_hash: ['kubeadminHash'],
  pull_secret: ['pullSecret'],
  proxy: ['proxy'],
  install_config: ['installConfig'],
  user_ca_bundle: ['userCaBundle'],
  proxy_trusted_ca_bundle: ['proxyTrustedCa'],
  chrony_config: ['chrony'],
};

/** The seed with some members of the target. */
function mixed(seed: Identity, target: Identity, fields: readonly (keyof Identity)[]): Identity {
  return { ...seed, ...Object.fromEntries(fields.map((field) => [field, target[field]])) };
}

/** Whether a stack's identities differ there: a cluster without proxy is not asked for one. */
const differs = (seed: Identity, target: Identity, fields: readonly (keyof Identity)[]): boolean =>
  fields.some((field) => target[field] !== undefined && JSON.stringify(seed[field]) !== JSON.stringify(target[field]));

const stacks: readonly Stack[] = everything ? ['v4', 'v6', 'dual'] : ['v4'];

for (const stack of stacks) {
  await test(`${stack}: each option alone changes what the tables say and no other byte`, async (t) => {
    for (const [option, fields] of Object.entries(options)) {
      await t.test(option, async (one) => {
        const cluster: ClusterOptions = { size: 'small', stack };
        await using seed = await makeCluster(cluster);
        // With the proxy's bundle in user-ca-bundle, one is not given without the other.
        const wanted =
          seed.seed.proxyTrustedCa?.configMap === 'user-ca-bundle' && /ca_bundle/.test(option)
            ? [...(options['user_ca_bundle'] ?? []), ...(options['proxy_trusted_ca_bundle'] ?? [])]
            : fields;
        if (option !== 'none' && !differs(seed.seed, targetIdentity(stack), wanted)) {
          one.plan(0, `the identities of ${stack} do not differ there`);
          return;
        }
        const now = mixed(seed.seed, targetIdentity(stack), wanted);
        await run(seed, now, { postprocess_only: true });
        assert.deepEqual(differencesFrom(await expectedAfter(cluster, seed.seed, now), await remainderOf(seed)), []);
        assert.deepEqual(await hashFaults(seed, seed.seed, now), []);
      });
    }
  });
}

for (const stack of everything ? (['v4', 'v6', 'dual', 'dual-v6-first'] as const) : (['v6', 'dual'] as const)) {
  await test(`${stack}: all options together, with new certificates; of the old identity nothing is left but what has a reason`, async (t) => {
    const cluster: ClusterOptions = { size: 'small', odd: stack === 'v4' || stack === 'v6', stack };
    await using seed = await makeCluster(cluster);
    const now = targetIdentity(stack);
    await run(seed, now);
    assert.deepEqual(differencesFrom(await expectedAfter(cluster, seed.seed, now), await remainderOf(seed)), []);
    assert.deepEqual(await hashFaults(seed, seed.seed, now), []);
    const left = await sweep(seed, seed.seed, now);
    assert.deepEqual(
      left.filter(({ allowed }) => allowed === undefined),
      [],
    );
    for (const [reason, some] of Map.groupBy(left, ({ allowed }) => allowed))
      t.comment(`${some.length} left: ${reason ?? ''}`);
  });
}

await test(
  'a full rename of the full cluster, encrypted, with everything odd: openssl and the API server accept the new and refuse the old',
  { skip: await judgeMissing() },
  async (t) => {
    const cluster: ClusterOptions = { size: 'full', odd: true, encryption: 'aesgcm' };
    await using seed = await makeCluster(cluster);
    const now = targetIdentity();
    const [before, identities] = [await gatherEvidence(seed), await identitiesOf(seed)];
    const [member] = await membersOf(seed);
    const { outcome } = await run(seed, now);
    const changed = differencesFrom(await expectedAfter(cluster, seed.seed, now), await remainderOf(seed)).filter(
      (line) => !/\/encryption-(?:config|key)/.test(line),
    );
    assert.deepEqual(changed, []);
    const verdict = await verifyWithOpenssl(seed, { before, now });
    assert.deepEqual(verdict.faults, []);
    t.comment(
      `openssl: ${verdict.certificates} certificates, ${verdict.keys} keys and ${verdict.tokens} tokens in ${verdict.places} places; ${outcome.written?.keys ?? 0} etcd values and ${outcome.written?.files ?? 0} files written`,
    );
    assert.deepEqual(
      outcome.member,
      member?.peerUrls.includes('https://192.0.2.10:2380') === true
        ? { id: member.id, before: member.peerUrls, after: ['https://198.51.100.7:2380'] }
        : undefined,
    );
    const { faults, transcript } = await judge(seed, identities, undefined, now);
    assert.deepEqual(faults, []);
    for (const line of transcript) t.comment(line);
  },
);

await test('there and back again: the same bytes but for certificates, keys, tokens and what is deleted or noted on the way', async () => {
  const cluster: ClusterOptions = { size: 'small' };
  await using seed = await makeCluster(cluster);
  const [there, rest] = [targetIdentity(), await remainderOf(seed)];
  await run(seed, there);
  // The kubelet has registered its node again: the way back begins with its address.
  await using etcd = await openEtcd(seed.endpoint);
  const node = {
    kind: 'Node',
    apiVersion: 'v1',
    metadata: { name: there.hostname },
    status: {
      addresses: [
        { type: 'InternalIP', address: there.ips[0] },
        { type: 'Hostname', address: there.hostname },
      ],
    },
  };
  await etcd.commit([
    { kind: 'put', key: `/kubernetes.io/minions/${there.hostname}`, value: Buffer.from(JSON.stringify(node)) },
  ]);
  await run({ ...seed, seed: there }, seed.seed);
  const gone = (document: string): boolean =>
    fatesOf(seed.seed, there)(document) === undefined || fatesOf(there, seed.seed)(document) === undefined;
  // Routes lose their status, ClusterVersion its word; and the install-config was given as a whole.
  const noted = /^etcd:\/(?:openshift\.io\/routes\/|kubernetes\.io\/config\.openshift\.io\/clusterversions\/)/;
  // A bundle of the site that nothing trusts any more is a stranger's certificate like any other in a ConfigMap: it is renewed.
  const plain = (all: Remainder): Remainder =>
    new Map(
      [...all].map(([name, text]) => [name, text.replaceAll(/<(?:user|proxy)'s \S+ CERTIFICATE/g, '<CERTIFICATE')]),
    );
  assert.deepEqual(
    differences(plain(rest), plain(await remainderOf(seed)), (document) => noted.test(document) || gone(document)),
    [],
  );
});

await test('defect/dry-run: a dry run of a full rename writes nothing: no key, no file, no address of a member', async () => {
  await using seed = await makeCluster({ size: 'small' });
  await using etcd = await openEtcd(seed.endpoint);
  const [revision, members, rest] = [await etcd.revision(), await etcd.members(), await remainderOf(seed)];
  const { outcome } = await run(seed, targetIdentity(), { dry_run: true });
  assert.ok(outcome.replacements.length > 200);
  assert.deepEqual(outcome.member?.after, ['https://198.51.100.7:2380']);
  assert.deepEqual(
    [await etcd.revision(), await etcd.members(), differences(rest, await remainderOf(seed))],
    [revision, members, []],
  );
});

await test('a rename that is killed at random moments ends in the same state when it is started again', async (t) => {
  const cluster: ClusterOptions = { size: 'small' };
  await using seed = await makeCluster(cluster);
  const now = targetIdentity();
  const file = join(seed.folder, 'recert.json');
  await writeFile(
    file,
    JSON.stringify({
      ...configFor(seed, seed.seed, now),
      state_dir: join(seed.folder, 'state'),
      postprocess_only: true,
    }),
  );
  const start = (): ChildProcess =>
    spawn(process.execPath, [join(import.meta.dirname, '../../cmd/main.ts'), 'recert'], {
      env: { ...process.env, RECERT_CONFIG: file },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  const phases: string[] = [];
  for (let kill = 0; kill < 5; kill += 1) {
    const child = start();
    const gone = once(child, 'close');
    // The writing is short: half of the kills wait for it.
    const journal = (): string =>
      existsSync(join(seed.folder, 'state/journal.json'))
        ? readFileSync(join(seed.folder, 'state/journal.json'), 'utf8')
        : '';
    const open = journal();
    const writing = kill % 2 === 0;
    const over = gone.then(() => true);
    while (
      !(await Promise.race([over, sleep(1, false)])) &&
      !(writing ? journal() !== open && journal().includes('"phase":"writing"') : journal() !== open)
    );
    await sleep(Math.random() * (writing ? 40 : 300));
    child.kill('SIGKILL');
    await gone;
    phases.push(/"phase":"([a-z]+)"/.exec(journal())?.[1] ?? 'none');
    if (isWritten(journal())) break; // it was quicker
  }
  t.comment(`killed in: ${phases.join(', ')}`);
  if (!isWritten(readFileSync(join(seed.folder, 'state/journal.json'), 'utf8')))
    assert.equal((await once(start(), 'close'))[0], 0);
  assert.deepEqual(differencesFrom(await expectedAfter(cluster, seed.seed, now), await remainderOf(seed)), []);
  assert.deepEqual((await membersOf(seed))[0]?.peerUrls, ['https://198.51.100.7:2380']);
});

await test('a rename that is asked for twice changes nothing the second time but what every run changes', async () => {
  await using seed = await makeCluster({ size: 'small' });
  const now = { ...seed.seed, hostname: 'edge.site-7.lab', chrony: targetIdentity().chrony };
  await run(seed, now, { postprocess_only: true });
  const { outcome } = await run(seed, now, { postprocess_only: true });
  assert.deepEqual([outcome.replacements, outcome.written], [[], { keys: 0, transactions: 0, files: 0 }]);
});
