import { isIP } from 'node:net';
import type { FieldPath } from '../../edit/json.ts';
import { Failure } from '../../errors/errors.ts';
import { inUrl, withNewAddresses, type AddressPair } from './address-text.ts';
import type { Cluster } from './cluster.ts';
import type { Editor } from './editor.ts';
import { configMap, configMaps, deployment, nodes, operator, prefix, secrets } from './keys.ts';
import { containersNamed, stringsOf } from './workload.ts';
import { changeOf, object, objects, removals, revisions, texts, type Reads, type Step } from './step.ts';

/** The node's address, or both of them. */
export const nodeReads: Reads = { objects: [nodes] };

/**
 * The node's addresses paired with the new ones, in the order of its InternalIP entries.
 * @throws Failure when they do not fit in number or family
 */
export function addressPairs(cluster: Cluster, addresses: readonly string[]): AddressPair[] {
  const [key, ...others] = cluster.keys(nodes);
  const node = key === undefined ? undefined : cluster.object(key);
  if (key === undefined || node === undefined)
    throw new Failure(`there is no node below "${nodes}" in etcd, whose address "ip" replaces`, {
      next: 'check that etcd is that of a whole single-node cluster',
    });
  if (others.length > 0)
    throw new Failure(`there are ${others.length + 1} nodes below "${nodes}" in etcd; "ip" is for a cluster of one`, {
      next: 'leave "ip" out',
    });
  const old = node
    .keysAt(['status', 'addresses'])
    .flatMap((index) =>
      node.textAt(['status', 'addresses', index, 'type']) === 'InternalIP'
        ? [node.textAt(['status', 'addresses', index, 'address']) ?? '']
        : [],
    );
  const expected = addresses.length === 1 ? 'single-stack (1 IP)' : `dual-stack (${addresses.length} IPs)`;
  const advice = {
    why: `the node "${key}" has ${old.join(', ') || 'no address'}, "ip" gives ${addresses.join(', ')}`,
    next: 'give as many addresses as the seed has, of the same families in the same order',
  };
  if (old.length !== addresses.length) throw new Failure(`Expected ${expected} but found ${old.length} IPs`, advice);
  const pairs = old.map((address, index) => ({ old: address, fresh: addresses[index] ?? '' }));
  const foreign = pairs.find((pair) => isIP(pair.old) !== isIP(pair.fresh));
  if (foreign !== undefined)
    throw new Failure(`ip "${foreign.fresh}" is not of the family of "${foreign.old}", which it replaces`, advice);
  return pairs;
}

