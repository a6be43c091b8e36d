import { fieldsIn } from '../../../internal/wire/protobuf.ts';

/** Bytes of the object in a stored protobuf value, without its envelope; undefined for any other value. */
export function objectBytes(value: Uint8Array): Uint8Array | undefined {
  return Buffer.from(value.subarray(0, 4)).toString('latin1') === 'k8s\0'
    ? bytesAt(value.subarray(4), [2])[0]
    : undefined;
}

/** The contents of all fields at a path of field numbers. */
export function bytesAt(message: Uint8Array, path: readonly number[]): Uint8Array[] {
  const [number, ...rest] = path;
  if (number === undefined) return [message];
  return fieldsIn(message, 0, message.length)
    .filter((field) => field.number === number)
    .flatMap(({ start, end }) => bytesAt(message.subarray(start, end), rest));
}

/** A map of names to texts or bytes at a path. */
export function mapAt(message: Uint8Array, path: readonly number[]): Record<string, Buffer> {
  return Object.fromEntries(
    bytesAt(message, path).map((entry) => [
      Buffer.from(bytesAt(entry, [1])[0] ?? []).toString(),
      Buffer.from(bytesAt(entry, [2])[0] ?? []),
    ]),
  );
}
