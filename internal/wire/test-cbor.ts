/** A value as Kubernetes writes CBOR: strings and keys as byte strings, under the tag 55799. */
export function kubernetesCbor(value: unknown): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from([0xd9, 0xd9, 0xf7]), item(value)]));
}

function item(value: unknown): Buffer {
  if (value === null) return Buffer.from([0xf6]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === 'string') return Buffer.concat([shortHead(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return value < 0 ? head(1, -1 - value) : head(0, value);
    const float = Buffer.alloc(9, 0xfb);
    float.writeDoubleBE(value, 1);
    return float;
  }
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(item)]);
  const entries = Object.entries(value as Record<string, unknown>); // what JSON.parse returns, after the cases above
  // Names in the order of their encodings: the shorter first.
  const sorted = entries.toSorted(
    ([a], [b]) => Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  return Buffer.concat([head(5, entries.length), ...sorted.flatMap(([name, member]) => [item(name), item(member)])]);
}

function shortHead(major: number, value: number): Buffer {
  return value >= 24 && value < 256 ? Buffer.from([(major << 5) | 24, value]) : head(major, value);
}

function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  const bytes = Buffer.alloc(9);
  bytes.writeUInt8((major << 5) | 27);
  bytes.writeBigUInt64BE(BigInt(value), 1);
  return bytes; // the long form on purpose: an edit elsewhere must not shorten it
}
