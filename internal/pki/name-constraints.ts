import type { Certificate } from './certificate.ts';
import { childrenOf, content, mapChildren, sameBytes, tlv, tlvAt } from './der.ts';
import { extensionsOf } from './extensions.ts';
import { ipBytes, ipText } from './ip-bytes.ts';
import { generalName, nameText, renamedName, ruledIp, ruledText, type NameRule } from './names.ts';

/** What an authority may sign names of (RFC 5280, 4.2.1.10). Kinds that clusters have no names of are left out. */
export type NameConstraints = { readonly permitted: readonly Subtree[]; readonly excluded: readonly Subtree[] };

type Subtree =
  | { readonly kind: 'DNS name'; readonly domain: string }
  /** Address and mask, as a certificate has them. */
  | { readonly kind: 'address'; readonly network: Uint8Array }
  | { readonly kind: 'name'; readonly name: Uint8Array };

const extensionId = '551d1e';
const [permittedTag, excludedTag] = [0xa0, 0xa1];

export function nameConstraintsOf(certificate: Certificate): NameConstraints | undefined {
  const value = extensionsOf(certificate).find(({ id }) => id === extensionId)?.value;
  if (value === undefined) return undefined;
  const subtrees = (tag: number): Subtree[] =>
    childrenOf(value, tlvAt(value))
      .filter((list) => list.tag === tag)
      .flatMap((list) => childrenOf(value, list))
      .flatMap((subtree) => {
        const [base] = childrenOf(value, subtree);
        return base === undefined ? [] : subtreeOf(base.tag, content(value, base));
      });
  return { permitted: subtrees(permittedTag), excluded: subtrees(excludedTag) };
}

function subtreeOf(tag: number, inside: Uint8Array): Subtree[] {
  switch (tag) {
    case generalName.dns:
      return [{ kind: 'DNS name', domain: Buffer.from(inside).toString('latin1') }];
    case generalName.ip:
      return [{ kind: 'address', network: inside }];
    case generalName.directory:
      return [{ kind: 'name', name: inside }];
    default:
      return [];
  }
}

/** Why the names of a certificate are none that such an authority may sign; as OpenSSL and Go see it. */
export function constraintFaultsOf(certificate: Certificate, { permitted, excluded }: NameConstraints): string[] {
  const names = namesOf(certificate);
  return names.flatMap(({ kind, text, isIn }) => {
    const allowed = permitted.filter((subtree) => subtree.kind === kind);
    if (allowed.length > 0 && !allowed.some(isIn))
      return [`the ${kind} "${text}" is in none of its permitted subtrees`];
    return excluded.some(isIn) ? [`the ${kind} "${text}" is in an excluded subtree`] : [];
  });
}

type Named = { readonly kind: Subtree['kind']; readonly text: string; readonly isIn: (subtree: Subtree) => boolean };

function namesOf({ dnsNames, ipAddresses, commonNames, subject }: Certificate): Named[] {
  // A host's name as common name counts where no alternative DNS name stands.
  const hosts = dnsNames.length > 0 ? dnsNames : commonNames.filter((name) => /^[\w*-]+(?:\.[\w-]+)+$/.test(name));
  return [
    ...hosts.map((text): Named => ({ kind: 'DNS name', text, isIn: (subtree) => isInDomain(text, subtree) })),
    ...ipAddresses.map((bytes): Named => ({
      kind: 'address',
      text: ipText(bytes),
      isIn: (subtree) => isInNetwork(bytes, subtree),
    })),
    ...(childrenOf(subject, tlvAt(subject)).length === 0
      ? []
      : [{ kind: 'name', text: nameText(subject), isIn: (subtree: Subtree) => isBelow(subject, subtree) } as const]),
  ];
}

