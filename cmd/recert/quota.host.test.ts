import assert from 'node:assert/strict';
import { test } from 'tap';
import { openEtcd } from '../../internal/etcd/etcd.ts';
import { makeCluster, type Cluster } from '../../test/cluster/cluster.ts';
import { startEtcd, type EtcdServer } from '../../test/cluster/etcd-server.ts';
import { configOf, contentsOf, runProgram, worldOf } from './test-recert.ts';

/* An etcd near its quota, on a whole cluster: the run refuses before it writes, and its advice works when it is followed word for word. */

const room = 200 * 1024;

/** The cluster's etcd again, on the same data and at the same address, with another quota. */
async function withQuota(cluster: Cluster, server: EtcdServer, quotaBytes: number): Promise<EtcdServer> {
  await server.stop();
  return startEtcd(server.dataDir, { port: cluster.etcd.port, flags: [`--quota-backend-bytes=${quotaBytes}`] });
}

await test('etcd with 200 KiB of room: refused before anything is written; with the quota that the advice names it works', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  const { databaseBytes, inUseBytes } = await (async () => {
    await using etcd = await openEtcd(cluster.endpoint);
    await etcd.makeRoom();
    return await etcd.status();
  })();
  assert.ok(inUseBytes > 2 * room, 'the plan is larger than the room');
  const before = contentsOf(await worldOf(cluster));
  await using tight = await withQuota(cluster, cluster.etcd, databaseBytes + room);
  const refused = await runProgram(cluster, ['run'], configOf(cluster));
  assert.equal(refused.status, 1, refused.stderr);
  assert.match(
    refused.stderr,
    /^what: {4}etcd ".*" has room for 0\.\d MiB below its quota of \d+\.\d MiB, and the plan may need \d+\.\d$/m,
  );
  assert.match(refused.stderr, /^leaves: {2}nothing was changed$/m);
  assert.deepEqual(contentsOf(await worldOf(cluster)), before);

  const quota = Number(/--quota-backend-bytes=(\d+)/.exec(refused.stderr)?.[1]);
  await using roomy = await withQuota(cluster, tight, quota);
  const done = await runProgram(cluster, ['run'], configOf(cluster));
  assert.equal(done.status, 0, done.stderr);
  await using etcd = await openEtcd(roomy.endpoint);
  assert.deepEqual((await etcd.space()).alarms, []);
});

await test('an alarm that was raised before is taken away by a run, and told by a look ahead', async () => {
  await using cluster = await makeCluster({ size: 'small' });
  await using etcd = await openEtcd(cluster.endpoint);
  const { databaseBytes } = await etcd.status();
  await using full = await withQuota(cluster, cluster.etcd, databaseBytes + room);
  // What fills it up is history: values that were written over.
  await assert.rejects(async () => {
    for (;;) await etcd.commit([{ kind: 'put', key: '/kubernetes.io/events/x', value: Buffer.alloc(100_000, 1) }]);
  }, /database space exceeded/);
  assert.deepEqual((await etcd.space()).alarms, ['NOSPACE']);
  const ahead = await runProgram(cluster, ['plan'], configOf(cluster));
  assert.equal(ahead.status, 0, ahead.stderr);
  assert.deepEqual((await etcd.space()).alarms, ['NOSPACE'], 'a look ahead writes nothing');
  const refused = await runProgram(cluster, ['run'], configOf(cluster));
  assert.match(refused.stderr, /etcd had raised the alarm NOSPACE: its history is dropped/);
  assert.deepEqual((await etcd.space()).alarms, []);
  assert.ok(full.pid > 0);
});
