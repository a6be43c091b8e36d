import assert from 'node:assert/strict';
import { mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { judgeMissing } from '../../test/cluster/apiserver/build.ts';
import { applyManifests } from './apply.ts';
import { setClusterId } from './cluster-id.ts';
import { clusterHealth } from './health.ts';
import { setNodeLabels } from './node-labels.ts';
import { at, textAt } from './object.ts';
import { overrideReleaseRegistry } from './release-registry.ts';
import { dropSeedMirrors } from './seed-mirrors.ts';
import { listener, namesIn, startTestApi, type TestApi } from './test-api.ts';
import { waitForApi } from './wait-for-api.ts';

/** Everything that post-pivot asks of the API, on a real kube-apiserver with OpenShift's own definitions. */

async function folderOf(api: TestApi, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(api.folder, 'manifests-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

await test('the flow on a real API server', { skip: await judgeMissing() }, async (t) => {
  await using api = await startTestApi();
  using cluster = await api.open();

  await t.test('waitForApi() says that the API answers', async () => {
    const heard = listener();
    await waitForApi(cluster, heard);
    assert.match(heard.said.join('\n'), /^the API at "localhost:\d+" answers after 0 s$/);
    assert.deepEqual(heard.waited, []);
  });

  await t.test('kinds that are not served are nothing to drop, and are left out of the health', async () => {
    const heard = listener();
    await dropSeedMirrors(cluster, heard);
    assert.deepEqual(heard.said, [
      'the API serves no ImageContentSourcePolicy: none to drop',
      'the API serves no ImageDigestMirrorSet: none to drop',
      'the API serves no CatalogSource: none to drop',
    ]);
    assert.deepEqual(await clusterHealth(cluster), [{ good: false, text: `node "${api.hostname}" is not ready` }]);
  });

  await api.define(
    'imagedigestmirrorsets',
    'imagecontentsourcepolicies',
    'catalogsources',
    'machineconfigs',
    'clusterversions',
    'clusteroperators',
  );
  cluster.kinds.refresh();

  const idms = (name: string, source: string): object => ({
    apiVersion: 'config.openshift.io/v1',
    kind: 'ImageDigestMirrorSet',
    metadata: { name },
    spec: { imageDigestMirrors: [{ source, mirrors: ['mirror.example:5000/x'] }] },
  });
  const mirrors = '/apis/config.openshift.io/v1/imagedigestmirrorsets';

  await t.test('dropSeedMirrors() takes all of the seed, and leaves what the site is about to replace', async () => {
    for (const name of ['seed-a', 'seed-b', 'site']) await api.ask('POST', mirrors, idms(name, 'quay.io/a'));
    for (const namespace of ['openshift-marketplace', 'elsewhere']) {
      await api.ask('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
      const { status } = await api.ask(
        'POST',
        `/apis/operators.coreos.com/v1alpha1/namespaces/${namespace}/catalogsources`,
        {
          apiVersion: 'operators.coreos.com/v1alpha1',
          kind: 'CatalogSource',
          metadata: { name: 'certified' },
          spec: { sourceType: 'grpc', image: 'reg/x:1' },
        },
      );
      assert.equal(status, 201);
    }
    const heard = listener();
    const site = {
      file: 'a',
      place: 'a',
      applyType: 'replace',
      object: idms('site', 'quay.io/a') as Record<string, string>,
    } as const;
    await dropSeedMirrors(cluster, heard, [site]);
    assert.deepEqual(heard.said, [
      "dropped the seed's imagedigestmirrorsets: seed-a, seed-b",
      "dropped the seed's catalogsources: certified, certified",
    ]);
    assert.deepEqual(namesIn((await api.ask('GET', mirrors)).body), ['site']);
    await dropSeedMirrors(cluster, heard);
    assert.deepEqual(namesIn((await api.ask('GET', mirrors)).body), []);
    assert.deepEqual(heard.said.slice(2), ["dropped the seed's imagedigestmirrorsets: site"]);
  });

  await t.test(
    'applyManifests() applies streams, lists and both apply-types, and a second run writes nothing',
    async () => {
      const folder = await folderOf(api, {
        '99-master-ssh.json':
          '{"apiVersion":"machineconfiguration.openshift.io/v1","kind":"MachineConfig","metadata":{"name":"99-master-ssh","labels":{"machineconfiguration.openshift.io/role":"master"}},"spec":{"osImageURL":"","baseOSExtensionsContainerImage":"","config":{"ignition":{"version":"3.2.0"}},"kernelArguments":null,"extensions":null,"fips":false,"kernelType":""}}',
        'a.yaml': `# the site's
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one, annotations: {lca.openshift.io/apply-type: merge}}
data: {a: "1"}
--- # nothing here
# but a remark
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: Capital}
rules: []
`,
        'b.yml': `kind: List
apiVersion: v1
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: two, namespace: elsewhere}, data: {mode: "0644"}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: elsewhere}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i, resources: {requests: {memory: 1024Mi}}}]}}}}
`,
      });
      await mkdir(join(folder, 'nested'));
      const heard = listener();
      assert.deepEqual(await applyManifests(cluster, folder, heard), { created: 4, changed: 1, asWished: 0 });
      assert.deepEqual(
        heard.warned,
        [
          '"a.yaml" line 8: a document without content is passed over',
          `"nested" is a folder and is passed over: manifests are files of "${folder}" itself`,
        ].sort(),
      );
      assert.deepEqual(heard.said.slice(0, 2), [
        'manifest applied: "99-master-ssh.json": changed MachineConfig "99-master-ssh"',
        'manifest applied: "a.yaml" document 1: created ConfigMap "one" in "default"',
      ]);
      const one = (await api.ask('GET', '/api/v1/namespaces/default/configmaps/one')).body;
      assert.equal(at(one, 'metadata', 'annotations'), undefined, 'the annotation says how, and is no part of it');
      await api.ask('PATCH', '/api/v1/namespaces/default/configmaps/one', { data: { b: '2' } });
      const versions = async (): Promise<string[]> =>
        Promise.all(
          [
            '/api/v1/namespaces/default/configmaps/one',
            '/apis/apps/v1/namespaces/elsewhere/deployments/d',
            '/apis/machineconfiguration.openshift.io/v1/machineconfigs/99-master-ssh',
            '/apis/rbac.authorization.k8s.io/v1/clusterroles/Capital',
          ].map(async (path) => textAt((await api.ask('GET', path)).body, 'metadata', 'resourceVersion')),
        );
      const before = await versions();
      assert.deepEqual(await applyManifests(cluster, folder, heard), { created: 0, changed: 0, asWished: 5 });
      assert.deepEqual(await versions(), before);
      assert.deepEqual(at((await api.ask('GET', '/api/v1/namespaces/default/configmaps/one')).body, 'data'), {
        a: '1',
        b: '2',
      });
    },
  );

  await t.test('applyManifests() refuses all that is wrong in files at once, before anything is sent', async () => {
    const folder = await folderOf(api, {
      'a.yaml': 'kind: ConfigMap\nmetadata: {name: never}\n',
      'b.json': '[1]',
      'c.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n',
    });
    await assert.rejects(applyManifests(cluster, folder, listener()), {
      name: 'UsageError',
      message: `2 places in "${folder}" cannot be applied`,
      why: '"a.yaml" has no "apiVersion"; "b.json" line 1: it is a list, not an object',
    });
    assert.equal((await api.ask('GET', '/api/v1/namespaces/default/configmaps/good')).status, 404);
  });

  await t.test('what the API refuses is a failure in its own words, when all others have been applied', async () => {
    const folder = await folderOf(api, {
      'a.yaml':
        'apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata: {name: bad}\nspec: {imageDigestMirrors: [{source: "not a host", mirrors: [x]}]}\n',
      'b.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: after}\ndatas: {}\n',
    });
    const heard = listener();
    await assert.rejects(applyManifests(cluster, folder, heard), (error: Error & { why?: string }) => {
      assert.equal(error.message, `the API refused 1 of the manifests of "${folder}"`);
      assert.match(error.why ?? '', /did not create ImageDigestMirrorSet "bad": it answered 422: .*source/);
      return true;
    });
    assert.equal((await api.ask('GET', '/api/v1/namespaces/default/configmaps/after')).status, 200);
    assert.ok(
      heard.warned.includes('"b.yaml" (ConfigMap "after" in "default"): the API remarks: unknown field "datas"'),
    );
  });

  await t.test('a kind and a namespace that appear while the apply runs are waited for', async () => {
    const folder = await folderOf(api, {
      '1.yaml': 'apiVersion: site.example/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 1Gi}\n',
      '2.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: late, namespace: late}\n',
      '3.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: soon}\n',
    });
    const heard = listener();
    const applying = applyManifests(cluster, folder, heard);
    while (heard.waited.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(
      (await api.ask('GET', '/api/v1/namespaces/default/configmaps/soon')).status,
      200,
      'nothing is held up',
    );
    assert.deepEqual(heard.waited, [
      'kind "Widget" of "site.example/v1" for "1.yaml"; namespace "late" for "2.yaml" (for 0 s now)',
    ]);
    await api.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'widgets.site.example' },
      spec: {
        group: 'site.example',
        scope: 'Cluster',
        names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    });
    await api.ask('POST', '/api/v1/namespaces', { metadata: { name: 'late' } });
    assert.deepEqual(await applying, { created: 3, changed: 0, asWished: 0 });
  });

  await t.test('a kind that never comes is named, with the file that wants it', async () => {
    const folder = await folderOf(api, { 'a.yaml': 'apiVersion: no.example/v1\nkind: Nothing\nmetadata: {name: w}\n' });
    await assert.rejects(applyManifests(cluster, folder, listener(), { waitMs: 1500 }), {
      message: `1 manifests of "${folder}" could not be applied`,
      why: /^in [12] s the cluster did not get kind "Nothing" of "no.example\/v1" for "a.yaml"$/,
    });
  });

  await t.test('overrideReleaseRegistry() moves image and argument of the operator, once', async () => {
    const path = '/apis/apps/v1/namespaces/openshift-cluster-version/deployments';
    await api.ask('POST', '/api/v1/namespaces', { metadata: { name: 'openshift-cluster-version' } });
    const operator = `${path}/cluster-version-operator`; // of the generated seed
    const containerNow = async (): Promise<{ image: string; args?: string[] } | undefined> =>
      (at((await api.ask('GET', operator)).body, 'spec', 'template', 'spec', 'containers') as { image: string }[])[0]; // a Deployment has them
    const { image = '' } = (await containerNow()) ?? {};
    assert.match(image, /^quay\.io\/lab\/component@/);
    const patched = await api.ask('PATCH', operator, {
      spec: {
        template: {
          spec: {
            containers: [
              { name: 'cluster-version-operator', image, args: ['start', `--release-image=${image}`, '--v=2'] },
            ],
          },
        },
      },
    });
    assert.equal(patched.status, 200, textAt(patched.body, 'message'));
    const moved = image.replace('quay.io', 'mirror.example:5000');
    const facts = {
      seed: { release_registry: 'quay.io', mirror_registry_configured: false },
      site: { release_registry: 'mirror.example:5000' },
    };
    const heard = listener();
    await overrideReleaseRegistry(cluster, facts, heard);
    await api.ask('POST', mirrors, idms('other', 'registry.other.example/a'));
    await overrideReleaseRegistry(cluster, facts, heard);
    await overrideReleaseRegistry(cluster, facts, heard);
    assert.deepEqual(heard.said, [
      'the release stays where it is: neither seed nor site has mirrors',
      `the release is "${moved}" from now on: the site has no mirror for the seed's registry "quay.io"`,
      `the release is "${moved}" already`,
    ]);
    const container = await containerNow();
    assert.deepEqual([container?.image, container?.args], [moved, ['start', `--release-image=${moved}`, '--v=2']]);
  });

  await t.test('setClusterId() writes the id once', async () => {
    const path = '/apis/config.openshift.io/v1/clusterversions';
    const id = '6a0b6d1e-3f51-4d4e-9d0a-0f6f6b1f2c11';
    await api.ask('POST', path, {
      apiVersion: 'config.openshift.io/v1',
      kind: 'ClusterVersion',
      metadata: { name: 'version' },
      spec: { clusterID: '11111111-1111-1111-1111-111111111111', channel: 'stable-4.20' },
    });
    await api.ask('PATCH', `${path}/version`, { spec: { clusterID: '11111111-1111-1111-1111-111111111111' } });
    const heard = listener();
    await setClusterId(cluster, id, heard);
    await setClusterId(cluster, id, heard);
    assert.deepEqual(heard.said, [`the cluster id is "${id}" now`, `the cluster id is "${id}" already`]);
    assert.equal(textAt((await api.ask('GET', `${path}/version`)).body, 'spec', 'clusterID'), id);
    await assert.rejects(setClusterId(cluster, '', heard), /cluster id is empty/);
    await assert.rejects(setClusterId(cluster, 'nope', heard), /is no UUID/);
  });

  await t.test("setNodeLabels() waits for the node of this host, and passes the seed's by", async () => {
    const node = (name: string): object => ({
      metadata: { name, labels: { 'node-role.kubernetes.io/master': '', 'kubernetes.io/hostname': name } },
    });
    await api.ask('POST', '/api/v1/nodes', node('seed-node'));
    const heard = listener();
    const labelling = setNodeLabels(
      cluster,
      'site-node',
      { 'kubernetes.io/hostname': 'x', 'site.example/a': '1' },
      heard,
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    await api.ask('POST', '/api/v1/nodes', node('site-node'));
    await labelling;
    await setNodeLabels(cluster, 'site-node', { 'site.example/a': '1' }, heard);
    await setNodeLabels(cluster, undefined, { 'kubernetes.io/arch': 'x' }, heard);
    assert.deepEqual(heard.said, [
      'gave the node "site-node" 1 label',
      'the node "site-node" has its 1 label',
      'no labels of its own for the node',
    ]);
    const labels = at((await api.ask('GET', '/api/v1/nodes/site-node')).body, 'metadata', 'labels');
    assert.deepEqual([at(labels, 'site.example/a'), at(labels, 'kubernetes.io/hostname')], ['1', 'site-node']);
    using hasty = await api.open({ patience: { giveUpMs: 300, firstDelayMs: 50 } });
    await assert.rejects(setNodeLabels(hasty, undefined, { 'site.example/a': '1' }, listener()), {
      message: 'the cluster does not have one master node',
      why: /^masters are "seed-node", "site-node"; kubelet must register this host; given up/,
    });
  });

  await t.test('clusterHealth() lists what is not well', async () => {
    const operators = '/apis/config.openshift.io/v1/clusteroperators';
    for (const name of ['dns', 'etcd'])
      await api.ask('POST', operators, {
        apiVersion: 'config.openshift.io/v1',
        kind: 'ClusterOperator',
        metadata: { name },
        spec: {},
      });
    const condition = (type: string, status: string, message: string): object => ({
      type,
      status,
      message,
      reason: 'R',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    for (const [name, degraded] of [
      ['dns', 'False'],
      ['etcd', 'True'],
    ] as const)
      await api.ask('PATCH', `${operators}/${name}/status`, {
        status: {
          conditions: [condition('Available', 'True', 'ok'), condition('Degraded', degraded, 'one member is lost')],
        },
      });
    const lines = (await clusterHealth(cluster)).map(({ text }) => text);
    assert.ok(lines.includes('cluster operator "etcd" is degraded: one member is lost'), lines.join('\n'));
    assert.ok(lines.includes('node "site-node" is not ready'));
    assert.ok(lines.some((line) => /^\d+ of \d+ cluster operators are well$/.test(line)));
  });
});
