import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'tap';
import { judgeMissing } from '../../../test/cluster/apiserver/build.ts';
import { startApiServer } from '../../../test/cluster/api-server.ts';
import { makeCluster } from '../../../test/cluster/cluster.ts';
import { identitiesOf } from '../../../test/cluster/judge.ts';
import type { Plain } from '../../edit/tree.ts';
import { openEtcd } from '../../etcd/etcd.ts';
import { objectTree } from '../../wire/object-tree.ts';
import { kubernetesCbor } from '../../wire/test-cbor.ts';
import { specOf } from './go-spec.ts';
import { findSpecForm, specHashOf } from './spec-hash.ts';
import { specText } from './spec-text.ts';
import { manifests } from './test-manifests.ts';

const skip = await judgeMissing();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** Replaces a text wherever it stands in a plain value: what a rename does, made by other means. */
const changed = (value: unknown, [from, to]: readonly [string, string]): unknown =>
  JSON.parse(JSON.stringify(value).replaceAll(from, to));

/** Texts that are too long to be shown. */
function sameText(one: string, other: string, name: string): void {
  let at = 0;
  while (at < other.length && one.charAt(at) === other.charAt(at)) at += 1;
  assert.equal(one.slice(Math.max(0, at - 80), at + 80), other.slice(Math.max(0, at - 80), at + 80), name);
  assert.equal(one.length, other.length, name);
}

await test(
  'what a real API server made of a manifest hashes to what its operator noted, and after a rename to what it will note',
  { skip },
  async (t) => {
    await using cluster = await makeCluster({ size: 'small' });
    const [admin] = (await identitiesOf(cluster)).clients;
    assert.ok(admin);
    await using server = await startApiServer(cluster);
    await using etcd = await openEtcd(cluster.endpoint);
    for (const [at, { name, spec, change }] of manifests.entries()) {
      const metadata = {
        name: `made-up-${at}`,
        namespace: 'default',
        annotations: { 'operator.openshift.io/spec-hash': sha256(spec) },
      };
      const answer = await server.ask({
        path: '/apis/apps/v1/namespaces/default/deployments',
        client: admin,
        body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: JSON.parse(spec) as unknown },
      });
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      const served = answer.body as { readonly spec: Plain; readonly metadata: object };
      const stored = (await etcd.get(`/kubernetes.io/deployments/default/made-up-${at}`))?.value;
      assert.ok(stored);

      const members = specOf(stored);
      assert.ok(members, name);
      const text = specText(members);
      // This server's code leaves the time out; all else it writes in Go's order, defaults included.
      sameText(
        JSON.stringify(
          JSON.parse(text.write(text.doubts.map(({ rule }) => rule.member === 'ObjectMeta.creationTimestamp'))),
        ),
        JSON.stringify(served.spec),
        name,
      );

      const before = performance.now();
      const form = findSpecForm(stored);
      t.comment(`${name}: ${text.doubts.length} doubts, ${(performance.now() - before).toFixed(0)} ms`);
      assert.ok(form, name);
      assert.equal(specHashOf(stored, form), sha256(spec));

      const wanted = sha256(spec.replaceAll(...change));
      const fresh = changed(
        { apiVersion: 'apps/v1', kind: 'Deployment', metadata: served.metadata, spec: served.spec },
        change,
      );
      assert.notEqual(wanted, sha256(spec), name);
      for (const encoded of [bytes(fresh), kubernetesCbor(fresh)])
        assert.equal(specHashOf(encoded, form), wanted, name);
      assert.deepEqual(findSpecForm(bytes({ ...(fresh as object), spec: served.spec })), form, name);

      // The stored object itself, changed in place.
      let tree = objectTree(stored);
      assert.ok(tree);
      tree = tree.set(['spec', 'template', 'spec', 'containers', 0, 'image'], 'renamed@sha256:9');
      const image = (JSON.parse(spec) as { template: { spec: { containers: [{ image: string }] } } }).template.spec
        .containers[0].image;
      if (image.includes('@'))
        assert.equal(
          specHashOf(tree.bytes, form),
          sha256(
            spec.replace(new RegExp(`("containers":\\[\\{"name":"[^"]+","image":)"${image}"`), '$1"renamed@sha256:9"'),
          ),
          name,
        );
    }
  },
);
