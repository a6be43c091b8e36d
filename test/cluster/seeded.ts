import { createHash } from 'node:crypto';

/** A source of bytes that a number decides: everything of a generated cluster but its keys follows from it. */
export type Seeded = {
  bytes(size: number): Buffer;
  /** From 0 to `below` - 1. */ number(below: number): number;
  uuid(): string;
};

export function seeded(seed: number | string): Seeded {
  let block = 0;
  let rest = Buffer.alloc(0);
  const bytes = (size: number): Buffer => {
    while (rest.length < size) {
      rest = Buffer.concat([rest, createHash('sha256').update(`${seed}/${block}`).digest()]);
      block += 1;
    }
    const taken = rest.subarray(0, size);
    rest = rest.subarray(size);
    return Buffer.from(taken);
  };
  return {
    bytes,
    number: (below) => bytes(4).readUInt32BE() % below,
    uuid() {
      const value = bytes(16);
      value[6] = ((value[6] ?? 0) & 0x0f) | 0x40;
      value[8] = ((value[8] ?? 0) & 0x3f) | 0x80;
      return value.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    },
  };
}
