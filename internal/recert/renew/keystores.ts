import { fieldAt, keysAt, openStored } from '../../wire/wire.ts';
import type { Document } from '../document.ts';
import type { Owned } from './ownership.ts';

/**
 * Keystores beside a pair that is renewed: PKCS#12 and Java's. They hold the pair once more, under a password that is not known here; each
 * is told, because what reads it goes on with the old pair.
 */
export function keystoresBeside(documents: ReadonlyMap<string, Document>, { keys }: Owned): string[] {
  const renewed = new Set(
    [...keys].flatMap(({ privateSightings }) => privateSightings.map(({ place }) => place.document)),
  );
  return [...renewed].flatMap((name) => {
    const document = documents.get(name);
    const stored = document?.in === 'etcd' ? openStored(document.bytes) : undefined;
    if (stored === undefined) return [];
    return keysAt(stored, ['data']).flatMap((key) => {
      const field = fieldAt(stored, ['data', key]);
      const kind = field?.type === 'bytes' ? keystoreKind(field.bytes) : undefined;
      return kind === undefined
        ? []
        : [
            `${name} data/${String(key)} is a ${kind} keystore beside a renewed pair and holds the old one; whoever makes it has to make it anew`,
          ];
    });
  });
}

/** PKCS#12 is a sequence that begins with version 3; Java's own stores begin with a magic number. */
function keystoreKind(bytes: Uint8Array): string | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 8) return undefined;
  const magic = view.readUInt32BE(0);
  if (magic === 0xfeedfeed) return 'JKS';
  if (magic === 0xcececece) return 'JCEKS';
  if (view[0] !== 0x30) return undefined;
  const lengthBytes = (view[1] ?? 0) < 0x80 ? 0 : (view[1] ?? 0) & 0x7f;
  return view.subarray(2 + lengthBytes, 5 + lengthBytes).equals(Buffer.from([0x02, 0x01, 0x03]))
    ? 'PKCS#12'
    : undefined;
}
