import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { test } from 'tap';
import { freePort } from '../../test/cluster/etcd-server.ts';
import { judgeMissing } from '../../test/cluster/apiserver/build.ts';
import { Secret } from '../log/secret.ts';
import { applyManifests } from './apply.ts';
import { listAll } from './calls.ts';
import { at, nameOf, textAt } from './object.ts';
import { openCluster } from './open.ts';
import { dropSeedMirrors } from './seed-mirrors.ts';
import { listener, startTestApi, type TestApi } from './test-api.ts';
import type { Fault, FaultPlan } from './test-fault-proxy.ts';
import { waitForApi } from './wait-for-api.ts';

/** The API as it is while a cluster comes up: a real one, with faults injected before it. */

async function folderOf(api: TestApi, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(api.folder, 'manifests-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {a: "${value}"}\n`;
const configMaps = '/api/v1/namespaces/default/configmaps';

await test('faults', { skip: await judgeMissing() }, async (t) => {
  await using api = await startTestApi();
  const { proxy } = api;

  const rows: readonly (readonly [string, Fault])[] = [
    ['429 without Retry-After', { kind: 'answer', status: 429 }],
    ['429 with Retry-After', { kind: 'answer', status: 429, headers: { 'Retry-After': '1' } }],
    ['500', { kind: 'answer', status: 500, message: 'failed calling webhook "x": connection refused' }],
    ['503', { kind: 'answer', status: 503 }],
    ['504 of a proxy', { kind: 'answer', status: 504, headers: { 'Content-Type': 'text/html' } }],
    ['409', { kind: 'answer', status: 409 }],
    ['401 within the grace', { kind: 'answer', status: 401 }],
    ['a reset before the request was read', { kind: 'reset' }],
    ['an answer that is lost', { kind: 'lost' }],
    ['an answer that comes too late', { kind: 'slow', ms: 900 }],
  ];
  for (const [index, [says, fault]] of rows.entries()) {
    await t.test(`${says}, at each request, is waited out when an object is made and when it is changed`, async () => {
      using cluster = await api.open({ answerMs: 400 });
      const name = `fault-${index}`;
      const patient = says === '429 with Retry-After';
      const times = patient || fault.kind === 'slow' ? 1 : 2;
      const plan: FaultPlan = ({ method, count }) =>
        count <= times && !(patient && method === 'GET') ? fault : undefined;
      for (const [value, did] of [
        ['1', 'created'],
        ['2', 'changed'],
      ] as const) {
        proxy.plan(plan);
        const startMs = performance.now();
        const report = await applyManifests(
          cluster,
          await folderOf(api, { 'a.yaml': configMap(name, value) }),
          listener(),
        );
        assert.equal(report[did], 1);
        assert.equal(textAt((await api.ask('GET', `${configMaps}/${name}`)).body, 'data', 'a'), value);
        const writes = proxy.passed.filter((line) => !line.startsWith('GET'));
        if (fault.kind !== 'slow') assert.equal(writes.length, 1, writes.join('\n'));
        if (patient) assert.ok(performance.now() - startMs >= 950, 'it was not asked before its time');
      }
    });
  }

  await t.test('a write whose answer was lost is found done, and is not made again', async () => {
    using cluster = await api.open();
    const folder = await folderOf(api, { 'a.yaml': configMap('lost', '1') });
    proxy.plan(({ method, count }) => (method === 'POST' && count === 1 ? { kind: 'lost' } : undefined));
    assert.deepEqual(await applyManifests(cluster, folder, listener()), { created: 1, changed: 0, asWished: 0 });
    assert.deepEqual(
      proxy.passed.filter((line) => !line.startsWith('GET')),
      [`POST ${configMaps}`],
    );
  });

  await t.test(
    'a change that somebody else makes between reading and writing is a conflict, and is kept by a merge',
    async () => {
      using cluster = await api.open();
      await api.ask('POST', configMaps, { metadata: { name: 'shared' }, data: { a: '0' } });
      const merge = configMap('shared', '1').replace(
        '{name: shared}',
        '{name: shared, annotations: {lca.openshift.io/apply-type: merge}}',
      );
      const folder = await folderOf(api, { 'a.yaml': merge });
      proxy.plan(({ method, count }) =>
        method === 'PUT' && count === 1
          ? {
              kind: 'before',
              act: async () => {
                await api.ask('PATCH', `${configMaps}/shared`, { data: { theirs: 'x' } });
              },
            }
          : undefined,
      );
      assert.equal((await applyManifests(cluster, folder, listener())).changed, 1);
      assert.equal(proxy.passed.filter((line) => line.startsWith('PUT')).length, 2);
      assert.deepEqual(at((await api.ask('GET', `${configMaps}/shared`)).body, 'data'), { a: '1', theirs: 'x' });
    },
  );

  await t.test('what no retry can mend ends at once, with the words of the server', async () => {
    using cluster = await api.open();
    for (const status of [400, 422]) {
      proxy.plan(({ method }) => (method === 'POST' ? { kind: 'answer', status, message: 'this is why' } : undefined));
      const folder = await folderOf(api, { 'a.yaml': configMap(`never-${status}`, '1') });
      await assert.rejects(applyManifests(cluster, folder, listener()), {
        why: new RegExp(`did not create ConfigMap "never-${status}" in "default": it answered ${status}: this is why$`),
      });
      assert.equal(proxy.seen.filter((line) => line.startsWith('POST')).length, 1);
    }
  });

  await t.test('401 and 403 are final when their grace is over, and trouble when patience is', async () => {
    using cluster = await api.open({
      patience: { firstDelayMs: 20, longestDelayMs: 100, graceMs: 400, giveUpMs: 900 },
    });
    const folder = await folderOf(api, { 'a.yaml': configMap('never', '1') });
    proxy.plan(() => ({ kind: 'answer', status: 401 }));
    await assert.rejects(applyManifests(cluster, folder, listener()), {
      name: 'ApiFailure',
      why: /^it answered 401: injected; given up after \d s of trying to say whether it serves ConfigMap$/,
    });
    proxy.plan(() => ({ kind: 'reset' }));
    await assert.rejects(applyManifests(cluster, folder, listener()), {
      name: 'ApiFailure',
      why: /; given up after \d s/,
    });
    proxy.plan(() => ({ kind: 'answer', status: 503, message: 'no such service' }));
    await assert.rejects(applyManifests(cluster, folder, listener(), { waitMs: 1000 }), {
      message: `1 manifests of "${folder}" could not be applied`,
      why: /did not get an answer of the API \(it answered 503: no such service; given up after .*\) for "a.yaml"$/,
    });
    proxy.clear();
  });

  await t.test('a webhook that is not up holds up only its own object', async () => {
    using cluster = await api.open({ patience: { firstDelayMs: 20, longestDelayMs: 100, serverMs: 300 } });
    const folder = await folderOf(api, {
      'a.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: hooked}\n',
      'b.yaml': configMap('free', '1'),
    });
    proxy.plan(({ method, path }) =>
      method === 'POST' && path.endsWith('/secrets')
        ? { kind: 'answer', status: 500, message: 'failed calling webhook "x"' }
        : undefined,
    );
    const heard = listener();
    const applying = applyManifests(cluster, folder, heard);
    while (heard.waited.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await api.ask('GET', `${configMaps}/free`)).status, 200);
    assert.match(
      heard.waited.join('\n'),
      /an answer of the API \(it answered 500: failed calling webhook "x".*\) for "a.yaml"/,
    );
    proxy.clear();
    assert.deepEqual(await applying, { created: 2, changed: 0, asWished: 0 });
  });

  await t.test('wherever it is stopped, the next run makes the same of it, and a third writes nothing', async () => {
    using cluster = await api.open();
    for (let stopAt = 1; stopAt <= 8; stopAt += 1) {
      const files = Object.fromEntries(
        ['x', 'y', 'z'].map((name) => [`${name}.yaml`, configMap(`stop-${stopAt}-${name}`, '1')]),
      );
      const folder = await folderOf(api, files);
      const heard = listener();
      let requests = 0;
      proxy.plan(() => {
        requests += 1;
        if (requests === stopAt) heard.stop();
        return undefined;
      });
      await applyManifests(cluster, folder, heard).catch((error: unknown) => {
        assert.match(String(error), /Interrupted/);
      });
      proxy.clear();
      const { created, asWished } = await applyManifests(cluster, folder, listener());
      assert.equal(created + asWished, 3);
      assert.deepEqual(await applyManifests(cluster, folder, listener()), { created: 0, changed: 0, asWished: 3 });
    }
  });

  await t.test('a deletion whose answer was lost is repeated, and finds nothing', async () => {
    await api.define('imagedigestmirrorsets');
    using cluster = await api.open();
    const mirrors = '/apis/config.openshift.io/v1/imagedigestmirrorsets';
    await api.ask('POST', mirrors, {
      apiVersion: 'config.openshift.io/v1',
      kind: 'ImageDigestMirrorSet',
      metadata: { name: 'seed' },
      spec: { imageDigestMirrors: [{ source: 'quay.io/a', mirrors: ['m.example/a'] }] },
    });
    // Right after its start a server answers 404 for what it is about to serve.
    proxy.plan(({ method, path, count }) =>
      path.endsWith('config.openshift.io/v1') && count <= 3
        ? { kind: 'answer', status: 404 }
        : method === 'DELETE' && count === 1
          ? { kind: 'lost' }
          : undefined,
    );
    const heard = listener();
    await dropSeedMirrors(cluster, heard);
    assert.ok(heard.said.includes("dropped the seed's imagedigestmirrorsets: seed"));
    assert.deepEqual(at((await api.ask('GET', mirrors)).body, 'items'), []);
  });

  await t.test('waitForApi() says what it sees and who must act, and notices the API within 1.5 s', async () => {
    using cluster = await api.open();
    const heard = listener();
    proxy.plan(() => ({ kind: 'answer', status: 503, message: 'etcdserver: no leader' }));
    const waiting = waitForApi(cluster, heard);
    const next = async (count: number): Promise<void> => {
      while (heard.waited.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await next(1);
    proxy.plan(() => ({ kind: 'answer', status: 401, message: 'Unauthorized' }));
    await next(2);
    proxy.plan(() => ({ kind: 'reset' }));
    await next(3);
    proxy.clear();
    const startMs = performance.now();
    await waiting;
    assert.ok(performance.now() - startMs < 1500);
    assert.match(
      heard.waited[0] ?? '',
      /: it answered 503: etcdserver: no leader; kube-apiserver is up and not ready; etcd or a part of it is missing/,
    );
    assert.match(
      heard.waited[1] ?? '',
      /: it answered 401: Unauthorized; it does not know our client certificate: it must have read the authorities that recert made$/,
    );
    assert.match(
      heard.waited[2] ?? '',
      /: it closed the connection before it had answered; kubelet must start kube-apiserver/,
    );
  });

  await t.test(
    'waitForApi() tells a refused connection from a certificate of another name, and ends when told to',
    async () => {
      const nobody = await freePort();
      using refused = await api.open({ port: nobody });
      const heard = listener();
      const ended = assert.rejects(waitForApi(refused, heard), { name: 'Interrupted' });
      while (heard.waited.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      heard.stop();
      await ended;
      assert.deepEqual(heard.waited, [
        `the API at "localhost:${nobody}": it refuses the connection: kube-apiserver is not up yet; kubelet must start kube-apiserver (journalctl -u kubelet; crictl ps -a)`,
      ]);
    },
  );

  await t.test('waitForApi() gives a question up that is not answered, and asks again', async () => {
    using cluster = await api.open();
    proxy.plan(({ count }) => (count === 1 ? { kind: 'slow', ms: 20_000 } : undefined));
    const startMs = performance.now();
    await waitForApi(cluster, listener());
    assert.ok(performance.now() - startMs < 15_000);
    proxy.clear();
  });

  await t.test('lists are read page by page, and from the start when a page is refused', async () => {
    using cluster = await api.open();
    const kind = { apiVersion: 'v1', kind: 'ConfigMap', resource: 'configmaps', namespaced: true };
    const all = (await listAll(cluster, kind, listener())).map(nameOf);
    proxy.plan(({ count }) => (count === 3 ? { kind: 'answer', status: 410, message: 'too old' } : undefined));
    assert.deepEqual((await listAll(cluster, kind, listener(), { limit: '4' })).map(nameOf), all);
    assert.ok(all.length > 12 && proxy.seen.length > all.length / 4, String(all.length));
  });

  await t.test('waitForApi() names the names of a certificate of another identity', async () => {
    const text = api.kubeconfigText(proxy.port).replace('server: https://localhost:', 'server: https://127.0.0.2:');
    using stranger = await openCluster({ text: new Secret(text), folder: '/' });
    const heard = listener();
    const ended = assert.rejects(waitForApi(stranger, heard), { name: 'Interrupted' });
    while (heard.waited.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    heard.stop();
    await ended;
    assert.match(
      heard.waited[0] ?? '',
      /its certificate is not for "127\.0\.0\.2" but for DNS:localhost, .*; it serves a certificate of another identity/,
    );
  });

  await t.test('a secret stands in nothing that is told, whatever the server quotes', async () => {
    const canary = 'canary-5f0c2b7e';
    const encoded = Buffer.from(canary).toString('base64');
    using cluster = await api.open({ secrets: [new Secret('pull-canary-91')] });
    const folder = await folderOf(api, {
      'a.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: "${encoded}", bad key: "${encoded}"}\nstringData: {l: ${canary}}\n`,
      'b.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: t}\ndata: {k: "${canary}!"}\n`,
      'c.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: u}\nstringData: {k: ${canary}}\n`,
    });
    proxy.plan(({ method, count }) =>
      method === 'POST' && count === 3
        ? { kind: 'answer', status: 422, message: `cannot take "${canary}", ${encoded} and pull-canary-91` }
        : undefined,
    );
    const heard = listener();
    const error: unknown = await applyManifests(cluster, folder, heard).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    const told = [inspect(error, { depth: 9 }), ...heard.said, ...heard.warned, ...heard.waited].join('\n');
    assert.match(told, /the API refused 3 of the manifests/);
    assert.match(told, /cannot take "\[secret\]", \[secret\] and \[secret\]/);
    assert.ok(!told.includes(canary) && !told.includes(encoded) && !told.includes('pull-canary'), told);
  });

  await t.test('broken manifests name file and line, and no part of their text', async () => {
    using cluster = await api.open();
    const folder = await folderOf(api, {
      'a.yaml': 'kind: Secret\n stringData: {k: canary-1234}\n',
      'b.json': '{"kind":"Secret","k":"canary-1234"} {"a":1} {"x": canary-1234}',
      'c.yaml': 'a: 1\n--- canary-1234\nb: 1\n',
    });
    await assert.rejects(applyManifests(cluster, folder, listener()), (error: Error & { why?: string }) => {
      assert.match(
        error.why ?? '',
        /"a.yaml" line 1: it is no YAML.*"b.json" line 1: object 3 is no JSON.*"c.yaml" line 2: invalid Yaml document separator/,
      );
      assert.ok(!inspect(error, { depth: 9 }).includes('canary'));
      return true;
    });
  });
});
