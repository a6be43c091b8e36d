import { constants, createGunzip, type Gunzip } from 'node:zlib';

/** What Node's inflater is beneath its stream. Not public; the executable brings the very Node that this is tested with. */
type Inflater = Gunzip & {
  readonly _handle: {
    writeSync(
      flush: number,
      input: Uint8Array,
      at: number,
      length: number,
      output: Uint8Array,
      outputAt: number,
      outputLength: number,
    ): void;
  };
  /** Bytes left in the output and in the input after a write. */
  readonly _writeState: readonly [number, number];
};

/** 256 KiB a piece: with less, hand-overs cost more than the work. */
const pieceBytes = 256 * 1024;

/**
 * Inflates gzip in this thread. A stream of Node's does it in another one, which takes as long for handing over as for the work, because a
 * layer of archives hardly shrinks.
 *
 * @throws an error whose code begins with `Z_`, when it is damaged or cut off
 */
export async function* inflated(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip() as Inflater;
  gunzip.on('error', () => undefined); // thrown by hand
  try {
    let bytes = 0;
    for await (const piece of source) {
      bytes += piece.length;
      yield* outputOf(gunzip, piece, constants.Z_NO_FLUSH);
    }
    if (bytes > 0) yield* outputOf(gunzip, new Uint8Array(), constants.Z_FINISH);
  } finally {
    gunzip.destroy();
  }
}

function* outputOf(gunzip: Inflater, input: Uint8Array, flush: number): Generator<Buffer, void, undefined> {
  for (let left = input.length; ;) {
    const room = Buffer.allocUnsafeSlow(pieceBytes);
    gunzip._handle.writeSync(flush, input, input.length - left, left, room, 0, room.length);
    if (gunzip.errored !== null) throw gunzip.errored;
    const [outLeft, inLeft] = gunzip._writeState;
    if (outLeft < room.length) yield room.subarray(0, room.length - outLeft);
    if (outLeft > 0) return; // what is left of the input then is padding behind the archive
    left = inLeft;
  }
}
