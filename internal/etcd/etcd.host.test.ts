import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeServerCertificate } from '../../test/certificates/server.ts';
import { startEtcd, type EtcdServer } from '../../test/cluster/etcd-server.ts';
import { Failure, Interrupted } from '../errors/errors.ts';
import { temporaryFolder } from '../host/files.ts';
import { openEtcd, type Etcd } from './etcd.ts';
import type { EtcdEntry } from './pages.ts';
import { cuttingProxy } from './test-cutting-proxy.ts';
import { requestsAtOnce, type EtcdChange } from './transactions.ts';

await using scratch = await temporaryFolder(tmpdir(), 'etcd-room-');
const folder = scratch.path;
let servers = 0;
const fresh = (flags: readonly string[] = [], options: { awaitHealth?: boolean } = {}): Promise<EtcdServer> =>
  startEtcd(join(folder, `etcd-${(servers += 1)}`), { flags, ...options });

const entries = async (etcd: Etcd, prefix: string, options = {}): Promise<EtcdEntry[]> =>
  Array.fromAsync(etcd.list(prefix, options));
const puts = (prefix: string, count: number, size: number): EtcdChange[] =>
  Array.from({ length: count }, (_, index) => ({
    kind: 'put',
    key: `${prefix}${String(index).padStart(6, '0')}`,
    value: Buffer.alloc(size, index % 251),
    was: '0',
  }));
const failure = async (promise: Promise<unknown>): Promise<Failure> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failure, String(error));
  return error;
};
const etcdctl = (server: EtcdServer, ...args: string[]): string =>
  execFileSync('etcdctl', ['--endpoints', server.endpoint, ...args], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', ETCDCTL_API: '3' },
  });

await test('list() reads ten thousand keys of one revision, in order, while others are written', async () => {
  await using server = await fresh();
  await using etcd = await openEtcd(`http://${server.endpoint}`);
  const { transactions } = await etcd.commit(puts('/kubernetes.io/secrets/a/', 10_000, 100));
  assert.equal(transactions.length, Math.ceil(10_000 / 128));
  await etcd.commit([{ kind: 'put', key: '/kubernetes.io/secretsfoo/b', value: Buffer.from('x') }]);
  const seen: EtcdEntry[] = [];
  for await (const entry of etcd.list('/kubernetes.io/secrets/')) {
    if (seen.length === 10)
      await etcd.commit([
        { kind: 'put', key: '/kubernetes.io/secrets/a/009999', value: Buffer.from('later') },
        { kind: 'put', key: '/kubernetes.io/secrets/z', value: Buffer.from('later') },
      ]);
    seen.push(entry);
  }
  assert.equal(seen.length, 10_000);
  assert.equal(seen.at(-1)?.value.length, 100, 'the value that was there at the start');
  assert.deepEqual(
    seen.map(({ key }) => key),
    seen.map(({ key }) => key).sort(),
  );
  assert.equal(
    (await entries(etcd, '/kubernetes.io/secrets/', { keysOnly: true })).every(({ value }) => value.length === 0),
    true,
  );
  assert.equal(await etcd.get('/kubernetes.io/secrets/nobody'), undefined);
  assert.equal((await entries(etcd, '', { keysOnly: true })).length, 10_002, 'without a prefix: everything');
});

await test('values of several MiB are read and written; one above the limit of the server is refused by its key', async () => {
  await using server = await fresh(['--max-request-bytes', '8000000']);
  await using etcd = await openEtcd(server.endpoint);
  await etcd.commit(puts('/big/', 12, 3_000_000));
  assert.deepEqual(
    (await entries(etcd, '/big/')).map(({ value }) => value.length),
    Array.from({ length: 12 }, () => 3_000_000),
  );
  await using strict = await fresh();
  await using other = await openEtcd(strict.endpoint);
  const error = await failure(
    other.commit([
      ...puts('/a/', 2, 10),
      { kind: 'put', key: '/kubernetes.io/secrets/a/huge', value: Buffer.alloc(1_700_000) },
    ]),
  );
  assert.equal(
    error.message,
    `writing the key "/kubernetes.io/secrets/a/huge" at etcd "${strict.endpoint}" failed: etcdserver: request is too large`,
  );
  assert.deepEqual(
    [error.why, error.next, error.transient],
    ['1 of 2 transactions were made', 'start etcd with a larger --max-request-bytes', false],
  );
});

