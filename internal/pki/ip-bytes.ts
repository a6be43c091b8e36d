import { isIPv4, isIPv6 } from 'node:net';

/** An address as the 4 or 16 bytes of a certificate; undefined for what is no address. */
export function ipBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.').map(Number));
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const dotted = text.replace(/[0-9.]+$/, (tail) => {
    const v4 = isIPv4(tail) ? tail.split('.').map(Number) : undefined;
    return v4 === undefined
      ? tail
      : [0, 2].map((at) => (((v4[at] ?? 0) << 8) | (v4[at + 1] ?? 0)).toString(16)).join(':');
  });
  const [head = '', tail] = dotted.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right].map((group) =>
    Number.parseInt(group, 16),
  );
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Bytes of a certificate's address as text; IPv6 in full groups, which is unambiguous if not pretty. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  return Array.from({ length: bytes.length >> 1 }, (_, at) =>
    (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16),
  ).join(':');
}
