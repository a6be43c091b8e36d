import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { Failure } from '../errors/errors.ts';
import type { Place } from '../image/mirrors.ts';
import type { Descriptor } from '../image/manifest.ts';
import { nameOf } from '../image/reference.ts';
import type { Client } from './client.ts';
import { ofSeveral } from './inspect.ts';
import { patience, type PatienceOptions } from './retry.ts';
import { RegistryFailure, type Subject } from './trouble.ts';
import type { Reply } from './wire.ts';

export type BlobOptions = PatienceOptions & {
  /** Told how many bytes have come in all, at each piece. */
  readonly onProgress?: (bytes: number) => void;
};

/**
 * Streams a blob as verified bytes, through drops, stalls and changes of mirror.
 *
 * INVARIANTS
 * - The stream ends well only after length and digest are right; bytes before that are a promise not yet kept.
 * - No byte comes twice and none is left out: a new attempt starts where the last one ended, by range, or by skipping when the
 *   registry ignores ranges.
 * - Each attempt starts at the registry, never at the redirect's target: signed URLs run out.
 * - Nothing is read ahead of the reader but what sockets hold.
 */
export function openBlob(
  client: Client,
  places: readonly Place[],
  blob: Descriptor,
  options: BlobOptions = {},
): Readable {
  const closed = new AbortController();
  const signal = options.signal === undefined ? closed.signal : AbortSignal.any([closed.signal, options.signal]);
  const stream = Readable.from(verifiedBytes(client, places, blob, { ...options, signal }), {
    objectMode: false,
    highWaterMark: 256 * 1024,
  });
  // The generator may be waiting for the network when the reader leaves.
  stream.once('close', () => {
    closed.abort(new Failure('reader of the blob has left'));
  });
  return stream;
}

async function* verifiedBytes(
  client: Client,
  places: readonly Place[],
  blob: Descriptor,
  options: BlobOptions & { signal: AbortSignal },
): AsyncGenerator<Buffer, void, undefined> {
  const algorithm = blob.digest.split(':', 1)[0] ?? 'sha256';
  const hash = createHash(algorithm);
  const patient = patience(options);
  let candidates = [...places];
  const refusals: Failure[] = [];
  let received = 0;

  while (received < blob.size || received === 0) {
    const [place, ...others] = candidates;
    if (place === undefined)
      throw ofSeveral(refusals, `${places[0] === undefined ? '' : nameOf(places[0].reference)}@${blob.digest}`);
    try {
      for await (const piece of bytesFrom(client, place, blob, received, options.signal)) {
        hash.update(piece);
        received += piece.length;
        patient.progressed();
        options.onProgress?.(received);
        yield piece;
      }
      if (received === blob.size) break;
      throw new RegistryFailure('broken', subjectText(place, blob), {
        why: `the connection ended after ${received} of ${blob.size} bytes`,
      });
    } catch (error) {
      if (!(error instanceof RegistryFailure)) throw error;
      // Content that is proven wrong is out of the door already; every other refusal leaves the other places.
      if (error.kind === 'content') throw error;
      if (error.transient) {
        candidates = [...others, place];
        await patient.afterFailure(error);
      } else {
        refusals.push(error);
        candidates = others;
      }
    }
  }

  const found = `${algorithm}:${hash.digest('hex')}`;
  if (found !== blob.digest) {
    throw new RegistryFailure('content', `blob "${blob.digest}" came with other content`, {
      why: `${received} bytes with the digest ${found}`,
      next: 'push the image to the registry again; a cache or proxy on the way may be at fault',
    });
  }
}

/** One attempt from one place, from `offset` on. Ends early without an error when the registry just stops. */
async function* bytesFrom(
  client: Client,
  place: Place,
  blob: Descriptor,
  offset: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const wanted = `${nameOf(place.reference)}@${blob.digest}`;
  const subject: Subject = { registry: place.reference.registry, wanted };
  const reply = await client.get(place, {
    path: `blobs/${blob.digest}`,
    wanted,
    signal,
    ...(offset === 0 ? {} : { headers: { range: `bytes=${offset}-` } }),
  });
  let skip = offset - startOf(reply, subject);
  checkLength(reply, blob, subject, offset - skip);
  let left = blob.size - offset;
  for await (const piece of client.wire.read(reply, subject, signal)) {
    if (skip >= piece.length) {
      skip -= piece.length;
      continue;
    }
    const rest = skip === 0 ? piece : piece.subarray(skip);
    skip = 0;
    left -= rest.length;
    if (left < 0)
      throw new RegistryFailure('content', `blob "${wanted}" is longer than the ${blob.size} bytes of its manifest`);
    yield rest;
  }
}

/** Where the answer begins: a registry may ignore the range, or begin earlier. */
function startOf(reply: Reply, { registry, wanted }: Subject): number {
  if (reply.status !== 206) return 0;
  const range = /^bytes (\d+)-/.exec(reply.headers['content-range'] ?? '')?.[1];
  if (range === undefined)
    throw new RegistryFailure('protocol', `registry "${registry}" sent a part of "${wanted}" without saying which`);
  return Number(range);
}

function checkLength(reply: Reply, blob: Descriptor, { registry, wanted }: Subject, start: number): void {
  const length = reply.headers['content-length'];
  if (start < 0 || length === undefined || start + Number(length) === blob.size) return;
  reply.message.destroy();
  throw new RegistryFailure(
    'protocol',
    `registry "${registry}" offers ${start + Number(length)} bytes for "${wanted}"; its manifest says ${blob.size}`,
  );
}

function subjectText(place: Place, blob: Descriptor): string {
  return `registry "${place.reference.registry}" did not give all of "${nameOf(place.reference)}@${blob.digest}"`;
}
