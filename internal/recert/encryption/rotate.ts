import { randomBytes } from 'node:crypto';
import { Failure, UsageError } from '../../errors/errors.ts';
import { openStored, replaceAt, fieldAt } from '../../wire/wire.ts';
import type { Provider } from '../../wire/encryption.ts';
import type { Secret } from '../../log/secret.ts';
import { replacedName, type Replacement } from '../document.ts';
import { configurationField, sealWith, type AtRest } from './at-rest.ts';
import { readConfiguration, writeConfiguration, type EncryptionConfiguration } from './configuration.ts';
import { prefixesOf } from './resources.ts';

/** Configurations that a person gives; absent ones are made with a new key. */
export type GivenConfigurations = { readonly kube?: Secret; readonly openshift?: Secret; readonly oauth?: Secret };

/** Clear values of etcd. */
export type ClearReader = {
  readonly list: (
    prefix: string,
  ) => AsyncIterable<{ readonly key: string; readonly value: Uint8Array; readonly modRevision: string }>;
};

export type Rotation = {
  /** The plan with the new keys in their places, and every value of every encrypted resource in it. */
  readonly replacements: readonly Replacement[];
  readonly seal: (key: string, clear: Uint8Array) => Uint8Array;
  /** What a person reads in the plan. */
  readonly facts: readonly string[];
};

type Server = keyof GivenConfigurations;

/** What each API server encrypts on OpenShift, and what it is called in names of Secrets. */
const servers: Readonly<Record<Server, { readonly component: string; readonly resources: readonly string[] }>> = {
  kube: { component: 'openshift-kube-apiserver', resources: ['configmaps', 'secrets'] },
  openshift: { component: 'openshift-apiserver', resources: ['routes.route.openshift.io'] },
  oauth: {
    component: 'openshift-oauth-apiserver',
    resources: ['oauthaccesstokens.oauth.openshift.io', 'oauthauthorizetokens.oauth.openshift.io'],
  },
};
const serverNames: readonly Server[] = ['kube', 'openshift', 'oauth'];

/**
 * New keys for the encryption at rest, laid over the plan: configurations in Secrets and on disk, the key Secrets of the operators,
 * and every encrypted value, so that the commit stores all of them under the new keys. Off: the plan as it was.
 */
export async function rotate(
  etcd: ClearReader,
  atRest: AtRest,
  plan: readonly Replacement[],
  given: GivenConfigurations,
  random: (size: number) => Uint8Array = randomBytes,
): Promise<Rotation> {
  if (atRest.type === 'off') {
    const useless = serverNames
      .filter((server) => given[server] !== undefined)
      .map((server) => `${server}_encryption_config`);
    return {
      replacements: plan,
      seal: (_key, clear) => clear,
      facts:
        useless.length === 0
          ? []
          : [
              `the cluster's etcd is not encrypted; ${useless.join(', ')} ${useless.length === 1 ? 'has' : 'have'} no effect`,
            ],
    };
  }
  const type = atRest.type;
  const configurations = Object.fromEntries(
    serverNames.map((server) => [server, configurationFor(server, given[server], type, random)]),
  ) as Record<Server, EncryptionConfiguration>; // one for each name
  refuseOverlap(configurations);

  const changed = new Map<string, Replacement>();
  for (const replacement of plan) changed.set(replacedName(replacement), replacement);
  const put = (replacement: Replacement): void => {
    changed.set(replacedName(replacement), replacement);
  };

  // Every value of every encrypted resource, as the plan leaves it, or as it stands.
  const prefixes = [
    ...new Set(
      serverNames.flatMap((server) => configurations[server].flatMap(({ resources }) => resources.flatMap(prefixesOf))),
    ),
  ];
  for (const prefix of prefixes) {
    for await (const { key, value, modRevision } of etcd.list(prefix)) {
      if (!changed.has(`etcd:${key}`))
        put({ kind: 'changed', document: { in: 'etcd', key, bytes: value, modRevision }, after: value });
    }
  }
  for (const server of serverNames) {
    const { component } = servers[server];
    const text = Buffer.from(writeConfiguration(configurations[server]));
    for (const replacement of [...changed.values()]) {
      const key = etcdKeyOf(replacement);
      if (key === undefined) continue;
      if (
        key.startsWith(`/kubernetes.io/secrets/${component}/encryption-config`) ||
        key.startsWith(`/kubernetes.io/secrets/openshift-config-managed/encryption-config-${component}`)
      )
        put(withField(replacement, configurationField, text, key));
    }
    for (const replacement of keySecrets([...changed.values()], component, keyOf(configurations[server], component)))
      put(replacement);
  }
  const kubeText = Buffer.from(writeConfiguration(configurations.kube));
  for (const { document } of atRest.files) put({ kind: 'changed', document, after: kubeText });
  const count = [...changed.values()].filter((replacement) =>
    prefixes.some((prefix) => etcdKeyOf(replacement)?.startsWith(prefix) === true),
  ).length;
  return {
    replacements: [...changed.values()],
    seal: sealWith(serverNames.map((server) => configurations[server])),
    facts: [`encryption at rest (${type}): new keys, ${count} etcd values stored under them`],
  };
}

