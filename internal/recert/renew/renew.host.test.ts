import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'tap';
import { makeCluster } from '../../../test/cluster/cluster.ts';
import { openEtcd } from '../../etcd/etcd.ts';
import { openHost } from '../../host/host.ts';
import { openLog } from '../../log/log.ts';
import { plainRenewal } from './options.ts';
import { renew } from './renew.ts';
import { certPem, keyPem, kubeconfig, pair, pemOf, rsa } from '../test-documents.ts';

const host = openHost({ log: openLog({ program: 'test', write: () => undefined }), env: process.env });
const options = { ...plainRenewal, now: new Date() };
const root = await mkdtemp(join(tmpdir(), 'renew-'));
after(() => rm(root, { recursive: true }));

async function folder(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(join(root, name));
  for (const [file, content] of Object.entries(files)) await writeFile(join(root, name, file), content);
  return join(root, name);
}

test("a cluster with the odd cases of the reference's table is renewed as a whole, and nothing is written", async () => {
  await using cluster = await makeCluster({ size: 'small', odd: true });
  await using etcd = await openEtcd(cluster.endpoint);
  const revision = (await etcd.status()).revision;
  const done = await renew(host, {
    etcd,
    folders: cluster.config.crypto_dirs,
    files: cluster.config.crypto_files,
    options,
  });
  assert.deepEqual(done.faults, []);
  assert.ok(done.record.certificates.length >= cluster.inventory.pairs.length);
  assert.deepEqual(
    done.record.certificates.filter((one) => one.after === undefined).map(({ before }) => before.subjectText),
    [],
  );
  assert.deepEqual(
    done.record.keys
      .filter(({ publicAfter }) => publicAfter === undefined)
      .map(({ publicPlaces, privatePlaces }) => [...publicPlaces, ...privatePlaces]),
    [],
  );
  assert.ok(
    done.edits.length > 400 && done.replacements.length > 150,
    `${done.edits.length} ${done.replacements.length}`,
  );
  assert.equal((await etcd.status()).revision, revision);
  const { totalMs, scanMs, keysMs } = done.timings;
  assert.ok(scanMs > 0 && keysMs > 0 && totalMs >= keysMs);
});

test("in FIPS mode a whole renewal is made by the host's openssl, and openssl verifies it", async () => {
  const [ca, signing] = [await pair('ca', { shape: rsa }), await pair('unused', { shape: rsa })];
  const leaf = await pair('leaf', { by: ca });
  const path = await folder('fips', {
    'ca.crt': certPem(ca),
    'ca.key': keyPem(ca),
    'tls.crt': certPem(leaf),
    'tls.key': keyPem(leaf),
    'sa.key': keyPem(signing),
    'sa.pub': pemOf('PUBLIC KEY', signing.key.public.spki),
    'lb.kubeconfig': kubeconfig({ ca, client: leaf }),
  });
  const done = await renew(host, { folders: [path], files: [], options, fips: true });
  assert.deepEqual(done.faults, []);
  for (const one of done.replacements)
    if (one.kind === 'changed' && one.document.in === 'file') await writeFile(one.document.path, one.after);
  assert.equal(
    execFileSync('openssl', ['verify', '-CAfile', join(path, 'ca.crt'), join(path, 'tls.crt')], { encoding: 'utf8' }),
    `${join(path, 'tls.crt')}: OK\n`,
  );
  const modulus = (...args: string[]): string =>
    execFileSync('openssl', [...args, '-noout', '-modulus'], { encoding: 'utf8' });
  assert.equal(modulus('rsa', '-in', join(path, 'ca.key')), modulus('x509', '-in', join(path, 'ca.crt')));
});

test('a folder that cannot be searched ends the run at once, and one without any key is an error', async () => {
  await assert.rejects(renew(host, { folders: [join(root, 'gone')], files: [], options }), {
    message: `there is no "${join(root, 'gone')}"`,
  });
  const empty = await folder('empty', { 'a.txt': 'x' });
  await assert.rejects(renew(host, { folders: [empty], files: [], options }), {
    message: 'no certificate, key or token of the cluster was found',
    next: 'check that etcd and the folders are those of a cluster',
  });
  const nothing = await renew(host, { folders: [], files: [], options });
  assert.deepEqual([nothing.edits, nothing.faults, nothing.facts], [[], [], []]);
});

test('defect/no-etcd: without etcd files are renewed, and the trust bundles among them say what is external', async () => {
  const [own, world] = [await pair('own'), await pair('world')];
  const path = await folder('files', { 'own.key': keyPem(own), 'own.crt': certPem(own) + certPem(world) });
  await mkdir(join(path, 'configmaps/trusted-ca-bundle'), { recursive: true });
  await writeFile(join(path, 'configmaps/trusted-ca-bundle/ca-bundle.crt'), certPem(world));
  const done = await renew(host, { folders: [path], files: [], options });
  assert.deepEqual([done.faults, done.facts], [[], []]);
  assert.deepEqual(
    done.edits.map(({ place, reason }) => `${place.document.slice(path.length + 6)}: ${reason}`),
    ['own.crt: certificate "CN=own" signed by itself', 'own.key: private key of "CN=own"'],
  );
});

test('an etcd without the trust bundle is no cluster: public authorities could not be told from its own', async () => {
  const etcd = {
    list: async function* list() {
      /* nothing */
    },
  };
  await assert.rejects(renew(host, { etcd, folders: [], files: [], options }), {
    message:
      'etcd has no ConfigMap "openshift-config-managed/trusted-ca-bundle", by which public authorities are told from the cluster\'s own',
  });
});

test('a request to stop ends the run before anything is handed over', async () => {
  const stop = new AbortController();
  stop.abort();
  const stopped = openHost({
    log: openLog({ program: 'test', write: () => undefined }),
    env: process.env,
    stop: stop.signal,
  });
  const path = await folder('stop', { 'ca.crt': certPem(await pair('ca')) });
  await assert.rejects(renew(stopped, { folders: [path], files: [], options }), {
    name: 'Interrupted',
    message: 'stopped on request; nothing was written',
  });
});
