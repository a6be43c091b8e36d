/** Pieces of bytes put together. Concatenation is the only way this room builds a value. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `bytes` with `[start, end)` replaced. */
export function spliced(bytes: Uint8Array, start: number, end: number, piece: Uint8Array): Uint8Array {
  return joined(bytes.subarray(0, start), piece, bytes.subarray(end));
}

export function startsWith(bytes: Uint8Array, head: Uint8Array): boolean {
  return bytes.length >= head.length && head.every((byte, at) => bytes[at] === byte);
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && startsWith(one, other);
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
