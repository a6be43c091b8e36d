import type { Readable } from 'node:stream';
import type { Host } from '../host/host.ts';
import type { Descriptor, Platform } from '../image/manifest.ts';
import { parseReference } from '../image/reference.ts';
import { openBlob, type BlobOptions } from './blob.ts';
import { openClient } from './client.ts';
import { helperFor, placesOf, whyNotStreamed, type Egress } from './egress.ts';
import { inspectImage, inspectManifest, type InspectedImage, type InspectedManifest } from './inspect.ts';
import { thisPlatform } from './platform.ts';
import { retried, type PatienceOptions } from './retry.ts';
import { inspectWithSkopeo } from './skopeo.ts';
import { openWire } from './wire.ts';

export type InspectOptions = PatienceOptions & {
  /** Default: this machine's. */
  readonly platform?: Platform;
};

/** Registries as this machine reaches them. Dispose it to close connections. */
export type Registry = Disposable & {
  /** The sentence why our stream must leave a transfer to skopeo; undefined when it may do it. */
  whyNotStreamed(image: string): string | undefined;
  /** What a reference stands for, pinned by digest, with configuration. Transient trouble is waited out. */
  inspect(image: string, options?: InspectOptions): Promise<InspectedImage>;
  /** The same without configuration: one request less. */
  inspectManifest(image: string, options?: InspectOptions): Promise<InspectedManifest>;
  /** A layer as verified bytes; see `openBlob` of blob.ts for the promises. */
  openBlob(image: Pick<InspectedManifest, 'places'>, layer: Descriptor, options?: BlobOptions): Readable;
};

export type RegistryOptions = {
  /** Longest silence of one attempt. Default: 60 s. */
  readonly stallMs?: number;
  /** Patience of all calls that bring none of their own. */
  readonly patience?: PatienceOptions;
};

/** Opens the registries of one egress. Our own stop ends every wait. */
export function openRegistry(host: Host, egress: Egress, options: RegistryOptions = {}): Registry {
  const wire = openWire({
    trust: egress.trust,
    proxy: egress.proxy,
    now: () => host.now(),
    stallMs: options.stallMs ?? 60_000,
  });
  const client = openClient(egress, wire);
  const sayRetry: NonNullable<PatienceOptions['onRetry']> = (error, delayMs) => {
    host.log.info(
      `${error.message}${error.why === undefined ? '' : ` (${error.why})`}; trying again in ${Math.ceil(delayMs / 1000)} s`,
    );
  };
  const patient = <T extends PatienceOptions>(own: T | undefined): T & PatienceOptions & { signal: AbortSignal } => {
    const merged = { onRetry: sayRetry, ...options.patience, ...own } as T & PatienceOptions; // a spread of T keeps T's members
    return { ...merged, signal: own?.signal === undefined ? host.stop : AbortSignal.any([host.stop, own.signal]) };
  };
  const wishFor = (
    image: string,
    { platform, signal }: InspectOptions & { signal: AbortSignal },
  ): Parameters<typeof inspectImage>[1] => {
    const reference = parseReference(image);
    return { reference, places: placesOf(egress, reference), platform: platform ?? thisPlatform(), signal };
  };
  return {
    whyNotStreamed: (image) => whyNotStreamed(egress, image),
    inspect: async (image, own) => {
      const all = patient(own);
      const wish = wishFor(image, all);
      if (helperFor(egress, wish.places) !== undefined)
        return inspectWithSkopeo(host, egress, image, { ...all, platform: wish.platform });
      return retried(() => inspectImage(client, wish), all);
    },
    inspectManifest: async (image, own) => {
      const all = patient(own);
      const wish = wishFor(image, all);
      return retried(() => inspectManifest(client, wish), all);
    },
    openBlob: (image, layer, own) => openBlob(client, image.places, layer, patient(own)),
    [Symbol.dispose]: () => {
      wire[Symbol.dispose]();
    },
  };
}