/** Refuses given configurations that could not be followed, before any work: the same rules as `rotate`. */
export function checkGiven(given: GivenConfigurations): void {
  try {
    refuseOverlap(
      Object.fromEntries(
        serverNames.map((server) => [server, configurationFor(server, given[server], 'aescbc', randomBytes)]),
      ) as Record<Server, EncryptionConfiguration>,
    ); // one for each name
  } catch (error) {
    throw error instanceof Failure
      ? new UsageError(error.message, {
          ...(error.why === undefined ? {} : { why: error.why }),
          ...(error.next === undefined ? {} : { next: error.next }),
        })
      : error;
  }
}

/** A configuration given by a person is reduced to its first provider for each resource, as upstream does: nothing stands under the others any more. */
function configurationFor(
  server: Server,
  given: Secret | undefined,
  type: 'aescbc' | 'aesgcm',
  random: (size: number) => Uint8Array,
): EncryptionConfiguration {
  if (given === undefined)
    return [
      {
        resources: servers[server].resources,
        providers: [{ type, keys: [{ name: '1', secret: random(32) }] }, { type: 'identity' }],
      },
    ];
  return readConfiguration(given.reveal(), `${server}_encryption_config`).map(({ resources, providers: [first] }) => {
    if (first === undefined || first.type === 'identity')
      throw new Failure(`${server}_encryption_config cannot be used: its first provider does not encrypt`, {
        next: 'put an aescbc or aesgcm provider first',
      });
    return { resources, providers: [first] };
  });
}

function refuseOverlap(configurations: Readonly<Record<Server, EncryptionConfiguration>>): void {
  const names = serverNames.flatMap((server) => [
    ...new Set(configurations[server].flatMap(({ resources }) => resources)),
  ]);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw new Failure('encryption configurations contain overlapping resources', {
      why: `"${twice}" is in two of them`,
      next: 'leave each resource to one API server',
    });
}

/** The one key under which an API server writes. */
function keyOf(configuration: EncryptionConfiguration, component: string): { name: string; secret: Uint8Array } {
  const provider: Provider | undefined = configuration[0]?.providers[0];
  const key = provider === undefined || provider.type === 'identity' ? undefined : provider.keys[0];
  if (key === undefined) throw new Failure(`the encryption configuration of ${component} has no key`);
  return key;
}

const keyField = ['data', 'encryption.apiserver.operator.openshift.io-key'] as const;

/**
 * The operators keep each key in a Secret of its own, named after it: `encryption-key-<component>-<key name>`. The newest of them
 * takes the new key and its name; older ones hold old keys for values that are not there any more, and go.
 */
function keySecrets(
  plan: readonly Replacement[],
  component: string,
  key: { name: string; secret: Uint8Array },
): Replacement[] {
  const prefix = `/kubernetes.io/secrets/openshift-config-managed/encryption-key-${component}-`;
  const found = plan
    .flatMap((replacement) => {
      const etcdKey = etcdKeyOf(replacement);
      return etcdKey?.startsWith(prefix) === true && replacement.kind === 'changed'
        ? [{ etcdKey, replacement, number: Number(/\d+$/.exec(etcdKey)?.[0] ?? -1) }]
        : [];
    })
    .sort((a, b) => b.number - a.number);
  const [newest, ...older] = found;
  if (newest === undefined) return [];
  const withKey = withField(newest.replacement, keyField, key.secret, newest.etcdKey);
  const wanted = `${prefix}${key.name}`;
  const gone = older
    .filter(({ etcdKey }) => etcdKey !== wanted)
    .map(({ replacement }): Replacement => ({ kind: 'removed', document: replacement.document }));
  if (newest.etcdKey === wanted) return [withKey, ...gone];
  const named = afterWith(
    withKey.after,
    ['metadata', 'name'],
    wanted.slice(wanted.lastIndexOf('/') + 1),
    newest.etcdKey,
  );
  // A Secret of the wanted name exists already when keys were rotated back: then it is changed, not made.
  const standing = older.find(({ etcdKey }) => etcdKey === wanted);
  return [
    { kind: 'removed', document: newest.replacement.document },
    ...gone,
    standing === undefined
      ? { kind: 'created', in: 'etcd', key: wanted, after: named }
      : { ...standing.replacement, after: named },
  ];
}

type Changed = Extract<Replacement, { kind: 'changed' }>;

function withField(replacement: Replacement, field: readonly string[], value: Uint8Array, key: string): Changed {
  if (replacement.kind !== 'changed')
    throw new Failure(`the plan removes or makes the etcd key "${key}", which holds an encryption key`);
  return { ...replacement, after: afterWith(replacement.after, field, value, key) };
}

function afterWith(clear: Uint8Array, field: readonly string[], value: Uint8Array | string, key: string): Uint8Array {
  const stored = openStored(clear);
  if (stored === undefined || fieldAt(stored, field) === undefined)
    throw new Failure(`the etcd key "${key}" has no ${field.join('/')}`, {
      next: 'make the seed image anew: its encryption is not complete',
    });
  return replaceAt(stored, field, value).bytes;
}

const etcdKeyOf = (replacement: Replacement): string | undefined =>
  replacement.kind === 'created'
    ? replacement.in === 'etcd'
      ? replacement.key
      : undefined
    : replacement.document.in === 'etcd'
      ? replacement.document.key
      : undefined;
