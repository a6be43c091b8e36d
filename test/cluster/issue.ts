import '../certificates/provider.ts';
import { Name } from '@peculiar/x509';
import type { Certificate } from '../../internal/pki/certificate.ts';
import { keyIdOf, type KeyIdMethod } from '../../internal/pki/key-identifier.ts';
import type { PrivateKey } from '../../internal/pki/keys.ts';
import { extension, type KeyUsageName } from '../certificates/extensions.ts';
import { makeCertificate, type Recipe } from '../certificates/make.ts';
import { pemOf } from '../certificates/pem.ts';
import { extendedUsageOf, type Fixture, type PairSpec } from './fixture.ts';
import type { KeyKind, KeyPool } from './keys.ts';
import type { Seeded } from './seeded.ts';

/** A certificate of the cluster, with the key that it was made of. */
export type Issued = {
  /** Unique: the common name, with `#2` and so on where several bear it. */
  readonly name: string;
  readonly spec: PairSpec;
  readonly certificate: Certificate;
  readonly key: PrivateKey;
  /** The certificate of its signer; itself for a self-signed one. */
  readonly signer: Issued | undefined;
};

export type Pki = {
  readonly issued: readonly Issued[];
  /** The signer or leaf of this common name; the first of several. */ named(cn: string): Issued;
};

/** Name parts and times that differ between a cluster of some hours and one of some days. */
export type Age = 'first-day' | 'rotated';

const hours = 3_600_000;
const days = 24 * hours;
const units: Readonly<Record<string, number>> = { y: 365 * days, d: days, h: hours };

/** `2y60d` in milliseconds. */
export function spanMs(validity: string): number {
  return [...validity.matchAll(/(\d+)([ydh])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? 0),
    0,
  );
}

/** Short-lived certificates last 30 days after their first rotation, their signers 60, and operators name these after themselves. */
export function aged(fixture: Fixture, age: Age): Fixture {
  if (age === 'first-day') return fixture;
  const names: Readonly<Record<string, string>> = {
    'kubelet-signer': 'openshift-kube-controller-manager-operator_csr-signer-signer@1747190000',
    'aggregator-signer': 'openshift-kube-apiserver-operator_aggregator-client-signer@1747190000',
  };
  const renamed = (cn: string): string => names[cn] ?? cn;
  return {
    ...fixture,
    pairs: fixture.pairs.map((pair) => ({
      ...pair,
      cn: renamed(pair.cn),
      ...(pair.issuer === undefined ? {} : { issuer: renamed(pair.issuer) }),
      validity: spanMs(pair.validity) > days ? pair.validity : pair.kind === 'signer' ? '60d' : '30d',
    })),
    bundles: fixture.bundles.map((bundle) => ({ ...bundle, members: bundle.members.map(renamed) })),
  };
}

/** Makes every certificate of the fixture: signers before what they sign. `now` is the moment at which the cluster is looked at. */
export async function issueAll(fixture: Fixture, pool: KeyPool, random: Seeded, now: Date): Promise<Pki> {
  const issued: Issued[] = [];
  const signers = new Map<string, Issued>();
  const outside: PairSpec[] = fixture.foreign.map(({ cn, validity }) => ({ cn, validity, kind: 'signer' }));
  // OLM signs its own serving certificate and throws the key of the signer away.
  for (const olm of new Set(
    fixture.pairs.flatMap(({ issuer = '' }) => (issuer.startsWith('olm-selfsigned') ? [issuer] : [])),
  ))
    outside.push({ cn: olm, validity: '2y', kind: 'signer', key: 'p256', orgs: ['Red Hat, Inc.'] });

  const counts = new Map<string, number>();
  const issue = async (spec: PairSpec): Promise<void> => {
    const count = (counts.get(spec.cn) ?? 0) + 1;
    counts.set(spec.cn, count);
    const base = spec.cn === '' ? '(no common name)' : spec.cn;
    const by = spec.issuer === undefined ? undefined : signers.get(spec.issuer);
    if (spec.issuer !== undefined && by === undefined)
      throw new Error(`the fixture has no signer "${spec.issuer}" for "${spec.cn}"`);
    const key = pool.take(spec.key ?? 'rsa2048');
    const certificate = await makeCertificate(recipeOf(spec, key, by, random, now));
    const one: Issued = { name: count === 1 ? base : `${base}#${count}`, spec, certificate, key, signer: by };
    issued.push(one);
    if (spec.kind === 'signer') signers.set(spec.cn, one);
  };
  const specs = [...outside, ...fixture.pairs];
  for (const spec of specs.filter(({ kind, issuer }) => kind === 'signer' && issuer === undefined)) await issue(spec);
  for (const spec of specs.filter(({ kind, issuer }) => kind === 'signer' && issuer !== undefined)) await issue(spec);
  for (const spec of specs.filter(({ kind }) => kind !== 'signer')) await issue(spec);
  return {
    issued,
    named(cn) {
      const found = issued.find(({ spec }) => spec.cn === cn);
      if (found === undefined) throw new Error(`no certificate of the cluster is called "${cn}"`);
      return found;
    },
  };
}

