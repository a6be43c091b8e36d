import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { promisify } from 'node:util';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { judgeMissing } from './apiserver/build.ts';
import { makeCluster, type Cluster, type ClusterOptions } from './cluster.ts';
import { clearValues, gatherEvidence } from './evidence.ts';
import { expectedAfter } from './expected.ts';
import { findingsIn } from './findings.ts';
import { identitiesOf, judge } from './judge.ts';
import { certificateFacts } from './openssl.ts';
import { verifyWithOpenssl } from './openssl-judge.ts';
import { differences, remainderOf, type Remainder } from './remainder.ts';

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const skip = await judgeMissing();

/** The program, as the production caller starts it. */
async function recert(cluster: Cluster, more: object = {}): Promise<void> {
  const file = join(cluster.folder, 'recert.json');
  await writeFile(
    file,
    JSON.stringify({
      ...cluster.config,
      cluster_customization_dirs: cluster.config.crypto_dirs,
      state_dir: join(cluster.folder, 'state'),
      ...more,
    }),
  );
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../cmd/main.ts'), 'recert'], {
    env: { ...process.env, RECERT_CONFIG: file },
    maxBuffer: 1e8,
  });
}

/** A rotation of encryption keys changes and removes these. */
const isEncryption = (document: string): boolean => /\/encryption-(?:config|key)/.test(document);

/** What every run sees to, renamed or not (the rows `always/…`), is in the expected remainder of a cluster that stays who it is. */
const unrenamed = async (options: ClusterOptions, cluster: Cluster): Promise<Remainder> =>
  expectedAfter(options, cluster.seed, cluster.seed);

const clusters: Readonly<Record<string, ClusterOptions>> = {
  'the full cluster with the odd cases, encrypted by aesgcm': { size: 'full', odd: true, encryption: 'aesgcm' },
  'a rotated cluster whose encryption is switched to identity': {
    size: 'small',
    odd: true,
    age: 'rotated',
    encryption: 'identity',
    seed: 7,
  },
};

for (const [name, options] of Object.entries(clusters)) {
  await test(
    `${name}: after recert openssl and the API server accept the new and refuse the old, and nothing else has changed`,
    { skip },
    async (t) => {
      await using cluster = await makeCluster(options, say);
      const [before, identities, rest] = [
        await gatherEvidence(cluster),
        await identitiesOf(cluster),
        await unrenamed(options, cluster),
      ];
      await recert(cluster);
      assert.deepEqual(differences(rest, await remainderOf(cluster), isEncryption), []);
      const verdict = await verifyWithOpenssl(cluster, { before });
      assert.deepEqual(verdict.faults, []);
      t.comment(
        `openssl: ${verdict.certificates} certificates, ${verdict.keys} keys and ${verdict.tokens} tokens in ${verdict.places} places`,
      );
      const { faults, transcript } = await judge(cluster, identities, say);
      assert.deepEqual(faults, []);
      for (const line of transcript) t.comment(line);
    },
  );
}

/** The dates of the leaf in each value that is annotated with dates: as annotated, and as openssl reads them. */
async function annotatedDates(cluster: Cluster): Promise<Map<string, { annotated: string; real: string }>> {
  const found: { key: string; annotated: string; pem: string }[] = [];
  for await (const { key, clear } of clearValues(cluster)) {
    const text = Buffer.from(clear).toString('latin1');
    const date = (name: string): string | undefined =>
      new RegExp(`auth\\.openshift\\.io/certificate-not-${name}\\x12.(\\d{4}-[0-9T:-]+Z)`).exec(text)?.[1];
    const places = cluster.inventory.pairs
      .filter(({ kind }) => kind !== 'signer')
      .flatMap(({ certificateAt }) => certificateAt.filter(({ document }) => document === `etcd:${key}`));
    const [notBefore, notAfter, leaf] = [date('before'), date('after'), findingsIn(clear)[places[0]?.index ?? 0]];
    if (notBefore !== undefined && notAfter !== undefined && leaf !== undefined)
      found.push({ key, annotated: `${notBefore} ${notAfter}`, pem: leaf.text });
  }
  const facts = await certificateFacts(found.map(({ pem }) => pem));
  const iso = (text: string | undefined): string => `${new Date(text ?? '').toISOString().slice(0, 19)}Z`;
  return new Map(
    found.map(({ key, annotated }, index) => [
      key,
      {
        annotated,
        real: [...(/Not Before: (.*)\n\s*Not After : (.*)/.exec(facts[index]?.validity ?? '') ?? [])]
          .slice(1)
          .map(iso)
          .join(' '),
      },
    ]),
  );
}

await test('with extend_expiration the dates that operators wrote beside a certificate are those of the leaf, and nothing else is another', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const [before, rest, old] = [
    await gatherEvidence(cluster),
    await unrenamed({ size: 'small' }, cluster),
    await annotatedDates(cluster),
  ];
  assert.ok(old.size >= 10);
  assert.deepEqual(
    [...old].filter(([, { annotated, real }]) => annotated !== real),
    [],
    'the generated cluster is right',
  );
  await recert(cluster, { extend_expiration: true });
  const now = await annotatedDates(cluster);
  for (const [key, { annotated, real }] of now) {
    assert.equal(annotated, real, key);
    assert.notEqual(annotated, old.get(key)?.annotated, key);
  }
  assert.deepEqual((await verifyWithOpenssl(cluster, { before, sameValidity: false })).faults, []);
  const changed = differences(rest, await remainderOf(cluster), (document) => now.has(document.replace('etcd:', '')));
  assert.deepEqual(
    changed.filter((line) => !/service\.(?:alpha|beta)\.openshift\.io\/expiry/.test(line)),
    [],
  );
});

await test('a change beside the certificates is seen: a comment, a mode, an annotation, a line end, a key more', async () => {
  await using cluster = await makeCluster({ size: 'small', odd: true });
  const rest = await remainderOf(cluster);
  assert.deepEqual(differences(rest, await remainderOf(cluster)), []);
  const bearer = join(cluster.root, 'kubernetes/static-pod-resources/odd/bearer.kubeconfig');
  await writeFile(bearer, (await readFile(bearer, 'utf8')).replace('kept comment', 'lost comment'));
  const crlf = join(cluster.root, 'kubernetes/static-pod-resources/odd/crlf.crt');
  await writeFile(crlf, (await readFile(crlf, 'utf8')).replaceAll('\r\n', '\n'));
  await writeFile(join(cluster.root, 'kubernetes/apiserver-url.env.new'), 'x', { mode: 0o600 });
  {
    await using etcd = await openEtcd(cluster.endpoint);
    const key = '/kubernetes.io/secrets/odd-cases/builder-dockercfg-x7k2p';
    const entry = await etcd.get(key);
    await etcd.commit([
      {
        kind: 'put',
        key,
        value: Buffer.from(
          Buffer.from(entry?.value ?? '')
            .toString('latin1')
            .replace('builder-token', 'Builder-token'),
          'latin1',
        ),
      },
    ]);
  }
  const seen = differences(rest, await remainderOf(cluster));
  assert.deepEqual(seen.map((line) => line.replace(/ differs: .*/, ' differs')).sort(), [
    'etcd:/kubernetes.io/secrets/odd-cases/builder-dockercfg-x7k2p differs',
    'file:/kubernetes/apiserver-url.env.new is new',
    'file:/kubernetes/static-pod-resources/odd/bearer.kubeconfig differs',
    'file:/kubernetes/static-pod-resources/odd/crlf.crt differs',
  ]);
});
