import { createHash } from 'node:crypto';

/** FNV-1: multiply, then xor. Numbers of this size need BigInt. */
function fnv1(bytes: Uint8Array, bits: 32 | 64): bigint {
  const [offset, prime] = bits === 32 ? [0x811c9dc5n, 0x01000193n] : [0xcbf29ce484222325n, 0x100000001b3n];
  return bytes.reduce((hash, byte) => BigInt.asUintN(bits, hash * prime) ^ BigInt(byte), offset);
}

/** The label and name of monitoring's copies of a bundle: FNV-1 64 in base 32. */
export const monitoringHash = (bundle: string): string => fnv1(Buffer.from(bundle), 64).toString(32);

/**
 * JSON as Go's encoder writes it: `<`, `>`, `&` and two line separators escaped. Members stand in the order in which they are given: that
 * of a Go struct is the caller's business, those of maps are to be sorted by him.
 */
export const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Members in the order in which Go writes a map: by the bytes of their names. */
export function sorted<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(map).sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
  );
}

/** Annotation `operator.openshift.io/dep-…`: of the data of a Secret (bytes) or of a ConfigMap (texts). */
export function dependencyHash(data: Readonly<Record<string, string | Uint8Array>>): string {
  const texts = Object.entries(data).map(
    ([name, value]) => [name, typeof value === 'string' ? value : Buffer.from(value).toString('base64')] as const,
  );
  const json = texts.length === 0 ? 'null' : goJson(sorted(Object.fromEntries(texts)));
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(Number(fnv1(Buffer.from(`${json}\n`), 32)));
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** Annotation `operator.openshift.io/spec-hash`: of the spec as the operator made it, in the order of its Go struct. */
export const specHash = (spec: object): string => createHash('sha256').update(goJson(spec)).digest('hex');

/** Annotation `olmcahash` of the package server's Secret, of its CA bundle. */
export const olmCaHash = (caBundle: Uint8Array): string => createHash('sha256').update(caBundle).digest('hex');