function recipeOf(spec: PairSpec, key: PrivateKey, by: Issued | undefined, random: Seeded, now: Date): Recipe {
  const isSigner = spec.kind === 'signer';
  const short = spanMs(spec.validity) <= days;
  // A cluster of some hours; what was rotated since is three days old. Signers are older than what they sign.
  const notBefore = new Date(
    Math.floor(
      (now.getTime() -
        (short ? 1 : /^(?:30|60)d$/.test(spec.validity) ? 72 : 100) * hours -
        ((isSigner ? 1 : 0) * hours) / 2) /
        1000,
    ) * 1000,
  );
  const usage: readonly KeyUsageName[] = spec.usage ?? [
    'digitalSignature',
    'keyEncipherment',
    ...(isSigner ? ['keyCertSign' as const] : []),
  ];
  const extended = extendedUsageOf(spec);
  const method = methodOf(by?.spec.cn ?? spec.cn, key);
  const own = keyIdOf(key.public, methodOf(spec.cn, key));
  return {
    subject: goName(spec),
    key,
    serial: serialOf(spec, random),
    notBefore,
    notAfter: new Date(notBefore.getTime() + spanMs(spec.validity)),
    ...(by === undefined ? {} : { by }),
    // The order in which Go writes extensions.
    extensions: [
      ...(usage.length === 0 ? [] : [extension.keyUsage(...usage)]),
      ...(extended.length === 0 ? [] : [extension.extendedUsage(...extended)]),
      extension.basicConstraints(isSigner),
      ...(isSigner || method !== 'rfc5280-1' ? [extension.subjectKeyId(own)] : []),
      extension.authorityKeyId(by === undefined ? own : by.certificate.subjectKeyId),
      ...(spec.dns === undefined && spec.ips === undefined ? [] : [extension.altNames(spec.dns ?? [], spec.ips ?? [])]),
    ],
  };
}

/** Whose code made the certificate decides how its key identifier is made. */
function methodOf(cn: string, key: PrivateKey): KeyIdMethod {
  if (key.public.shape.type !== 'rsa' || /^(?:ingress-operator|olm-selfsigned)/.test(cn)) return 'rfc7093-1';
  if (/^openshift-(?:etcd|network|ovn)/.test(cn)) return 'library-go-sha256';
  if (/^openshift-|^kube-csr-signer/.test(cn)) return 'library-go-sha1';
  return 'rfc5280-1';
}

function serialOf({ cn, key }: PairSpec, random: Seeded): Uint8Array {
  const bytes = random.bytes(key === 'p256' ? 16 : 8);
  if (cn.startsWith('ingress-operator@')) return Uint8Array.of(1);
  if (cn === '') return Uint8Array.of(0x06, 0x7a);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40; // positive, and no leading zero
  return bytes;
}

/** A name as Go writes it: all organisations in one set, then the unit, then the common name. */
function goName({ cn, orgs = [], issuer, kind }: PairSpec): Name {
  const unit = kind === 'signer' && issuer === undefined && !cn.includes('@') && !cn.startsWith('olm-');
  return new Name([
    ...(orgs.length === 0 ? [] : [{ O: [...orgs] }]),
    ...(unit ? [{ OU: ['openshift'] }] : []),
    ...(cn === '' ? [] : [{ CN: [cn] }]),
  ]);
}

export const certificatePem = ({ certificate }: Issued): string => pemOf('CERTIFICATE', certificate.der);

/** Kinds of keys that a fixture needs, counted. */
export function keysNeeded(fixture: Fixture): number {
  return (
    fixture.pairs.filter(({ key = 'rsa2048' }: { key?: KeyKind }) => key === 'rsa2048').length + fixture.foreign.length
  );
}
