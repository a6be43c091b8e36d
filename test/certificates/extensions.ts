import './provider.ts';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AuthorityKeyIdentifier,
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_authorityKeyIdentifier,
  id_ce_nameConstraints,
  KeyIdentifier,
  NameConstraints,
  Name as AsnName,
} from '@peculiar/asn1-x509';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
} from '@peculiar/x509';
import { hex } from '../../internal/pki/der.ts';

export type KeyUsageName = keyof typeof KeyUsageFlags;
export type ExtendedUsageName = keyof typeof ExtendedKeyUsage;

function subtreeOf(text: string): GeneralSubtree {
  return new GeneralSubtree({ base: new GeneralName(text.includes('/') ? { iPAddress: text } : { dNSName: text }) });
}

/** Extensions in the forms that clusters hold. */
export const extension = {
  basicConstraints: (isCa: boolean): Extension => new BasicConstraintsExtension(isCa, undefined, true),
  keyUsage: (...usages: readonly KeyUsageName[]): Extension =>
    new KeyUsagesExtension(
      usages.map((name) => KeyUsageFlags[name]).reduce((sum, flag) => sum | flag),
      true,
    ),
  extendedUsage: (...usages: readonly ExtendedUsageName[]): Extension =>
    new ExtendedKeyUsageExtension(usages.map((name) => ExtendedKeyUsage[name])),
  subjectKeyId: (id: Uint8Array): Extension => new SubjectKeyIdentifierExtension(hex(id)),
  /** By the schema: the package's own class says either the key or issuer and serial, and some certificates say all three. */
  authorityKeyId: (id: Uint8Array | undefined, issuer?: Name, serial?: Uint8Array): Extension =>
    new Extension(
      id_ce_authorityKeyIdentifier,
      false,
      AsnConvert.serialize(
        new AuthorityKeyIdentifier({
          ...(id === undefined ? {} : { keyIdentifier: new KeyIdentifier(id) }),
          ...(issuer === undefined
            ? {}
            : {
                authorityCertIssuer: [
                  new GeneralName({ directoryName: AsnConvert.parse(issuer.toArrayBuffer(), AsnName) }),
                ],
              }),
          ...(serial === undefined ? {} : { authorityCertSerialNumber: Uint8Array.from(serial).buffer }),
        }),
      ),
    ),
  /** `192.0.2.0/24` is a network, anything else a domain. */
  nameConstraints: (permitted: readonly string[], excluded: readonly string[] = []): Extension =>
    new Extension(
      id_ce_nameConstraints,
      true,
      AsnConvert.serialize(
        new NameConstraints({
          ...(permitted.length === 0 ? {} : { permittedSubtrees: new GeneralSubtrees(permitted.map(subtreeOf)) }),
          ...(excluded.length === 0 ? {} : { excludedSubtrees: new GeneralSubtrees(excluded.map(subtreeOf)) }),
        }),
      ),
    ),
  altNames: (dns: readonly string[], ips: readonly string[] = []): Extension =>
    new SubjectAlternativeNameExtension([
      ...dns.map((value) => ({ type: 'dns' as const, value })),
      ...ips.map((value) => ({ type: 'ip' as const, value })),
    ]),
} as const;
