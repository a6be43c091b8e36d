import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { judgeMissing } from '../../test/cluster/apiserver/build.ts';
import { everything } from '../../test/tier.ts';
import { applyManifests } from './apply.ts';
import { setClusterId } from './cluster-id.ts';
import { readManifests } from './manifests.ts';
import { setNodeLabels } from './node-labels.ts';
import { at, listAt, mapAt, nameOf, type Json } from './object.ts';
import type { Cluster } from './open.ts';
import { overrideReleaseRegistry } from './release-registry.ts';
import { dropSeedMirrors } from './seed-mirrors.ts';
import type { Tell } from './tell.ts';
import { listener, startTestApi, type TestApi } from './test-api.ts';

/** The whole flow, stopped or robbed of an answer at each of its requests, and run again: the result is that of a run that nothing happened to. */

const config = '/apis/config.openshift.io/v1';
const cvo = '/apis/apps/v1/namespaces/openshift-cluster-version/deployments/cluster-version-operator';
const image = 'quay.io/lab/release@sha256:1';

async function asSeed(api: TestApi): Promise<void> {
  const mirror = (name: string): object => ({
    apiVersion: 'config.openshift.io/v1',
    kind: 'ImageDigestMirrorSet',
    metadata: { name },
    spec: { imageDigestMirrors: [{ source: 'seed.example/a', mirrors: ['seed.example/b'] }] },
  });
  await api.ask('DELETE', `${config}/imagedigestmirrorsets`);
  for (const name of ['seed', 'site']) await api.ask('POST', `${config}/imagedigestmirrorsets`, mirror(name));
  await api.ask('DELETE', '/api/v1/namespaces/default/configmaps/site');
  await api.ask('PUT', '/api/v1/namespaces/default/configmaps/both', {
    metadata: { name: 'both' },
    data: { seed: '1' },
  });
  await api.ask('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'both' }, data: { seed: '1' } });
  await api.ask('POST', '/api/v1/namespaces', { metadata: { name: 'openshift-cluster-version' } });
  const containers = [{ name: 'cluster-version-operator', image, args: [`--release-image=${image}`] }];
  await api.ask('PATCH', cvo, { spec: { template: { spec: { containers } } } });
  await api.ask('POST', `${config}/clusterversions`, {
    apiVersion: 'config.openshift.io/v1',
    kind: 'ClusterVersion',
    metadata: { name: 'version' },
    spec: { clusterID: '11111111-1111-1111-1111-111111111111' },
  });
  await api.ask('PATCH', `${config}/clusterversions/version`, {
    spec: { clusterID: '11111111-1111-1111-1111-111111111111' },
  });
  await api.ask('POST', '/api/v1/nodes', {
    metadata: { name: 'site-node', labels: { 'node-role.kubernetes.io/master': '' } },
  });
  await api.ask('PATCH', '/api/v1/nodes/site-node', { metadata: { labels: { 'site.example/a': null } } });
}

async function flow(cluster: Cluster, folder: string, tell: Tell): Promise<void> {
  const site = await readManifests(folder);
  await dropSeedMirrors(cluster, tell, site.manifests);
  await applyManifests(cluster, site, tell);
  const facts = {
    seed: { release_registry: 'quay.io', mirror_registry_configured: false },
    site: { release_registry: 'mirror.example:5000' },
  };
  await overrideReleaseRegistry(cluster, facts, tell);
  await setClusterId(cluster, '6a0b6d1e-3f51-4d4e-9d0a-0f6f6b1f2c11', tell);
  await setNodeLabels(cluster, 'site-node', { 'site.example/a': '1' }, tell);
}

/** What the flow is about, without what counts writes. */
async function stateOf(api: TestApi): Promise<Json> {
  const get = async (path: string): Promise<Json> => (await api.ask('GET', path)).body;
  const mirrors = listAt(await get(`${config}/imagedigestmirrorsets`), 'items');
  return {
    mirrors: mirrors.map((object) => [nameOf(object), at(object, 'spec') ?? null]),
    site: mapAt(await get('/api/v1/namespaces/default/configmaps/site'), 'data'),
    both: mapAt(await get('/api/v1/namespaces/default/configmaps/both'), 'data'),
    release: listAt(await get(cvo), 'spec', 'template', 'spec', 'containers').map((one) => [
      at(one, 'image') ?? null,
      at(one, 'args') ?? null,
    ]),
    id: at(await get(`${config}/clusterversions/version`), 'spec', 'clusterID') ?? null,
    labels: mapAt(await get('/api/v1/nodes/site-node'), 'metadata', 'labels'),
  };
}

await test('the flow after a stop or a lost answer anywhere', { skip: await judgeMissing() }, async (t) => {
  await using api = await startTestApi();
  await api.define('imagedigestmirrorsets', 'clusterversions');
  const folder = join(api.folder, 'site');
  await mkdir(folder);
  await writeFile(
    join(folder, 'a.yaml'),
    `apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: site}
spec: {imageDigestMirrors: [{source: registry.other.example/a, mirrors: [mirror.example/a]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: site}
data: {a: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: both, annotations: {lca.openshift.io/apply-type: merge}}
data: {site: "1"}
`,
  );
  await asSeed(api);
  const first = await api.open();
  api.proxy.plan(() => undefined);
  await flow(first, folder, listener());
  const count = api.proxy.seen.length;
  const wished = await stateOf(api);
  assert.deepEqual(at(wished, 'both'), { seed: '1', site: '1' });
  assert.deepEqual(at(wished, 'release'), [
    ['mirror.example:5000/lab/release@sha256:1', ['--release-image=mirror.example:5000/lab/release@sha256:1']],
  ]);
  first[Symbol.dispose]();

  for (const how of ['stopped', 'lost'] as const)
    await t.test(`${how} at each of ${count} requests`, async () => {
      for (let here = 1; here <= count; here += everything ? 1 : 4) {
        await asSeed(api);
        using cluster = await api.open();
        const heard = listener();
        let requests = 0;
        api.proxy.plan(() => {
          requests += 1;
          if (requests !== here) return undefined;
          if (how === 'stopped') heard.stop();
          return { kind: 'lost' };
        });
        const ended = await flow(cluster, folder, heard).then(
          () => 'done',
          (error: unknown) => String(error),
        );
        if (how === 'lost') assert.equal(ended, 'done', `at request ${here}`);
        else assert.match(ended, /Interrupted/, `at request ${here}`);
        api.proxy.plan(() => undefined);
        using again = await api.open();
        await flow(again, folder, listener());
        assert.deepEqual(await stateOf(api), wished, `at request ${here}`);
        const writes = api.proxy.passed.filter((line) => !line.startsWith('GET'));
        if (how === 'lost') assert.deepEqual(writes, [], 'a second run writes nothing');
      }
    });
});
