import { randomBytes } from 'node:crypto';
import { hex } from './der.ts';

/**
 * A new random serial number of the old one's length (RFC 5280, 4.1.2.2: positive, at most 20 bytes). `taken` holds serials in hex
 * that must not be used again: with one byte, as in the ingress CA's "1", chance alone is not enough under one issuer.
 */
export function newSerial(
  old: Uint8Array,
  taken: ReadonlySet<string> = new Set(),
  random: (size: number) => Uint8Array = randomBytes,
): Uint8Array {
  const padded = old[0] === 0 && old.length > 1;
  const free = 127 * 256 ** (old.length - 1) > taken.size + 1;
  // A small serial whose length is used up grows by eight bytes rather than repeat.
  const length = free ? old.length : Math.min(20, old.length + 8);
  for (;;) {
    const serial = Uint8Array.from(random(length));
    const first = padded && free ? 1 : 0;
    if (first === 1) {
      serial[0] = 0;
      serial[1] = (serial[1] ?? 0) | 0x80; // otherwise the leading zero were not DER
    } else {
      serial[0] = (serial[0] ?? 0) & 0x7f || 1;
    }
    if (hex(serial) !== hex(old) && !taken.has(hex(serial))) return serial;
  }
}
