/** FNV-1 (multiply, then exclusive or), as Go has it (https://pkg.go.dev/hash/fnv): `New32` and `New64`. */

/** The 32-bit hash, as a number without sign. */
export function fnv32(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  return hash;
}

/** The 64-bit hash. In two halves of 32 bits: bundles of 200 kB would take a large integer for each byte. */
export function fnv64(bytes: Uint8Array): bigint {
  let [high, low] = [0xcbf29ce4, 0x84222325];
  for (const byte of bytes) {
    // The prime is 2^40 + 0x1b3: a shift by 8 in the upper half, and a product that is small enough for a double in four parts.
    const [a, b] = [(low & 0xffff) * 0x1b3, (low >>> 16) * 0x1b3];
    const sum = a + (b & 0xffff) * 0x10000;
    const carry = Math.floor(sum / 0x100000000) + Math.floor(b / 0x10000);
    high = (Math.imul(high, 0x1b3) + carry + (low << 8)) >>> 0;
    low = ((sum >>> 0) ^ byte) >>> 0;
  }
  return (BigInt(high) << 32n) | BigInt(low);
}

/** The 64-bit hash of a text in base 32 with the digits `0-9a-v`, as Go's `FormatUint` writes it. */
export function fnv64Text(text: string): string {
  return fnv64(new TextEncoder().encode(text)).toString(32);
}