await test('getAll() reads more keys than fit into a request, and leaves out those that are absent', async () => {
  await using server = await fresh();
  await using etcd = await openEtcd(server.endpoint);
  const written = puts('/kubernetes.io/', 700, 100);
  await etcd.commit(written);
  const found = await etcd.getAll(['/kubernetes.io/absent', ...written.map(({ key }) => key).reverse()]);
  assert.equal(found.size, 700);
  const entry = found.get(written[345]?.key ?? '');
  assert.deepEqual(entry, await etcd.get(written[345]?.key ?? ''));
  assert.equal((await etcd.getAll([])).size, 0);
});

await test('commit() writes nothing of a transaction one of whose keys was changed meanwhile, and names the key', async () => {
  await using server = await fresh();
  await using etcd = await openEtcd(server.endpoint);
  await etcd.commit([
    { kind: 'put', key: '/a', value: Buffer.from('1') },
    { kind: 'put', key: '/b', value: Buffer.from('1') },
  ]);
  const [a, b] = await entries(etcd, '/');
  etcdctl(server, 'put', '/b', 'by somebody else');
  const error = await failure(
    etcd.commit([
      { kind: 'put', key: '/a', value: Buffer.from('2'), was: a?.modRevision ?? '' },
      { kind: 'delete', key: '/b', was: b?.modRevision ?? '' },
    ]),
  );
  assert.equal(error.message, 'the etcd key "/b" was of revision 2 when it was read and is of revision 3 now');
  assert.equal(error.next, 'stop whatever else writes to this etcd, then start again');
  assert.deepEqual(
    (await entries(etcd, '/')).map(({ key, value }) => [key, Buffer.from(value).toString()]),
    [
      ['/a', '1'],
      ['/b', 'by somebody else'],
    ],
  );
  const created = await failure(etcd.commit([{ kind: 'put', key: '/a', value: Buffer.from('2'), was: '0' }]));
  assert.equal(created.message, 'the etcd key "/a" was absent when it was read and is of revision 2 now');
});

await test('a put on a key that was read keeps its lease', async () => {
  await using server = await fresh();
  await using etcd = await openEtcd(server.endpoint);
  const lease = /lease ([0-9a-f]+) granted/.exec(etcdctl(server, 'lease', 'grant', '600'))?.[1] ?? '';
  etcdctl(server, 'put', `--lease=${lease}`, '/event', 'old');
  const was = (await etcd.get('/event'))?.modRevision ?? '';
  await etcd.commit([{ kind: 'put', key: '/event', value: Buffer.from('new'), was }]);
  assert.match(etcdctl(server, 'lease', 'timetolive', lease, '--keys'), /\/event/);
});

await test('a transaction whose answer was lost is not taken for the work of somebody else', async () => {
  await using server = await fresh();
  await using proxy = await cuttingProxy(server.endpoint);
  await using etcd = await openEtcd(proxy.endpoint);
  proxy.loseAnswerAfter(200_000);
  const { transactions } = await etcd.commit(puts('/kubernetes.io/', 1000, 4000));
  assert.equal(proxy.lost(), 1);
  const all = await entries(etcd, '/kubernetes.io/');
  assert.deepEqual([all.length, transactions.flat().length], [1000, 1000]);
  assert.equal(await etcd.revision(), String(1 + transactions.length), 'no transaction was made twice');
});

await test('an etcd that is killed in mid-commit and comes back is waited for, and the commit ends', async () => {
  const server = await fresh();
  await using etcd = await openEtcd(server.endpoint, { budgetMs: 20_000 });
  const commit = etcd.commit(puts('/kubernetes.io/', 20_000, 1500));
  await sleep(150);
  await server.stop('SIGKILL');
  await using again = await startEtcd(server.dataDir, { port: server.port });
  const { transactions } = await commit;
  assert.equal(transactions.flat().length, 20_000);
  assert.equal((await entries(etcd, '/kubernetes.io/', { keysOnly: true })).length, 20_000);
  assert.equal(again.port, server.port);
});