function isInDomain(name: string, subtree: Subtree): boolean {
  if (subtree.kind !== 'DNS name') return false;
  const [host, domain] = [name.toLowerCase(), subtree.domain.toLowerCase()];
  if (domain === '') return true;
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

function isInNetwork(address: Uint8Array, subtree: Subtree): boolean {
  if (subtree.kind !== 'address' || subtree.network.length !== address.length * 2) return false;
  const { network } = subtree;
  return address.every(
    (byte, at) =>
      (byte & (network[address.length + at] ?? 0)) === ((network[at] ?? 0) & (network[address.length + at] ?? 0)),
  );
}

/** A name is below another whose parts it begins with. */
function isBelow(name: Uint8Array, subtree: Subtree): boolean {
  if (subtree.kind !== 'name') return false;
  const parts = (of: Uint8Array): Uint8Array[] =>
    childrenOf(of, tlvAt(of)).map((part) => of.subarray(part.start, part.end));
  const [own, above] = [parts(name), parts(subtree.name)];
  return above.every((part, at) => sameBytes(part, own[at] ?? new Uint8Array()));
}

/** The extension's value with its subtrees renamed: what stood for the old names stands for the new ones. */
export function renamedNameConstraints(value: Uint8Array, rules: readonly NameRule[]): Uint8Array {
  return mapChildren(value, (list) =>
    mapChildren(list, (subtree) =>
      mapChildren(subtree, (base, tag) => {
        const inside = content(base, tlvAt(base));
        switch (tag) {
          case generalName.dns: {
            const old = Buffer.from(inside).toString('latin1');
            const fresh = ruledDomain(old, rules);
            return fresh === old ? base : tlv(tag, Buffer.from(fresh, 'latin1'));
          }
          case generalName.ip: {
            const fresh = ruledNetwork(inside, rules);
            return sameBytes(fresh, inside) ? base : tlv(tag, fresh);
          }
          case generalName.directory: {
            const fresh = renamedName(inside, rules);
            return fresh === inside ? base : tlv(tag, fresh);
          }
          default:
            return base;
        }
      }),
    ),
  );
}

/**
 * A domain follows a rule for itself, or those for names below it: with `api.seed.lab` → `api.site.net` the subtree `seed.lab` becomes
 * `site.net`. Rules that disagree leave it as it is, and the check says what then does not fit.
 */
function ruledDomain(old: string, rules: readonly NameRule[]): string {
  const exact = ruledText(old, rules);
  if (exact !== old) return exact;
  const [dot, domain] = old.startsWith('.') ? ['.', old.slice(1)] : ['', old];
  const whole = ruledText(domain, rules);
  if (whole !== domain) return `${dot}${whole}`;
  const found = new Set(
    rules.flatMap((rule) => {
      if (domain === '' || !rule.old.endsWith(`.${domain}`)) return [];
      const host = rule.old.slice(0, -domain.length);
      return rule.new.startsWith(host) ? [rule.new.slice(host.length)] : [];
    }),
  );
  const [only, ...more] = found;
  return only === undefined || more.length > 0 ? old : `${dot}${only}`;
}

/** A network of one address follows that address; a larger one moves with the addresses in it, and keeps its size. */
function ruledNetwork(old: Uint8Array, rules: readonly NameRule[]): Uint8Array {
  const half = old.length / 2;
  const [address, mask] = [old.subarray(0, half), old.subarray(half)];
  if (mask.every((byte) => byte === 0xff)) {
    const fresh = ruledIp(address, rules);
    return fresh === address ? old : joined(fresh, new Uint8Array(fresh.length).fill(0xff));
  }
  const moved = rules.flatMap((rule) => {
    const [from, to] = [ipBytes(rule.old), ipBytes(rule.new)];
    const isHere = from !== undefined && isInNetwork(from, { kind: 'address', network: old });
    return isHere && to?.length === half ? [to.map((byte, at) => byte & (mask[at] ?? 0))] : [];
  });
  const [first, ...more] = moved;
  return first === undefined || more.some((other) => !sameBytes(other, first)) ? old : joined(first, mask);
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
