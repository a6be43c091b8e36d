import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Failure, Interrupted } from '../errors/errors.ts';
import { exists, readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { parseConfig, parseManifest, type Descriptor, type ImageConfig, type Platform } from '../image/manifest.ts';
import { parseReference, sourceName } from '../image/reference.ts';
import type { Egress } from './egress.ts';
import { namedRegistriesConf } from './egress-paths.ts';
import { watchGrowth } from './growth.ts';
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
  const { platform, stallMs = 300_000, onProgress } = options;
  await host.run('mkdir', ['-p', '--', folder]);
  const args = ['copy', ...settingsFor(host, egress), ...platformOf(platform), sourceOf(image), `dir:${folder}`];
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
        throw skopeoTrouble(host, error, image);
      }
    },
    { attempts: 5, firstDelayMs: 5_000, longestDelayMs: 60_000, ...options },
  );
  return readFolder(folder);
}

/** Gives a failure of skopeo its class. A stop of ours reaches it by the signal as well, and is no verdict of its. */
export function skopeoTrouble(host: Pick<Host, 'stop'>, error: unknown, image: string, what?: string): Failure {
  if (host.stop.aborted)
    return new Interrupted(`stopped while skopeo was asked for "${image}"`, {
      why: 'finished downloads are kept',
      cause: error,
    });
  return podmanTrouble(error, image, what);
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

/** What makes skopeo look where podman looks: the auth file, and a named registries.conf, of which only podman reads the variable. */
export function settingsFor(host: Pick<Host, 'env'>, egress: Pick<Egress, 'authFile'>): string[] {
  const conf = namedRegistriesConf(host.env);
  return [
    ...(conf === undefined ? [] : ['--registries-conf', conf]),
    ...(egress.authFile === undefined ? [] : ['--authfile', egress.authFile]),
  ];
}

/** Nothing for this machine's own platform, of which skopeo knows the variant, too. */
export function platformOf(platform: Platform | undefined): string[] {
  const own = thisPlatform();
  if (platform === undefined || (platform.os === own.os && platform.architecture === own.architecture)) return [];
  const { os, architecture, variant } = platform;
  return [
    '--override-os',
    os,
    '--override-arch',
    architecture,
    ...(variant === undefined ? [] : ['--override-variant', variant]),
  ];
}

/** An image as skopeo is told of it. */
export function sourceOf(image: string): string {
  return `docker://${sourceName(parseReference(image))}`;
}

export function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