await test('an etcd that is killed in mid-commit and stays away: how many transactions were made is told', async () => {
  const server = await fresh();
  await using etcd = await openEtcd(server.endpoint, { budgetMs: 700 });
  const commit = failure(etcd.commit(puts('/kubernetes.io/', 20_000, 1500)));
  await sleep(150);
  await server.stop('SIGKILL');
  const error = await commit;
  assert.match(
    error.message,
    new RegExp(`^writing 128 keys from "/kubernetes.io/\\d+" on at etcd "${server.endpoint}" failed: `),
  );
  const made = Number(/^(\d+) of 157 transactions were made$/.exec(error.why ?? '')?.[1]);
  assert.equal(error.transient, true);
  await using again = await startEtcd(server.dataDir);
  await using after = await openEtcd(again.endpoint);
  const there = (await entries(after, '/kubernetes.io/', { keysOnly: true })).length;
  // Those on their way when it died may have been made without a word of it.
  assert.ok(
    there % 128 === 0 && there >= made * 128 && there <= (made + requestsAtOnce) * 128,
    `${there} keys after ${made} transactions`,
  );
});

await test('snapshot() saves a file of mode 0600 that etcdctl restores', async () => {
  await using server = await fresh();
  await using etcd = await openEtcd(server.endpoint);
  await etcd.commit(puts('/kubernetes.io/', 300, 20_000));
  const path = join(folder, 'snapshots/db');
  const size = await etcd.snapshot(path);
  const facts = await stat(path);
  assert.deepEqual([facts.size, facts.mode & 0o777], [size, 0o600]);
  const restored = join(folder, 'restored');
  execFileSync(
    'etcdctl',
    [
      'snapshot',
      'restore',
      path,
      '--data-dir',
      restored,
      '--name',
      'seed',
      '--initial-cluster',
      'seed=http://127.0.0.1:2380',
      '--initial-advertise-peer-urls',
      'http://127.0.0.1:2380',
    ],
    { stdio: 'pipe', env: { PATH: '/usr/bin:/bin', ETCDCTL_API: '3' } },
  );
  await using copy = await startEtcd(restored);
  await using other = await openEtcd(copy.endpoint);
  assert.equal((await entries(other, '/kubernetes.io/')).length, 300);
});

await test('snapshot() keeps no file of a stream that was damaged on the way', async () => {
  await using server = await fresh();
  await using proxy = await cuttingProxy(server.endpoint);
  await using etcd = await openEtcd(proxy.endpoint);
  await etcd.commit([{ kind: 'put', key: '/a', value: Buffer.alloc(200_000, 'A') }]);
  proxy.damage(Buffer.alloc(2000, 'A'));
  const error = await failure(etcd.snapshot(join(folder, 'damaged/db')));
  assert.equal(error.message, 'the snapshot that etcd sent is damaged: its digest does not fit');
  assert.deepEqual(await readdir(join(folder, 'damaged')), []);
});

await test('compact() and defragment() make the database small; status(), members() and updateMember() tell and do', async () => {
  await using server = await fresh();
  await using etcd = await openEtcd(server.endpoint);
  for (let round = 0; round < 5; round += 1)
    await etcd.commit([{ kind: 'put', key: '/a', value: Buffer.alloc(1_000_000, round) }]);
  await sleep(300); // the database grows when etcd writes its batch, every 100 ms
  const before = await etcd.status();
  await etcd.compact();
  await etcd.compact();
  await etcd.defragment();
  const afterwards = await etcd.status();
  assert.ok(
    before.databaseBytes > 5e6 && afterwards.databaseBytes < 1.5e6,
    `${before.databaseBytes} → ${afterwards.databaseBytes}`,
  );
  assert.equal(afterwards.revision, '6');
  assert.equal(
    (await failure(entries(etcd, '/', { revision: '3' }))).next,
    'start again: the data changed while it was read',
  );
  const [member] = await etcd.members();
  await etcd.updateMember(member?.id ?? '', ['http://192.0.2.20:2380']);
  assert.deepEqual(
    (await etcd.members()).map(({ name, peerUrls }) => [name, peerUrls]),
    [['seed', ['http://192.0.2.20:2380']]],
  );
});

