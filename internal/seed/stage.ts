import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { extract, type Extract } from 'tar-stream';
import { errorCode, Failure, messageOf } from '../errors/errors.ts';
import { writeScratch } from '../host/files.ts';
import { expectShortLivedBuffers } from '../host/short-lived-buffers.ts';
import type { Host } from '../host/host.ts';
import type { ArchiveContent, ArchiveTar } from './archive-tar.ts';
import { inflated } from './inflate.ts';
import { forget, hiddenBy } from './layers.ts';
import { largestSmallMember, memberName, requireMembers, useOf } from './layout.ts';
import { makeObjectFolders, resetStaging, writeBehind, type Staging } from './staging.ts';

/** What the archive reader yields for each member: header and content. */
type Entry = Extract extends AsyncIterable<infer Source> ? Source : never;

/** One layer of a seed image: a stream that ends well only when its bytes are proven. */
export type SeedLayer = {
  readonly digest: string;
  readonly mediaType: string;
  open(): Readable;
};

export type StageRequest = {
  readonly reference: string;
  readonly layers: readonly SeedLayer[];
  readonly folder: string;
  readonly tar: ArchiveTar;
  /** Puts objects that the disk has already into the repository, before the archive with all of them is unpacked; those are not written again. */
  readonly putObjects?: (repository: string) => Promise<void>;
};

/**
 * Streams a seed image to the target: registry → digest → inflate → file system. No blob and no second copy is kept.
 *
 * INVARIANTS
 * - The bytes are proven only at the end of each layer, so nothing here is used before this returns. They are on stable storage only
 *   after `settled` and `finishStaging`.
 * - Archives unpack into folders of their own; what stands outside the part they may hold is an error.
 */
export async function stageSeed(host: Host, request: StageRequest): Promise<Staged> {
  const staging = await resetStaging(host, request.folder);
  const found = new Set<string>();
  const objectFolders = await makeObjectFolders(staging);
  const objects = request.putObjects?.(staging.repository) ?? Promise.resolve();
  objects.catch(() => undefined); // told where it is waited for
  const behind = writeBehind(host, staging.folder);
  expectShortLivedBuffers();
  try {
    const underway = { ...request, staging, objects, objectFolders };
    for (const layer of request.layers) await stageLayer(host, underway, layer, found);
    requireMembers(found, request.reference);
    await requireOnly(staging.var, 'var', 'var.tgz');
  } catch (error) {
    await behind.end().catch(() => undefined); // the first error matters
    throw error;
  } finally {
    await Promise.allSettled([objectFolders(), objects]);
  }
  return { staging, settled: behind.end() };
}

/** A seed of which every byte is proven. `settled`: no writing behind goes on any longer; it tells what went wrong with one. */
export type Staged = { readonly staging: Staging; readonly settled: Promise<void> };

/** A request under way. `objects`: those that were at hand are in their place. `objectFolders` waits until all folders are made. */
type Underway = StageRequest & {
  readonly staging: Staging;
  readonly objects: Promise<void>;
  readonly objectFolders: () => Promise<void>;
};

async function stageLayer(host: Host, request: Underway, layer: SeedLayer, found: Set<string>): Promise<void> {
  const below = new Set(found);
  const source = layer.open();
  const inflate = inflaterOf(layer.mediaType);
  const members = extract();
  let fed: { error: unknown } | undefined;
  const feeding = pipeline(source, inflate, members).catch((error: unknown) => {
    fed = { error: named(error, layer.digest, request.reference) };
  });
  try {
    for await (const entry of members) {
      const name = memberName(entry.header.name);
      for (const hidden of hiddenBy(name, below)) {
        await request.objectFolders(); // what is still being made cannot be taken away
        await forget(host, request.staging, hidden);
        below.delete(hidden);
        found.delete(hidden);
      }
      await stageMember(request, entry, name);
      if (entry.header.type === 'file') found.add(name);
    }
  } catch (error) {
    source.destroy();
    await feeding;
    throw rootCause(fed?.error, error);
  }
  await feeding;
  if (fed !== undefined) throw fed.error;
}

/** The first stream of the three that failed, in our words. A failure of the source has words of its own. */
function named(error: unknown, digest: string, reference: string): unknown {
  if (error instanceof Failure) return error;
  const code = errorCode(error) ?? '';
  const what = /^(?:Z_|ZSTD)/.test(code) ? 'cannot be inflated' : 'is no tar archive';
  return new Failure(`layer ${digest} of seed image "${reference}" ${what}`, { why: messageOf(error), cause: error });
}

/** When the source fails, everything behind it fails as well: the first one is the cause. Our own destroy is not. */
function rootCause(fed: unknown, consumer: unknown): unknown {
  if (!(fed instanceof Failure)) return consumer;
  const aborted = errorCode(fed.cause) === 'ERR_STREAM_PREMATURE_CLOSE';
  return aborted ? consumer : fed;
}

async function stageMember(
  { staging, objects, putObjects, tar, reference }: Underway,
  entry: Entry,
  name: string,
): Promise<void> {
  const use = useOf(name);
  if (use === 'ignore' || entry.header.type !== 'file') {
    if (use !== 'ignore')
      throw new Failure(`"${name}" of seed image "${reference}" is no plain file`, {
        next: 'build the seed image again with lca-cli create',
      });
    entry.resume();
    return;
  }
  switch (use) {
    case 'unpack':
      if (name !== 'ostree.tgz') return tar.unpack(bytesOf(entry), staging.var, name);
      await objects;
      return tar.unpack(bytesOf(entry), staging.repository, name, { keepExisting: putObjects !== undefined });
    case 'store':
      await writeScratch(join(staging.folder, name), asReadable(entry));
      return;
    case 'keep':
    case 'origin': {
      if (entry.header.size > largestSmallMember)
        throw new Failure(`"${name}" of seed image "${reference}" has ${entry.header.size} bytes`, {
          why: `more than ${largestSmallMember} is not expected of it`,
        });
      await writeScratch(join(staging.folder, 'members', name), asReadable(entry));
    }
  }
}

/** An archive entry yields buffers; its types do not say so. */
function bytesOf(entry: Entry): ArchiveContent {
  return entry as unknown as ArchiveContent;
}

/** An archive entry as a Node stream (tar-stream has streams of its own kind). */
function asReadable(entry: Entry): Readable {
  return Readable.from(entry, { objectMode: false, highWaterMark: 1 << 20 });
}

function inflaterOf(mediaType: string): typeof inflated | Transform {
  if (/gzip$/.test(mediaType)) return inflated;
  if (/zstd$/.test(mediaType)) return createZstdDecompress({ chunkSize: 256 * 1024 }); // the default of 16 KiB costs a third more time in hand-overs
  return new PassThrough();
}

/** tar itself refuses ".." and makes absolute names relative; what is left to prove is that only one tree came out. */
async function requireOnly(folder: string, wanted: string, archive: string): Promise<void> {
  const names = await readdir(folder);
  const stray = names.filter((name) => name !== wanted);
  if (stray.length > 0)
    throw new Failure(`seed archive "${archive}" holds "${stray.join('", "')}" outside "${wanted}/"`, {
      why: 'it reaches outside its target',
      next: 'build the seed image again with lca-cli create',
    });
  if (names.length === 0)
    throw new Failure(`seed archive "${archive}" holds no "${wanted}/"`, {
      next: 'build the seed image again with lca-cli create',
    });
}
