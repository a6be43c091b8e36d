import assert from 'node:assert/strict';
import { test } from 'tap';
import { golden } from '../../../internal/wire/test-golden.ts';
import { seedIdentity } from '../identities.ts';
import { flagsOf, oauthApi, openshiftApi } from './manifests.ts';

/** Members that Go has as maps: sorted by name. */
const maps = new Set(['matchLabels', 'labels', 'annotations', 'requests', 'limits', 'nodeSelector']);

/** Where the members of `manifest` stand in another order than those of the model, or are not in it. */
function outOfOrder(manifest: unknown, model: unknown, path: string): string[] {
  if (Array.isArray(manifest))
    return manifest.flatMap((item: unknown, index) =>
      outOfOrder(item, (model as unknown[] | undefined)?.[0], `${path}/${index}`),
    ); // each list of a golden value holds one
  if (typeof manifest !== 'object' || manifest === null) return [];
  const names = Object.keys(manifest);
  if (maps.has(path.split('/').at(-1) ?? '')) return names.join() === names.toSorted().join() ? [] : [path];
  const expected = Object.keys(model ?? {}).filter((name) => names.includes(name));
  return [
    ...(expected.join() === names.join() ? [] : [path]),
    ...Object.entries(manifest).flatMap(([name, member]) =>
      outOfOrder(member, ((model ?? {}) as Record<string, unknown>)[name], `${path}/${name}`),
    ),
  ];
}

await test("the members of both manifests stand in the order of Go's structs", async () => {
  const model = JSON.parse(Buffer.from((await golden()).get('apps.v1.Deployment.json') ?? '').toString()) as {
    spec: unknown;
  };
  for (const api of [openshiftApi, oauthApi]) {
    const spec = api.spec(seedIdentity(), seedIdentity(), { 'b.example': '1', 'a.example': '2' });
    assert.deepEqual(outOfOrder(spec, model.spec, ''), []);
    // What Go writes even when nothing is in it.
    const { template, strategy } = spec as {
      template: { metadata: object; spec: { containers: object[]; initContainers?: object[] } };
      strategy?: object;
    };
    assert.ok(
      strategy !== undefined &&
        'creationTimestamp' in template.metadata &&
        [...template.spec.containers, ...(template.spec.initContainers ?? [])].every(
          (container) => 'resources' in container,
        ),
    );
  }
  assert.deepEqual(outOfOrder({ strategy: {}, replicas: 1 }, model.spec, ''), [''], 'a wrong order is seen');
});

await test('flags are quoted for a shell where they must be (hash/flags)', async () => {
  assert.deepEqual(
    flagsOf({
      'tls-min-version': 'VersionTLS12',
      'cors-allowed-origins': ['//127\\.0\\.0\\.1(:|$)', '//localhost(:|$)'],
      'etcd-servers': ['https://192.168.126.10:2379', 'https://[fd00::1]:2379'],
      note: "it's",
    }),
    [
      "--cors-allowed-origins='//127\\.0\\.0\\.1(:|$)'",
      "--cors-allowed-origins='//localhost(:|$)'",
      '--etcd-servers=https://192.168.126.10:2379',
      "--etcd-servers='https://[fd00::1]:2379'",
      "--note='it'\"'\"'s'",
      '--tls-min-version=VersionTLS12',
    ],
  );
});