await test('a full database is a final error that says what to do', async () => {
  await using server = await fresh(['--quota-backend-bytes', '2000000']);
  await using etcd = await openEtcd(server.endpoint);
  // etcd notices when it writes a batch, every 100 ms; how many puts get through before that is not told by their number.
  const fill = async (): Promise<void> => {
    for (let round = 0; round < 40; round += 1) {
      await etcd.commit(puts(`/full/${round}/`, 1, 600_000));
      await sleep(20);
    }
  };
  const error = await failure(fill());
  assert.match(error.message, /failed: etcdserver: mvcc: database space exceeded$/);
  assert.deepEqual(
    [error.transient, error.next],
    [false, 'stop etcd and start it again on the same data with a larger --quota-backend-bytes (8589934592 is 8 GiB)'],
  );
  const full = await etcd.space();
  assert.deepEqual([full.alarms, full.quotaBytes], [['NOSPACE'], 2_000_000]);
  // Most of it was written over the same keys: with its history gone there is room again.
  for (let round = 1; round < 40; round += 1) await etcd.commit([{ kind: 'delete', key: `/full/${round}/000000` }]);
  await etcd.makeRoom();
  const roomy = await etcd.space();
  assert.deepEqual([roomy.alarms, roomy.databaseBytes < full.databaseBytes], [[], true]);
  await etcd.commit(puts('/again/', 1, 600_000));
});

await test('openEtcd() tells apart: nobody there, TLS, something else, and waits for one that starts late', async () => {
  const nobody = await failure(openEtcd('127.0.0.1:1', { budgetMs: 300 }));
  assert.deepEqual(
    [nobody.message, nobody.why, nobody.next],
    [
      'no etcd answers at "127.0.0.1:1" within 0.3 s',
      'nothing listens there',
      'start etcd on the cluster\'s data so that it listens at "127.0.0.1:1", or correct the address',
    ],
  );

  const { certFile, keyFile } = await makeServerCertificate(folder, {
    authority: 'test authority',
    server: 'etcd',
    names: ['127.0.0.1'],
  });
  await using secured = await fresh(['--cert-file', certFile, '--key-file', keyFile], {
    awaitHealth: false,
  });
  await sleep(500);
  assert.equal(
    (await failure(openEtcd(secured.endpoint, { budgetMs: 500 }))).message,
    `what listens at "${secured.endpoint}" speaks TLS, and the private etcd is reached without it`,
  );

  const web = createServer((_, response) => {
    response.end('hello');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => {
    web.once('listening', resolve);
  });
  const address = web.address();
  const endpoint = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const foreign = await failure(openEtcd(endpoint, { budgetMs: 500 }));
  web.close();
  web.closeAllConnections();
  assert.match(
    `${foreign.message} (${foreign.why ?? ''})`,
    new RegExp(
      `^(?:what listens at "${endpoint}" is not an etcd|no etcd answers at "${endpoint}" within 0.5 s \\(something listens there, but: )`,
    ),
  );

  const first = await fresh();
  await first.stop();
  const opening = openEtcd(first.endpoint, { budgetMs: 15_000 });
  await sleep(400);
  await using late = await startEtcd(first.dataDir, { port: first.port });
  await using etcd = await opening;
  assert.equal(etcd.endpoint, late.endpoint);
});

await test('the proxy of the environment is not asked for the way to etcd', async () => {
  await using server = await fresh();
  const program = `import { openEtcd } from ${JSON.stringify(new URL('etcd.ts', import.meta.url).href)};
    await using etcd = await openEtcd(process.argv[1], { budgetMs: 2000 }); process.stdout.write(await etcd.revision());`;
  const proxies = {
    http_proxy: 'http://127.0.0.1:1',
    grpc_proxy: 'http://127.0.0.1:1',
    https_proxy: 'http://127.0.0.1:1',
  };
  assert.equal(
    execFileSync(process.execPath, ['--input-type=module-typescript', '-e', program, server.endpoint], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', ...proxies },
    }),
    '1',
  );
});

await test('a stop request ends every wait', async () => {
  const stop = new AbortController();
  const opening = openEtcd('127.0.0.1:1', { budgetMs: 60_000, stop: stop.signal });
  setTimeout(() => {
    stop.abort();
  }, 100);
  const started = performance.now();
  await assert.rejects(
    opening,
    (error) => error instanceof Interrupted && error.message === 'stopped on request while talking to etcd',
  );
  assert.ok(performance.now() - started < 3000);
});
