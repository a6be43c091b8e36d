const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }); // making one costs more than a short text

/** Text that is UTF-8; undefined for bytes that are not, so that nobody writes back replacement characters. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Half a surrogate pair (a lone `\ud800` in JSON) has no UTF-8: such a text is not opened, because it could not be put back. */
export function fromUtf8(text: string | undefined): Uint8Array | undefined {
  return text?.isWellFormed() !== true ? undefined : new TextEncoder().encode(text);
}

/** One character for one byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export function fromLatin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
