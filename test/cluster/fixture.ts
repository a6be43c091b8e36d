import { readFileSync } from 'node:fs';
import type { ExtendedUsageName, KeyUsageName } from '../certificates/extensions.ts';
import { bootstrapOf } from './identities.ts';
import { domainOf, type Identity } from './identity.ts';
import type { KeyKind } from './keys.ts';

/** The PKI of a real single-node cluster: names, issuers, usages, spans and places, no key and no certificate. */
export type Fixture = {
  readonly pairs: readonly PairSpec[];
  readonly bundles: readonly BundleSpec[];
  readonly foreign: readonly ForeignSpec[];
  readonly files: readonly FileSpec[];
};

/** A certificate with its key. `issuer` is the common name of its signer; itself when left out. */
export type PairSpec = {
  readonly cn: string;
  readonly issuer?: string;
  readonly kind: 'signer' | 'serving' | 'client' | 'peer';
  readonly key?: KeyKind;
  readonly validity: string;
  readonly usage?: readonly KeyUsageName[];
  readonly extended?: readonly ExtendedUsageName[];
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
  readonly orgs?: readonly string[];
  /** `namespace/name` */
  readonly secrets?: readonly string[];
  /** Certificate and key, or one file with both (PEM or kubeconfig). */
  readonly files?: readonly (readonly string[])[];
};

/** What a certificate may be used for; said where it is not what its kind says already. */
export const extendedUsageOf = ({ kind, extended }: PairSpec): readonly ExtendedUsageName[] =>
  extended ?? usualExtended[kind];

const usualExtended: Readonly<Record<PairSpec['kind'], readonly ExtendedUsageName[]>> = {
  signer: [],
  serving: ['serverAuth'],
  client: ['clientAuth'],
  peer: ['clientAuth', 'serverAuth'],
};

/** Certificates by common name, in their order in the file. `public`: the CAs that the host trusts. */
export type BundleSpec = {
  readonly members: readonly string[];
  readonly configMaps?: readonly string[];
  readonly files?: readonly string[];
};

/** A signer that the cluster trusts and whose key it does not have. */
export type ForeignSpec = { readonly cn: string; readonly validity: string };
export type FileSpec = { readonly path: string; readonly mode: string; readonly label: string };

export type Size = 'small' | 'full' | 'large';

/**
 * The fixture with its blanks filled in. Names in certificates are the seed's: who reads them finds out by looking (`remainder.ts` masks
 * them). Places, which Secrets and files are called by, are those of `now`.
 */
export function fixtureOf(size: Size, seed: Identity, now: Identity): Fixture {
  const bootstrap = bootstrapOf(seed);
  const blanks = ({ hostname, ips: [ip] }: Identity): Readonly<Record<string, string>> => ({
    domain: domainOf(seed),
    node: hostname,
    nodeIP: ip,
    bootstrapIP: bootstrap.ip,
    bootstrap: bootstrap.name,
    timestamp: '2026-11-01-10-00-00',
  });
  const [was, is] = [blanks(seed), blanks(now)];
  const places = new Set(['secrets', 'files', 'configMaps', 'path']);
  const filled = (value: unknown, by: Readonly<Record<string, string>>): unknown => {
    if (typeof value === 'string') return value.replace(/\{([a-zA-Z]+)\}/g, (whole, name: string) => by[name] ?? whole);
    if (Array.isArray(value)) return value.map((item: unknown) => filled(item, by));
    // The fixture holds texts, lists and maps only. At its top `files` is a list of facts, whose `path` is the place.
    return Object.fromEntries(
      Object.entries(value as Record<string, unknown>).map(([name, member]) => [
        name,
        filled(member, places.has(name) ? is : by),
      ]),
    );
  };
  const { pairs, ...rest } = filled(
    JSON.parse(readFileSync(new URL('fixture.json', import.meta.url), 'utf8')),
    was,
  ) as Fixture; // our own file
  const [first, second] = seed.ips;
  const both = (values: readonly string[] | undefined): readonly string[] | undefined =>
    second === undefined ? values : values?.flatMap((value) => (value === first ? [first, second] : [value]));
  const full: Fixture = {
    ...rest,
    pairs: pairs.map(({ dns, ips, ...pair }) => ({
      ...pair,
      ...(dns === undefined ? {} : { dns: both(dns) ?? [] }),
      ...(ips === undefined ? {} : { ips: both(ips) ?? [] }),
    })),
  };
  switch (size) {
    case 'small':
      return smallPart(full);
    case 'full':
      return full;
    case 'large':
      return tenfold(full);
  }
}

