import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Failure } from '../errors/errors.ts';
import { exists, readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import {
  chooseByPlatform,
  parseConfig,
  parseManifest,
  type Descriptor,
  type ImageConfig,
  type Platform,
} from '../image/manifest.ts';
import { nameOf, parseReference, pinnedTo, printReference } from '../image/reference.ts';
import { placesOf, type Egress } from './egress.ts';
import { watchGrowth } from './growth.ts';
import type { InspectedImage } from './inspect.ts';
import { thisPlatform } from './platform.ts';
import { podmanTrouble } from './podman-trouble.ts';
import { retried, type PatienceOptions } from './retry.ts';

/** An image that lies as files in a folder. */
export type LocalImage = {
  /** Of its manifest. */
  readonly digest: string;
  readonly config: ImageConfig;
  /** Base first. */
  readonly layers: readonly (Descriptor & { readonly path: string })[];
};

export type SkopeoOptions = PatienceOptions & {
  /** Default: this machine's. */
  readonly platform?: Platform;
  /** Longest time without a new byte. Default: 5 minutes. */
  readonly stallMs?: number;
  readonly onProgress?: (bytes: number) => void;
};

/**
 * Copies an image into a folder with skopeo, which honours credential helpers and signature policies. The folder should be on the target
 * disk: it takes the whole image, and nothing of it goes to /var/tmp of the live system. Blobs are verified by skopeo.
 */
export async function fetchWithSkopeo(
  host: Host,
  egress: Egress,
  image: string,
  folder: string,
  options: SkopeoOptions = {},
): Promise<LocalImage> {
  const { platform = thisPlatform(), stallMs = 300_000, onProgress } = options;
  await host.run('mkdir', ['-p', '--', folder]);
  const args = [
    'copy',
    ...authOf(egress),
    ...platformOf(platform),
    `docker://${printReference(parseReference(image))}`,
    `dir:${folder}`,
  ];
  await retried(
    async () => {
      using watch = watchGrowth(folder, stallMs, onProgress);
      const signal = options.signal === undefined ? watch.signal : AbortSignal.any([watch.signal, options.signal]);
      try {
        await host.run('skopeo', args, {
          budgetMs: Infinity,
          signal,
          env: { TMPDIR: folder },
          onLine: () => {
            watch.alive();
          },
        });
      } catch (error) {
        throw podmanTrouble(error, image);
      }
    },
    { attempts: 5, firstDelayMs: 5_000, longestDelayMs: 60_000, ...options },
  );
  return readFolder(folder);
}

/** Asks skopeo what an image is, where only skopeo has the credentials. The transfer still verifies every digest. */
export async function inspectWithSkopeo(
  host: Host,
  egress: Egress,
  image: string,
  options: SkopeoOptions = {},
): Promise<InspectedImage> {
  const reference = parseReference(image);
  const ask = (name: string, ...more: string[]): Promise<string> =>
    retried(async () => {
      try {
        const { stdout } = await host.run(
          'skopeo',
          ['inspect', ...authOf(egress), ...more, '--raw', `docker://${name}`],
          { budgetMs: 300_000, ...(options.signal === undefined ? {} : { signal: options.signal }) },
        );
        return stdout;
      } catch (error) {
        throw podmanTrouble(error, image);
      }
    }, options);
  const asked = printReference(reference);
  const top = await ask(asked);
  const topDigest = digestOf(top);
  if (reference.digest !== undefined && reference.digest !== topDigest)
    throw new Failure(`skopeo gave something else for "${asked}"`, { why: `its content has the digest ${topDigest}` });
  const first = parseManifest(top);
  const chosen =
    first.kind === 'index' ? chooseByPlatform(first.index, options.platform ?? thisPlatform()).digest : topDigest;
  const own = first.kind === 'index' ? await ask(pinnedTo(reference, chosen)) : top;
  const manifest = parseManifest(own);
  if (manifest.kind !== 'image') throw new Failure(`index of "${asked}" leads to another index`);
  return {
    reference: asked,
    digest: topDigest,
    pinned: pinnedTo(reference, topDigest),
    manifestDigest: chosen,
    mediaType: manifest.image.mediaType ?? 'application/vnd.oci.image.manifest.v1+json',
    configDigest: manifest.image.config,
    layers: manifest.image.layers,
    location: nameOf(reference),
    places: placesOf(egress, reference),
    serverDate: undefined,
    config: parseConfig(await ask(pinnedTo(reference, chosen), '--config')),
  };
}

async function readFolder(folder: string): Promise<LocalImage> {
  const text = await readTextIfPresent(join(folder, 'manifest.json'));
  const manifest = parseManifest(text ?? '');
  if (manifest.kind !== 'image') throw new Failure(`skopeo left an index in "${folder}" where an image was wanted`);
  const pathOf = ({ digest }: Descriptor): string => join(folder, digest.split(':')[1] ?? digest);
  const layers = manifest.image.layers.map((layer) => ({ ...layer, path: pathOf(layer) }));
  for (const { path } of layers) if (!(await exists(path))) throw new Failure(`skopeo left no file "${path}"`);
  return {
    digest: digestOf(text ?? ''),
    config: parseConfig((await readTextIfPresent(pathOf(manifest.image.config))) ?? ''),
    layers,
  };
}

function authOf(egress: Egress): string[] {
  return egress.authFile === undefined ? [] : ['--authfile', egress.authFile];
}

function platformOf({ os, architecture, variant }: Platform): string[] {
  return [
    '--override-os',
    os,
    '--override-arch',
    architecture,
    ...(variant === undefined ? [] : ['--override-variant', variant]),
  ];
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
