import type { Readable } from 'node:stream';
import type { Host } from '../host/host.ts';
import { showCommand } from '../host/run.ts';
import type { Descriptor, Platform } from '../image/manifest.ts';
import { parseReference } from '../image/reference.ts';
import { fullName } from '../image/short-names.ts';
import { openBlob, type BlobOptions } from './blob.ts';
import { openClient } from './client.ts';
import { placesOf, reservationAbout, type Egress, type Reservation } from './egress.ts';
import { inspectImage, inspectManifest, type InspectedImage, type InspectedManifest } from './inspect.ts';
import { thisPlatform } from './platform.ts';
import { retried, type PatienceOptions } from './retry.ts';
import { isOnlyLocal } from './local-image.ts';
import { checkMirrors, provePolicy } from './settings-proof.ts';
import { settingsFor, sourceOf } from './skopeo.ts';
import { inspectManifestWithSkopeo, inspectWithSkopeo, proveWithSkopeo } from './skopeo-inspect.ts';
import { openWire } from './wire.ts';

export type InspectOptions = PatienceOptions & {
  /** Default: this machine's. */
  readonly platform?: Platform;
};

/** Registries as this machine reaches them. Dispose it to close connections. */
export type Registry = Disposable & {
  /** The name with its registry, as podman completes it; see internal/image/short-names.ts. */
  fullName(image: string): string;
  /** The sentence why our stream must leave a transfer to skopeo; undefined when it may do it. */
  whyNotStreamed(image: string): string | undefined;
  /** What forbids our client to ask for an image at all. */
  reservationAbout(image: string): Reservation | undefined;
  /** From now on skopeo carries this image: our client has failed with it. */
  leaveToSkopeo(image: string, why: string): void;
  /** What a reference stands for, pinned by digest, with configuration. Transient trouble is waited out. */
  inspect(image: string, options?: InspectOptions): Promise<InspectedImage>;
  /** The same without configuration: one request less. */
  inspectManifest(image: string, options?: InspectOptions): Promise<InspectedManifest>;
  /** The same two, as skopeo reads them. */
  inspectWithSkopeo(image: string, options?: InspectOptions): Promise<InspectedImage>;
  inspectManifestWithSkopeo(image: string, options?: InspectOptions): Promise<InspectedManifest>;
  /** Lets skopeo read an image once; see skopeo-inspect.ts. */
  proveWithSkopeo(image: string, options?: InspectOptions): Promise<void>;
  /** Lets skopeo hold an image against the signature policy; see settings-proof.ts. */
  provePolicy(image: string, options?: InspectOptions): Promise<void>;
  /** See settings-proof.ts. */
  checkMirrors(image?: string): Promise<void>;
  /** True when an image can come from nowhere but this machine itself, which has no registry; see local-image.ts. */
  isOnlyLocal(image: string): boolean;
  /** Tries until it succeeds, fails for good, patience ends or we are told to stop. */
  patiently<T>(attempt: () => Promise<T>, options: PatienceOptions): Promise<T>;
  /** The question to skopeo as a person would type it. */
  skopeoCommand(image: string): string;
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
  const left = new Map<string, string>();
  return {
    fullName: (image) => fullName(egress.mirrors, image),
    whyNotStreamed: (image) => {
      const full = fullName(egress.mirrors, image);
      return left.get(full) ?? reservationAbout(egress, full)?.why;
    },
    reservationAbout: (image) => reservationAbout(egress, image),
    leaveToSkopeo: (image, why) => {
      left.set(image, why);
    },
    inspectWithSkopeo: (image, own) => inspectWithSkopeo(host, egress, image, patient(own)),
    inspectManifestWithSkopeo: (image, own) => inspectManifestWithSkopeo(host, egress, image, patient(own)),
    proveWithSkopeo: (image, own) => proveWithSkopeo(host, egress, image, patient(own)),
    provePolicy: (image, own) => provePolicy(host, egress, image, patient(own)),
    checkMirrors: (image) => checkMirrors(host, egress, image),
    isOnlyLocal: (image) => isOnlyLocal(egress, image),
    patiently: (attempt, own) => retried(attempt, patient(own)),
    skopeoCommand: (image) =>
      showCommand('skopeo', ['inspect', ...settingsFor(host, egress), '--raw', sourceOf(image)]),
    inspect: async (image, own) => {
      const all = patient(own);
      const wish = wishFor(image, all);
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
