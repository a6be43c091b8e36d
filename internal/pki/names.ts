import { childrenOf, content, hex, mapChildren, sameBytes, tags, tlv, tlvAt, whole } from './der.ts';
import { ipBytes } from './ip-bytes.ts';

/** One name becomes another, wherever it is the whole of a common name, a DNS name or an address. */
export type NameRule = { readonly old: string; readonly new: string };

/** Attribute types of a name that are shown, in the order they are shown (the order of the reference's summaries). */
const shown: readonly (readonly [label: string, oid: string])[] = [
  ['CN', '550403'],
  ['OU', '55040b'],
  ['O', '55040a'],
  ['L', '550407'],
  ['S', '550408'],
  ['C', '550406'],
];
const commonName = '550403';

/** `CN=a, OU=b` for people. A name identifies nothing. */
export function nameText(name: Uint8Array): string {
  const attributes = attributesOf(name);
  return shown
    .flatMap(([label, oid]) =>
      attributes.filter((attribute) => attribute.oid === oid).map((attribute) => `${label}=${attribute.text}`),
    )
    .join(', ');
}

/** All common names, in their order; there may be none. */
export function commonNamesOf(name: Uint8Array): string[] {
  return attributesOf(name)
    .filter((attribute) => attribute.oid === commonName)
    .map((attribute) => attribute.text);
}

function attributesOf(name: Uint8Array): { readonly oid: string; readonly text: string }[] {
  return childrenOf(name, tlvAt(name))
    .flatMap((set) => childrenOf(name, set))
    .map((attribute) => {
      const [type, value] = childrenOf(name, attribute);
      return {
        oid: type === undefined ? '' : hex(content(name, type)),
        text: value === undefined ? '' : stringText(value.tag, content(name, value)),
      };
    });
}

/**
 * A name with its common names replaced. The string type stays; where it cannot hold the new name it becomes UTF8String, which
 * is what Go does with such a name.
 */
export function renamedName(name: Uint8Array, rules: readonly NameRule[]): Uint8Array {
  return mapChildren(name, (set) =>
    mapChildren(set, (attribute) => {
      const [type, value] = childrenOf(attribute, tlvAt(attribute));
      if (type === undefined || value === undefined || hex(content(attribute, type)) !== commonName) return attribute;
      const old = stringText(value.tag, content(attribute, value));
      const fresh = ruledText(old, rules);
      return fresh === old ? attribute : tlv(tags.sequence, whole(attribute, type), stringDer(value.tag, fresh));
    }),
  );
}

export const generalName = { dns: 0x82, directory: 0xa4, ip: 0x87 } as const;

/** DNS names, raw addresses and names of GeneralNames. */
export function generalNamesOf(names: Uint8Array): {
  readonly dns: string[];
  readonly ips: Uint8Array[];
  readonly directories: Uint8Array[];
} {
  const all = childrenOf(names, tlvAt(names));
  return {
    dns: all
      .filter((name) => name.tag === generalName.dns)
      .map((name) => Buffer.from(content(names, name)).toString('latin1')),
    ips: all.filter((name) => name.tag === generalName.ip).map((name) => content(names, name)),
    directories: all.filter((name) => name.tag === generalName.directory).map((name) => content(names, name)),
  };
}

/** All rules see the original, the last that fits wins; results are not fed to later rules (rule/names). */
export function ruledText(old: string, rules: readonly NameRule[]): string {
  return rules.findLast((rule) => rule.old === old)?.new ?? old;
}

/** Addresses are compared as bytes, and the first rule that fits wins (same source). The family may change. */
export function ruledIp(old: Uint8Array, rules: readonly NameRule[]): Uint8Array {
  for (const rule of rules) {
    const [from, to] = [ipBytes(rule.old), ipBytes(rule.new)];
    if (from !== undefined && to !== undefined && sameBytes(from, old)) return to;
  }
  return old;
}

function stringText(tag: number, bytes: Uint8Array): string {
  if (tag === 0x1e) return Buffer.from(bytes).swap16().toString('utf16le'); // BMPString
  return Buffer.from(bytes).toString(tag === tags.utf8String ? 'utf8' : 'latin1');
}

function stringDer(tag: number, text: string): Uint8Array {
  const fits =
    (tag === tags.printableString && /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)) ||
    (tag === tags.ia5String && /^[\u0000-\u007f]*$/.test(text));
  return tlv(fits ? tag : tags.utf8String, new TextEncoder().encode(text));
}
