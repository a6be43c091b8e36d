import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { messageOf } from '../errors/errors.ts';

/** One piece of evidence: where it stands in the bundle, and how to get its text. */
export type Evidence = {
  readonly name: string;
  readonly text: () => Promise<string>;
};

/**
 * Writes a support bundle: a gzip-compressed tar of text files, every byte of it redacted. Needs no program of the host.
 * What cannot be collected stands in the bundle as the reason why; one broken piece never costs the others.
 *
 * @returns the names of the pieces that could not be collected
 */
export async function writeBundle(
  path: string,
  folder: string,
  evidence: readonly Evidence[],
  clean: (text: string) => string,
): Promise<string[]> {
  const bundle = pack();
  const failed: string[] = [];
  const writing = pipeline(Readable.from(bundle), createGzip(), createWriteStream(path, { mode: 0o600 }));
  writing.catch(() => undefined); // reported by the await below
  for (const piece of evidence) {
    let text: string;
    try {
      text = await piece.text();
    } catch (error) {
      failed.push(piece.name);
      text = `not collected: ${messageOf(error)}\n`;
    }
    bundle.entry({ name: `${folder}/${piece.name}`, mode: 0o600 }, clean(text));
  }
  bundle.finalize();
  await writing;
  return failed;
}
