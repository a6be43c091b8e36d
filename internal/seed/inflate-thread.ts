import { Worker } from 'node:worker_threads';
import { Failure } from '../errors/errors.ts';

/** A thread that inflates gzip into a pipe, one archive after the other. */
export type InflateThread = AsyncDisposable & {
  /**
   * Writes the content of an archive to a pipe, which stays the caller's to close.
   *
   * @returns how many compressed bytes there were
   * @throws what the archive throws; an error whose code begins with `Z_` for a damaged archive; `EPIPE` when nobody reads any longer
   */
  inflate(archive: AsyncIterable<Uint8Array>, pipe: number): Promise<number>;
};

const pieceBytes = 256 * 1024;

/** What a pipe holds: while the reader takes one such piece out, the next is inflated. With larger ones either waits for the other. */
const inflatedBytes = 64 * 1024;

/** Pieces on their way: one that is filled, one that is inflated, and one in between on either side. */
const pieces = 4;

const smallHeap = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 8 };

type Told =
  | { readonly kind: 'room'; readonly room: ArrayBuffer }
  | { readonly kind: 'done'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/**
 * Starts the thread.
 *
 * INVARIANTS
 * - The thread blocks while the pipe is full. It is let go by closing the last reading end, which the caller does when its reader ended.
 * - The same few buffers go to and fro: new ones for 500 MB would be 120,000 page faults, and work for the collector.
 */
export function openInflateThread(): InflateThread {
  const thread = new Worker(threadSource, { eval: true, name: 'inflate', resourceLimits: smallHeap });
  thread.unref(); // an idle one does not keep the program alive
  let broken = new Failure('the thread that inflates ended');
  thread.once('error', (error) => {
    broken = new Failure('the thread that inflates failed', { cause: error });
  });
  return {
    inflate: (archive, pipe) => inflateIn(thread, archive, pipe, () => broken),
    [Symbol.asyncDispose]: async () => {
      await thread.terminate();
    },
  };
}

async function inflateIn(
  thread: Worker,
  archive: AsyncIterable<Uint8Array>,
  pipe: number,
  whyBroken: () => Failure,
): Promise<number> {
  const rooms = Array.from({ length: pieces }, () => new ArrayBuffer(pieceBytes));
  const over = Promise.withResolvers<{ readonly bytes: number } | { readonly error: Error }>();
  let error: Error | undefined;
  let wake = (): void => undefined;
  const onTold = (told: Told): void => {
    if (told.kind === 'room') rooms.push(told.room);
    else if (told.kind === 'done') over.resolve({ bytes: told.bytes });
    else over.resolve({ error: (error = Object.assign(new Error(told.message), { code: told.code })) });
    wake();
  };
  const onExit = (): void => {
    over.resolve({ error: (error = whyBroken()) });
    wake();
  };
  const room = async (): Promise<Uint8Array<ArrayBuffer>> => {
    while (error === undefined && rooms.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    const free = rooms.pop();
    if (error !== undefined || free === undefined) throw error ?? whyBroken();
    return new Uint8Array(free);
  };

  thread.on('message', onTold).on('exit', onExit).ref();
  thread.postMessage({ pipe });
  let whole = false;
  try {
    for await (const piece of gathered(archive, room)) thread.postMessage(piece, [piece.piece.buffer]);
    whole = true;
  } finally {
    thread.postMessage({ end: whole });
    await over.promise;
    thread.off('message', onTold).off('exit', onExit);
    thread.unref();
  }
  const how = await over.promise;
  if ('error' in how) throw how.error;
  return how.bytes;
}

type Piece = { readonly piece: Uint8Array<ArrayBuffer>; readonly length: number };

/** Copies what comes into free buffers, each but the last one full. */
async function* gathered(
  archive: AsyncIterable<Uint8Array>,
  room: () => Promise<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Piece, void, undefined> {
  let piece = await room();
  let length = 0;
  for await (const bytes of archive) {
    for (let from = 0; from < bytes.length;) {
      const part = bytes.subarray(from, from + pieceBytes - length);
      piece.set(part, length);
      from += part.length;
      length += part.length;
      if (length < pieceBytes) continue;
      yield { piece, length };
      piece = await room();
      length = 0;
    }
  }
  if (length > 0) yield { piece, length };
}

/**
 * Text, not a file: a single executable has no file that a thread could be started from.
 *
 * The inflater's `_handle` is not public; the streams around it are, but each of their pieces goes through a queue to another thread
 * and back, and into a new buffer. The executable brings the very Node that this is tested with.
 */
const threadSource = `
const { createGunzip, constants } = require('node:zlib');
const { writeSync } = require('node:fs');
const { parentPort } = require('node:worker_threads');
const room = Buffer.allocUnsafeSlow(${String(inflatedBytes)});
let job;
const write = (length) => { for (let from = 0; from < length;) from += writeSync(job.pipe, room, from, length - from); };
const inflate = (piece, length, flush) => {
  job.bytes += length;
  const { gunzip } = job;
  for (let from = 0, left = length; !job.over;) {
    gunzip._handle.writeSync(flush, piece, from, left, room, 0, room.length);
    if (gunzip.errored) throw gunzip.errored;
    const [outLeft, inLeft] = gunzip._writeState;
    write(room.length - outLeft);
    if (outLeft > 0) {
      if (inLeft > 0) job.over = true; // padding behind the archive
      return;
    }
    from += left - inLeft;
    left = inLeft;
  }
};
const settle = (told) => { job.gunzip.destroy(); job = undefined; parentPort.postMessage(told); };
parentPort.on('message', ({ pipe, piece, length, end }) => {
  try {
    if (pipe !== undefined) {
      job = { pipe, bytes: 0, over: false, gunzip: createGunzip() };
      job.gunzip.on('error', () => undefined);
    } else if (piece !== undefined) {
      if (job !== undefined) inflate(piece, length, constants.Z_NO_FLUSH);
      parentPort.postMessage({ kind: 'room', room: piece.buffer }, [piece.buffer]);
    } else if (job !== undefined) {
      if (end && job.bytes > 0) inflate(room, 0, constants.Z_FINISH);
      settle({ kind: 'done', bytes: job.bytes });
    }
  } catch (error) {
    settle({ kind: 'failed', code: String(error.code), message: error.message });
  }
});`;
