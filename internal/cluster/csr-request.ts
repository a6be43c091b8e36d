import { childrenOf, content, hex, oidText, tags, tlvAt, whole, type Tlv } from '../pki/der.ts';
import { generalName } from '../pki/names.ts';
import { ipText } from '../pki/ip-bytes.ts';

/** What a certificate request asks for (PKCS#10, RFC 2986). */
export type CertificateRequest = {
  readonly commonNames: readonly string[];
  readonly organizations: readonly string[];
  /** Attributes of the subject that are neither, by number. */
  readonly otherSubject: readonly string[];
  readonly dns: readonly string[];
  readonly ips: readonly string[];
  /** How many names of other forms: mail, URI, directory. */
  readonly otherNames: number;
  /** Extensions other than alternative names, by number. */
  readonly otherExtensions: readonly string[];
};

const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  altNames: '2.5.29.17',
  extensionRequest: '1.2.840.113549.1.9.14',
};

/**
 * Reads `spec.request` of a CertificateSigningRequest: base64 of one PEM block.
 * @throws Failure, or Error, when it is none
 */
export function readCertificateRequest(request: string): CertificateRequest {
  const pem = Buffer.from(request, 'base64').toString('latin1');
  const blocks = [...pem.matchAll(/-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([^-]+)-----END/g)];
  const [block] = blocks;
  if (block === undefined || blocks.length !== 1) throw new Error('it holds not one certificate request');
  const der = new Uint8Array(Buffer.from(block[1] ?? '', 'base64'));
  const [info] = childrenOf(der, tlvAt(der));
  if (info === undefined) throw new Error('it is empty');
  const [, subject, , attributes] = childrenOf(der, info);
  if (subject === undefined) throw new Error('it has no subject');
  const names = attributesOf(der, subject);
  const wanted = attributes === undefined ? [] : requestedExtensions(der, attributes);
  const alternative = wanted
    .filter(({ id }) => id === oids.altNames)
    .flatMap(({ value }) => childrenOf(value, tlvAt(value)).map((name) => ({ value, name })));
  const ofTag = (tag: number): Uint8Array[] =>
    alternative.filter(({ name }) => name.tag === tag).map(({ value, name }) => content(value, name));
  return {
    commonNames: names.filter(({ id }) => id === oids.commonName).map(({ text }) => text),
    organizations: names.filter(({ id }) => id === oids.organization).map(({ text }) => text),
    otherSubject: names.map(({ id }) => id).filter((id) => id !== oids.commonName && id !== oids.organization),
    dns: ofTag(generalName.dns).map((bytes) => Buffer.from(bytes).toString('latin1')),
    ips: ofTag(generalName.ip).map(ipText),
    otherNames: alternative.filter(({ name }) => name.tag !== generalName.dns && name.tag !== generalName.ip).length,
    otherExtensions: wanted.map(({ id }) => id).filter((id) => id !== oids.altNames),
  };
}

/** The attributes of a name; a text of many bytes a letter is given as its bytes, which equal no name of ours. */
function attributesOf(der: Uint8Array, name: Tlv): { readonly id: string; readonly text: string }[] {
  return childrenOf(der, name)
    .flatMap((set) => childrenOf(der, set))
    .map((attribute) => {
      const [type, value] = childrenOf(der, attribute);
      const bytes = value === undefined ? new Uint8Array() : content(der, value);
      const plain = value?.tag === tags.utf8String || value?.tag === tags.printableString;
      return {
        id: type === undefined ? '' : oidText(content(der, type)),
        text: plain ? Buffer.from(bytes).toString() : hex(bytes),
      };
    });
}

function requestedExtensions(der: Uint8Array, attributes: Tlv): { readonly id: string; readonly value: Uint8Array }[] {
  return childrenOf(der, attributes).flatMap((attribute) => {
    const [type, values] = childrenOf(der, attribute);
    if (type === undefined || values === undefined || oidText(content(der, type)) !== oids.extensionRequest) return [];
    return childrenOf(der, values)
      .flatMap((list) => childrenOf(der, list))
      .map((extension) => {
        const parts = childrenOf(der, extension);
        const [id, value] = [parts[0], parts.at(-1)];
        return {
          id: id === undefined ? '' : oidText(content(der, id)),
          value: value === undefined ? new Uint8Array() : whole(content(der, value), tlvAt(content(der, value))),
        };
      });
  });
}
