import type { Certificate } from '../../internal/pki/certificate.ts';
import { tags, tlv } from '../../internal/pki/der.ts';
import { keyIdOf, type KeyIdMethod } from '../../internal/pki/key-identifier.ts';
import { writePrivateKey, type PrivateKey } from '../../internal/pki/keys.ts';
import { extension, makeCertificate, makeExtension, type Recipe } from '../../internal/pki/test-certificates.ts';
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
  const usage = spec.usage ?? ['digitalSignature', 'keyEncipherment', ...(isSigner ? ['keyCertSign'] : [])];
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
      ...(usage.length === 0 ? [] : [keyUsage(usage)]),
      ...(extended.length === 0
        ? []
        : [extension.extendedUsage(extended.includes('serverAuth'), extended.includes('clientAuth'))]),
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
function goName({ cn, orgs = [], issuer, kind }: PairSpec): Uint8Array {
  const attribute = (oid: string, text: string): Uint8Array =>
    tlv(
      tags.sequence,
      tlv(tags.oid, Buffer.from(oid, 'hex')),
      tlv(/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? tags.printableString : tags.utf8String, Buffer.from(text)),
    );
  const unit = kind === 'signer' && issuer === undefined && !cn.includes('@') && !cn.startsWith('olm-');
  return tlv(
    tags.sequence,
    ...(orgs.length === 0 ? [] : [tlv(tags.set, ...orgs.map((org) => attribute('55040a', org)))]),
    ...(unit ? [tlv(tags.set, attribute('55040b', 'openshift'))] : []),
    ...(cn === '' ? [] : [tlv(tags.set, attribute('550403', cn))]),
  );
}

function keyUsage(names: readonly string[]): Uint8Array {
  const bit: Readonly<Record<string, number>> = { digitalSignature: 0x80, keyEncipherment: 0x20, keyCertSign: 0x04 };
  const bits = names.reduce((sum, name) => sum | (bit[name] ?? 0), 0);
  return makeExtension(
    '551d0f',
    tlv(
      tags.bitString,
      Uint8Array.of(Math.clz32(bits & -bits) === 29 ? 2 : Math.clz32(bits & -bits) === 26 ? 5 : 7, bits),
    ),
    true,
  );
}

export const pemOf = (tag: string, der: Uint8Array): string =>
  `-----BEGIN ${tag}-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')}-----END ${tag}-----\n`;

export const certificatePem = ({ certificate }: Issued): string => pemOf('CERTIFICATE', certificate.der);

/** The form in which OpenShift stores a key: PKCS#1 and SEC1, except where a CSR made it. */
export function keyPem(key: PrivateKey, form?: 'pkcs1' | 'sec1' | 'pkcs8'): string {
  const { type } = key.public.shape;
  const chosen = form ?? (type === 'rsa' ? 'pkcs1' : type === 'ec' ? 'sec1' : 'pkcs8');
  return pemOf(
    { pkcs1: 'RSA PRIVATE KEY', sec1: 'EC PRIVATE KEY', pkcs8: 'PRIVATE KEY' }[chosen],
    writePrivateKey(key, chosen),
  );
}

/** Kinds of keys that a fixture needs, counted. */
export function keysNeeded(fixture: Fixture): number {
  return (
    fixture.pairs.filter(({ key = 'rsa2048' }: { key?: KeyKind }) => key === 'rsa2048').length + fixture.foreign.length
  );
}