/** What a small cluster keeps: one of every shape, the API server's own certificates among them. */
const kept = [
  /^openshift-service-serving-signer@/,
  /^metrics\.openshift-apiserver-operator\.svc$/,
  /^\*\.machine-approver\./,
  /^kubelet-signer$/,
  /^kube-csr-signer_@/,
  /^system:node:/,
  /^system:serviceaccount:openshift-monitoring:metrics-server$/,
  /^kube-control-plane-signer$/,
  /^system:control-plane-node-admin$/,
  /^kube-apiserver-localhost-signer$/,
  /^127\.0\.0\.1$/,
  /^kube-apiserver-lb-signer$/,
  /^kube-apiserver-service-network-signer$/,
  /localhost-recovery-serving-signer@/,
  /^api(?:-int)?\./,
  /^172\.30\.0\.1$/,
  /^openshift-etcd_/,
  /openshift-authenticator$/,
  /node-system-admin-signer@/,
  /^system:admin$/,
  /^ingress-operator@/,
  /^\*\.apps\./,
  /node-bootstrapper$/,
  /^aggregator-signer$/,
  /^system:openshift-aggregator$/,
  /^packageserver-service/,
  /network-node-identity-ca@/,
];

/** Certificates of etcd members bear addresses as names. */
const etcdSecret = /^openshift-etcd\/etcd-(?:peer|serving|serving-metrics)-/;

function smallPart(full: Fixture): Fixture {
  const names = new Set(
    full.pairs
      .filter(
        ({ cn, secrets = [] }) =>
          kept.some((shape) => shape.test(cn)) || secrets.some((place) => etcdSecret.test(place)),
      )
      .map(({ cn }) => cn),
  );
  const known = (cn: string): boolean => names.has(cn) || cn === 'public' || full.foreign.some((one) => one.cn === cn);
  const pairs = full.pairs.filter(({ cn }) => names.has(cn));
  // Of the service signer's 77 leaves two are kept, and the secrets of the others with them.
  const ofLeaves = new Set(pairs.filter(({ kind }) => kind !== 'signer').flatMap(({ secrets = [] }) => secrets));
  return {
    pairs: pairs.map((pair) =>
      pair.kind === 'signer' && pair.secrets !== undefined
        ? {
            ...pair,
            secrets: pair.secrets.filter((name, index) => index === 0 || name.includes('sign') || ofLeaves.has(name)),
          }
        : pair,
    ),
    bundles: full.bundles
      .map((bundle) =>
        bundle.members[0] === 'public'
          ? {
              ...bundle,
              configMaps: ['openshift-config-managed/trusted-ca-bundle', 'openshift-apiserver/trusted-ca-bundle'],
              files: [],
            }
          : { ...bundle, members: bundle.members.filter(known) },
      )
      .filter(({ members }) => members.length > 0),
    foreign: full.foreign,
    files: full.files,
  };
}

/** Nine more of all that is in Secrets and ConfigMaps, in namespaces of their own; files and tokens stay as they are. */
function tenfold(full: Fixture): Fixture {
  const copies = Array.from({ length: 9 }, (_, index) => `x${index + 1}`);
  const renamed = (name: string, copy: string): string => (name === 'public' || name === '' ? name : `${name}.${copy}`);
  const moved = (place: string, copy: string): string => place.replace('/', `-${copy}/`);
  return {
    ...full,
    pairs: [
      ...full.pairs,
      ...copies.flatMap((copy) =>
        full.pairs
          .filter(({ secrets = [] }) => secrets.length > 0)
          .map((pair) => ({
            ...pair,
            files: [],
            cn: renamed(pair.cn, copy),
            ...(pair.issuer === undefined ? {} : { issuer: renamed(pair.issuer, copy) }),
            secrets: (pair.secrets ?? []).map((name) => moved(name, copy)),
          })),
      ),
    ],
    bundles: [
      ...full.bundles,
      ...copies.flatMap((copy) =>
        full.bundles
          .filter(({ configMaps = [] }) => configMaps.length > 0)
          .map(({ members, configMaps = [] }) => ({
            members: members.map((name) => (full.foreign.some(({ cn }) => cn === name) ? name : renamed(name, copy))),
            configMaps: configMaps.map((name) => moved(name, copy)),
          })),
      ),
    ],
  };
}
