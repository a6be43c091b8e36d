import { Failure } from '../../errors/errors.ts';
import { fromLatin1, latin1 } from '../../edit/characters.ts';
import { pemBlocksIn } from '../../edit/pem.ts';
import { fnv64Text } from '../rollout/fnv.ts';
import type { Change } from './change.ts';
import { laid, type Cluster } from './cluster.ts';
import { edited, NotThere } from './editor.ts';
import { ignitionFile, machineConfigSteps } from './ignition-files.ts';
import { config, configMap, configMaps, controllerConfig, prefix } from './keys.ts';
import { changeOf, inDocument, object, textChange, texts, type Say, type Step } from './step.ts';

/** Certificates that the site trusts, and the copies of them that operators merged with the system's. */

const member = ['data', 'ca-bundle.crt'] as const;
const anchor = '/etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt';
const injected = 'config.openshift.io/inject-trusted-cabundle';
const merged = configMap('openshift-config-managed', 'trusted-ca-bundle');
const userBundle = configMap('openshift-config', 'user-ca-bundle');

export function userBundleSteps(bundle: string): Step[] {
  return [
    ...machineConfigSteps('trust/user-machine-configs', (machine) => {
      ignitionFile(machine, anchor, () => bundle);
    }),
    object('trust/user-controller-config', controllerConfig, (cr) => {
      cr.replace(['spec', 'additionalTrustBundle'], Buffer.from(bundle).toString('base64'));
    }),
    texts('trust/user-files', /\/anchors\/openshift-config-user-ca-bundle\.crt$/, () => bundle),
    object('trust/user-object', userBundle, (map) => {
      map.replace([...member], bundle);
    }),
  ];
}

/**
 * The proxy's trust bundle: `configMap` in openshift-config, and `bundle`, its new content. Where that ConfigMap is `user-ca-bundle`, the
 * content is the user's bundle; the old one is read before the user's steps write theirs, so these steps come first.
 */
export function proxyBundleSteps(name: string, bundle: string): Step[] {
  const own = configMap('openshift-config', name);
  const mergedFiles = /\/configmaps\/trusted-ca-bundle\/ca-bundle\.crt$/;
  return [
    {
      row: 'trust/proxy',
      reads: {
        objects: [
          config('proxies'),
          own,
          merged,
          configMap('openshift-cloud-controller-manager', 'ccm-trusted-ca'),
          configMaps('openshift-monitoring'),
          configMap('openshift-controller-manager', 'openshift-user-ca'),
        ],
        files: [mergedFiles],
        holding: { prefix: prefix('configmaps/'), text: injected },
      },
      changes: (cluster, say) => {
        refuseOtherName(cluster, name);
        const old = textOf(cluster, own);
        const fresh = bundle + systemPart(textOf(cluster, merged), old, own);
        const all = [
          ...[own, configMap('openshift-controller-manager', 'openshift-user-ca')].map((key) =>
            changeOf(cluster, key, (map) => {
              map.replace([...member], bundle);
            }),
          ),
          ...[merged, configMap('openshift-cloud-controller-manager', 'ccm-trusted-ca'), ...labelled(cluster)]
            .filter(
              (key, index, keys) =>
                keys.indexOf(key) === index && (key === merged || cluster.object(key) !== undefined),
            )
            .map((key) =>
              changeOf(cluster, key, (map) => {
                map.set([...member], fresh);
              }),
            ),
          ...cluster.files(mergedFiles).map((path) => textChange(cluster, path, () => fresh)),
        ];
        const after = laid(cluster, all);
        return [...all, ...hashedCopies(cluster, after, fresh, say)];
      },
    },
  ];
}

function refuseOtherName(cluster: Cluster, name: string): void {
  const key = config('proxies');
  const found = inDocument('etcd', key, () => {
    const proxy = cluster.object(key);
    const named = proxy?.textAt(['spec', 'trustedCA', 'name']);
    if (named === undefined || named === '')
      throw new NotThere(proxy === undefined ? '' : '/spec/trustedCA/name', named === '' ? 'is empty' : undefined);
    return named;
  });
  if (found !== name)
    throw new Failure(
      `proxy_trusted_ca_bundle names the ConfigMap "${name}", and "/spec/trustedCA/name" of "${key}" in etcd names "${found}"`,
      { next: `write "${found}:" before the bundle` },
    );
}

function textOf(cluster: Cluster, key: string): string {
  return inDocument('etcd', key, () => {
    const map = cluster.object(key);
    if (map === undefined) throw new NotThere('');
    const text = map.textAt([...member]);
    if (text === undefined || text === '')
      throw new NotThere('/data/ca-bundle.crt', text === undefined ? undefined : 'is empty');
    return text;
  });
}

/** What follows the last of the site's old certificates in the merged bundle: the system's. It keeps its bytes. */
function systemPart(all: string, old: string, own: string): string {
  const last = pemBlocksIn(latin1(new TextEncoder().encode(old))).findLast(({ der }) => der !== undefined)?.der;
  if (last === undefined)
    return inDocument('etcd', own, () => {
      throw new NotThere('/data/ca-bundle.crt', 'holds no certificate');
    });
  const bytes = latin1(new TextEncoder().encode(all));
  const block = pemBlocksIn(bytes).findLast(({ der }) => der !== undefined && Buffer.compare(der, last) === 0);
  if (block === undefined)
    throw new Failure(
      `last original cert not found in merged bundle: the last certificate of "${own}" does not stand in "${merged}"`,
      { next: "wait until the seed's network operator has merged them, then make the seed again" },
    );
  return new TextDecoder().decode(fromLatin1(bytes.slice(block.end).replace(/^\r?\n/, '')));
}

/** ConfigMaps that the network operator fills, whatever the label says. */
function labelled(cluster: Cluster): string[] {
  return cluster
    .keys(prefix('configmaps/'))
    .filter((key) => cluster.object(key)?.textAt(['metadata', 'labels', injected]) !== undefined);
}

/**
 * Monitoring keeps copies under names that end in a hash of their content. One whose hash is not the one that we know how to make is
 * left to its operator.
 */
function hashedCopies(before: Cluster, after: Cluster, fresh: string, say: Say): Change[] {
  const label = ['metadata', 'labels', 'monitoring.openshift.io/hash'];
  const hash = fnv64Text(fresh);
  return before.keys(configMaps('openshift-monitoring')).flatMap((key): Change[] => {
    const [, component] = /^(.*)-trusted-ca-bundle-[0-9a-z]+$/.exec(key.slice(key.lastIndexOf('/') + 1)) ?? [];
    const [old, tree] = [before.object(key)?.textAt([...member]), after.object(key)];
    if (component === undefined || old === undefined || tree === undefined) return [];
    if (before.object(key)?.textAt(label) !== fnv64Text(old)) {
      say(
        `"${key}" does not bear the hash of its content and is left as it is; expect one rollout of ${component} in openshift-monitoring`,
      );
      return [];
    }
    const name = `${component}-trusted-ca-bundle-${hash}`;
    const { bytes, notes } = edited(tree, (map) => {
      map.set([...member], fresh);
      map.replace(label, hash);
      map.replace(['metadata', 'name'], name);
    });
    const to = configMap('openshift-monitoring', name);
    return [
      to === key
        ? { in: 'etcd', kind: 'changed', name: key, after: bytes, notes }
        : { in: 'etcd', kind: 'moved', name: key, to, after: bytes, notes },
    ];
  });
}
