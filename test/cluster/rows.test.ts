import assert from 'node:assert/strict';
import { test } from 'tap';
import { identityOf, type ClusterOptions } from './cluster.ts';
import { deletions } from './fates.ts';
import { expectedAfter } from './expected.ts';
import { lookAlikes, seedIdentity, targetIdentity } from './identities.ts';
import type { Identity, Stack } from './identity.ts';
import { contentsOf } from './cluster.ts';
import { rows, singular, type Step } from './rows.ts';

const stacks: readonly Stack[] = ['v4', 'v6', 'dual', 'dual-v6-first'];
const fields: Readonly<Record<Step, readonly (keyof Identity)[]>> = {
  ip: ['ips'],
  rename: ['clusterName', 'baseDomain', 'infraId'],
  hostname: ['hostname'],
  network: ['machineNetworks'],
};

/** Documents of the rows of a step, with the names of these identities. */
function documentsOf(
  step: Step,
  { seed, target, release }: { readonly seed: Identity; readonly target: Identity; readonly release: '4.14' | '4.20' },
): string[] {
  const own = rows
    .filter((row) => row.step === step)
    .flatMap(({ mandatory, optional = [] }) => [...mandatory, ...(release === '4.14' ? [] : optional)]);
  const more =
    step === 'rename'
      ? [singular.certManager.names, singular.certManager.domain]
      : step === 'hostname'
        ? [singular.certManager.names]
        : step === 'ip' && release === '4.14'
          ? singular.initiator
          : [];
  return [
    ...new Set(
      [...own, ...more].map((name) =>
        name
          .replace('{old}', seed.hostname)
          .replace('{new}', target.hostname)
          .replace('{ip64}', Buffer.from(seed.ips[0]).toString('base64').replaceAll('=', '')),
      ),
    ),
  ].sort();
}

for (const stack of stacks)
  for (const release of ['4.14', '4.20'] as const) {
    await test(`on ${stack} of ${release} each option alone changes the documents of its rows, and no other`, async () => {
      const options: ClusterOptions = { size: 'small', stack, release };
      const [seed, target] = [seedIdentity(stack), targetIdentity(stack)];
      const before = await expectedAfter(options, seed, seed);
      for (const step of Object.keys(fields) as Step[]) {
        // the keys of the record above
        const after = await expectedAfter(options, seed, {
          ...seed,
          ...Object.fromEntries(fields[step].map((field) => [field, target[field]])),
        });
        const doomed = new RegExp(
          deletions
            .filter(({ when }) => when === step || (when === 'rules' && step !== 'network'))
            .flatMap(({ prefixes }) => prefixes.map((prefix) => `^etcd:/kubernetes\\.io/${RegExp.escape(prefix)}`))
            .concat('^$')
            .join('|'),
        );
        const changed = [...new Set([...before.keys(), ...after.keys()])]
          .filter((name) => before.get(name) !== after.get(name) && !doomed.test(name))
          .sort();
        assert.deepEqual(changed, documentsOf(step, { seed, target, release }), step);
      }
    });
  }

await test('each prefix that is deleted has something to delete, and something beside it that stays', async () => {
  const { clear } = await contentsOf({ size: 'small' }, seedIdentity());
  const keys = [...clear.keys()];
  for (const { row, prefixes } of deletions)
    for (const prefix of prefixes) {
      const shape = `/kubernetes.io/${prefix.replace('$', '')}`;
      assert.ok(
        keys.some((key) => key.startsWith(shape)),
        `${row}: nothing begins with ${shape}`,
      );
    }
  for (const stays of [
    '/kubernetes.io/configmaps/openshift-ptp/leap-configmap',
    '/kubernetes.io/controllerrevisions/openshift-image-registry/node-ca-5f6',
  ])
    assert.ok(keys.includes(stays), stays);
});

await test('seed and target differ in every field, and nothing of the target occurs in a seed', async () => {
  for (const stack of stacks) {
    const [seed, target] = [seedIdentity(stack), targetIdentity(stack)];
    for (const field of Object.keys(target) as (keyof Identity)[])
      assert.notDeepEqual(seed[field], target[field], `${stack} ${field}`);
    const { clear, files } = await contentsOf({ size: 'small', stack, odd: true }, identityOf({ stack }));
    const all = Buffer.concat([
      ...clear.values(),
      ...files.map((file) => Buffer.from('text' in file ? file.text : file.link)),
    ]).toString('latin1');
    const { http, https } = target.proxy?.status ?? { http: '', https: '' };
    for (const name of [
      target.clusterName,
      target.baseDomain,
      target.infraId,
      target.hostname,
      ...target.ips,
      ...target.machineNetworks,
      target.kubeadminHash ?? 'none such',
      target.chrony,
      http || 'none such',
      https || 'none such',
    ])
      assert.ok(!all.includes(name), `${stack}: ${name}`);
  }
});

await test('what looks like a name of the seed stands in the cluster, and stays', async () => {
  const { clear } = await contentsOf({ size: 'small' }, targetIdentity());
  const text = (key: string): string => clear.get(key)?.toString('latin1') ?? '';
  for (const lookAlike of lookAlikes)
    assert.ok(text('/kubernetes.io/configmaps/customer-workload/look-alikes').includes(lookAlike), lookAlike);
  for (const [key, kept] of [
    [
      '/kubernetes.io/configmaps/openshift-etcd/etcd-pod',
      '- name: "NODE_seed_node_rack_10_IP"\n      value: "192.0.2.100"',
    ],
    ['/kubernetes.io/configmaps/openshift-etcd/restore-etcd-pod', '--target-name=seed-node.rack-10'],
    [
      '/kubernetes.io/configmaps/openshift-kube-controller-manager/kube-controller-manager-pod-3',
      '--old-name=seed-x7k2p9',
    ],
    [
      '/kubernetes.io/configmaps/openshift-ovn-kubernetes/ovnkube-config',
      'https://api-int.prefix.seed.example.com.other:6443',
    ],
    ['/kubernetes.io/secrets/openshift-etcd/etcd-peer-seed-bootstrap', '192.0.2.100'],
  ] as const)
    assert.ok(text(key).includes(kept), `${key}: ${kept}`);
});
