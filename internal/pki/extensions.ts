import { tbsParts, type Certificate } from './certificate.ts';
import { childrenOf, content, hex, tlvAt, whole } from './der.ts';

/** The tag of the extensions among the last members of a certificate's signed part. */
export const extensionsTag = 0xa3;

/** The extension values of a certificate in their order, for comparing an old one with a new one. */
export function extensionsOf(
  certificate: Certificate,
): { readonly id: string; readonly der: Uint8Array; readonly value: Uint8Array }[] {
  return tbsParts(certificate.der)
    .rest.filter((member) => member[0] === extensionsTag)
    .flatMap((member) => {
      const [list] = childrenOf(member, tlvAt(member));
      return list === undefined
        ? []
        : childrenOf(member, list).map((extension) => {
            const parts = childrenOf(member, extension);
            const [id, value] = [parts[0], parts.at(-1)];
            return {
              id: id === undefined ? '' : hex(content(member, id)),
              der: whole(member, extension),
              value: value === undefined ? new Uint8Array() : content(member, value),
            };
          });
    });
}
