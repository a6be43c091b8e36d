import { childrenOf, content, mapChildren, sameBytes, tags, tlv, tlvAt, whole } from '../../internal/pki/der.ts';
import type { PrivateKey } from '../../internal/pki/keys.ts';
import { nodeSigner, type Hash } from '../../internal/pki/signer.ts';

/**
 * Forms that real certificates have and @peculiar/x509 does not write: it knows version 3 only, leaves out what is a default, and takes the
 * shortest of all encodings. So they are put by hand into a certificate that it made. Each is given the to-be-signed part.
 */
export type OddForm = (tbs: Uint8Array) => Uint8Array;

/** The certificate with odd forms in it, signed again. */
export async function withOddForms(
  der: Uint8Array,
  forms: readonly OddForm[],
  signer: PrivateKey,
  hash: Hash,
): Promise<Uint8Array> {
  const [tbs = new Uint8Array(), algorithm = new Uint8Array()] = childrenOf(der, tlvAt(der)).map((child) =>
    whole(der, child),
  );
  const odd = forms.reduce((before, form) => form(before), tbs);
  const signature = await nodeSigner(signer).sign(odd, signer.public.shape.type === 'ed25519' ? undefined : hash);
  return tlv(tags.sequence, odd, algorithm, tlv(tags.bitString, Uint8Array.of(0), signature));
}

const context = { version: 0xa0, extensions: 0xa3 } as const;
const nothing = new Uint8Array();

/** Neither a version nor extensions. */
export const version1: OddForm = (tbs) =>
  mapChildren(tbs, (member, tag) => (tag === context.version || tag === context.extensions ? nothing : member));

/** `critical FALSE` written out, which is the default and has no place in DER. The extension by the content of its OID in hex. */
export const explicitFalse = (oid: string): OddForm => {
  const id = tlv(tags.oid, Buffer.from(oid, 'hex'));
  return replaced(id, Buffer.concat([id, tlv(tags.boolean, Uint8Array.of(0))]));
};

/** A name of an alternative name with a length of two bytes where one would do. */
export const longDnsName = (name: string): OddForm =>
  replaced(tlv(0x82, Buffer.from(name)), Buffer.concat([Uint8Array.of(0x82, 0x81, name.length), Buffer.from(name)]));

/** A text of a name as bytes that are no UTF-8, of the same number. */
export const invalidUtf8 = (text: string): OddForm =>
  replaced(tlv(tags.utf8String, Buffer.from(text)), tlv(tags.utf8String, new Uint8Array(text.length).fill(0xfe)));

/** Both bounds of the validity as UTCTime without seconds, which X.690 allowed before DER did not. */
export const withoutSeconds: OddForm = (tbs) =>
  mapChildren(tbs, (member, tag) =>
    tag === tags.sequence && childrenOf(member, tlvAt(member))[0]?.tag === tags.utcTime
      ? mapChildren(member, (time, kind) =>
          tlv(
            kind,
            Buffer.from(
              Buffer.from(content(time, tlvAt(time)))
                .toString('latin1')
                .replace(/\d\dZ$/, 'Z'),
            ),
          ),
        )
      : member,
  );

/** Every element of these bytes, however deep, gives way to others; the lengths around it follow. */
function replaced(old: Uint8Array, fresh: Uint8Array): OddForm {
  const within = (element: Uint8Array): Uint8Array => {
    if (sameBytes(element, old)) return fresh;
    if (!Buffer.from(element).includes(Buffer.from(old))) return element;
    const { tag } = tlvAt(element);
    return tag === tags.octetString ? tlv(tag, within(content(element, tlvAt(element)))) : mapChildren(element, within);
  };
  return within;
}