export function addressSteps(pairs: readonly AddressPair[]): Step[] {
  const moved = (text: string): string => withNewAddresses(text, pairs);
  const clientUrl = (address: string): string => `https://${inUrl(address)}:2379`;
  /** A list of one URL, where the old one stands in it. */
  const onlyUrl = (
    editor: Editor,
    list: readonly string[],
    stands: (urls: readonly string[], old: string) => boolean,
  ): boolean => {
    const urls = editor.keysAt(list).map((index) => editor.textAt([...list, index]) ?? '');
    const pair = pairs.find(({ old }) => stands(urls, clientUrl(old)));
    if (pair !== undefined) editor.replace(list, [clientUrl(pair.fresh)]);
    return pair !== undefined;
  };
  const etcdServers = (editor: Editor, above: FieldPath = []): void => {
    if (above.length > 0 && editor.at(above) === undefined) editor.fail(above);
    const list = [...above, 'apiServerArguments', 'etcd-servers'];
    for (const index of editor.keysAt(list)) editor.rewrite([...list, index], moved);
  };
  const etcd = 'openshift-etcd';
  return [
    {
      row: 'ip/openshift-apiserver-config',
      reads: { objects: [configMap('openshift-apiserver', 'config')] },
      changes: (cluster, say) => [
        changeOf(cluster, configMap('openshift-apiserver', 'config'), (map) => {
          map.within(['data', 'config.yaml'], (text) => {
            if (!onlyUrl(text, ['storageConfig', 'urls'], ([first], old) => first === old))
              say('ConfigMap openshift-apiserver/config does not name the old address of etcd and is left as it is');
          });
        }),
      ],
    },
    revisions('ip/etcd-endpoints', configMaps(etcd), 'etcd-endpoints', (map) => {
      const [name, ...more] = map.keysAt(['data']);
      if (name === undefined || more.length > 0)
        return map.fail(['data'], `has ${more.length + (name === undefined ? 0 : 1)} members instead of one`);
      map.rewrite(['data', name], (text) => pairs.find(({ old }) => old === text)?.fresh ?? text);
    }),
    ...['etcd-pod', 'restore-etcd-pod'].map((name) =>
      revisions('ip/etcd-pod', configMaps(etcd), name, (map) => {
        map.rewrite(['data', 'pod.yaml'], moved);
      }),
    ),
    object('ip/etcd-scripts', configMap(etcd, 'etcd-scripts'), (map) => {
      map.rewrite(['data', 'etcd.env'], moved);
    }),
    objects(
      'ip/certificate-hostnames',
      secrets(etcd),
      (secret) => {
        const hostnames = ['metadata', 'annotations', 'auth.openshift.io/certificate-hostnames'];
        if (secret.textAt(hostnames) !== undefined) secret.rewrite(hostnames, moved);
      },
      /^etcd-(?:peer|serving)/,
    ),
    revisions('ip/kube-apiserver-config', configMaps('openshift-kube-apiserver'), 'config', (map) => {
      map.within(['data', 'config.yaml'], (text) => {
        etcdServers(text);
      });
    }),
    object('ip/kube-apiserver-operator', operator('kubeapiservers'), (cr) => {
      etcdServers(cr, ['spec', 'observedConfig']);
    }),
    object('ip/authentication-operator', operator('authentications'), (cr) => {
      etcdServers(cr, ['spec', 'observedConfig', 'oauthAPIServer']);
    }),
    object('ip/openshift-apiserver-operator', operator('openshiftapiservers'), (cr) => {
      const urls = ['spec', 'observedConfig', 'storageConfig', 'urls'];
      if (cr.at(urls) === undefined) cr.fail(urls);
      onlyUrl(cr, urls, (all, old) => all.includes(old));
    }),
    object('ip/network-initiator', operator('networks'), (cr) => {
      const initiator = ['metadata', 'annotations', 'networkoperator.openshift.io/ovn-cluster-initiator'];
      const pair = pairs.find(({ old }) => old === cr.textAt(initiator));
      if (pair !== undefined) cr.replace(initiator, pair.fresh);
    }),
    {
      row: 'ip/oauth-apiserver',
      reads: { objects: [deployment('openshift-oauth-apiserver', 'apiserver')] },
      changes: (cluster, say) => [
        changeOf(cluster, deployment('openshift-oauth-apiserver', 'apiserver'), (workload) => {
          const args = stringsOf(workload, containersNamed(workload, 'oauth-apiserver'), 'args');
          const arg = args.find((path) => {
            const text = workload.textAt(path) ?? '';
            return text.includes('--etcd-servers=') && moved(text) !== text;
          });
          if (arg === undefined)
            say(
              'Deployment openshift-oauth-apiserver/apiserver does not name the old address of etcd and is left as it is',
            );
          else workload.rewrite(arg, moved);
        }),
      ],
    },
    removals('ip/removals', ['pods/', 'minions/', 'services/endpoints/', 'endpointslices/'].map(prefix)),
    ...[
      /\/etcd-pod\.yaml$/,
      /etcd-pod\/pod\.yaml$/,
      /\/restore-etcd-pod\/quorum-restore-pod\.yaml$/,
      /\/etcd-scripts\/etcd\.env$/,
      /\/etcd-endpoints\/[^/]+$/,
      /\/kube-apiserver-pod-[^/]*\/configmaps\/config\/config\.yaml$/,
    ].map((pattern) => texts('ip/files', pattern, moved)),
  ];
}
