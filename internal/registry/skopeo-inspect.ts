import { Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { chooseByPlatform, parseConfig, parseManifest } from '../image/manifest.ts';
import type { Place } from '../image/mirrors.ts';
import { nameOf, parseReference, pinnedTo, printReference } from '../image/reference.ts';
import { placesOf, type Egress } from './egress.ts';
import type { InspectedImage, InspectedManifest } from './inspect.ts';
import { thisPlatform } from './platform.ts';
import { retried } from './retry.ts';
import { digestOf, platformOf, settingsFor, skopeoTrouble, sourceOf, type SkopeoOptions } from './skopeo.ts';

/** Asks skopeo what an image is, where only skopeo may read it. The transfer still verifies every digest. */
export async function inspectWithSkopeo(
  host: Host,
  egress: Egress,
  image: string,
  options: SkopeoOptions = {},
): Promise<InspectedImage> {
  const manifest = await inspectManifestWithSkopeo(host, egress, image, options);
  const pinned = pinnedTo(parseReference(image), manifest.manifestDigest);
  const config = await askSkopeo(host, egress, image, pinned, options, '--config');
  const { size } = manifest.configDigest;
  if (Buffer.byteLength(config) !== size)
    throw new Failure(`configuration of "${image}" has ${Buffer.byteLength(config)} bytes, its manifest says ${size}`);
  return { ...manifest, config: parseConfig(config) };
}

/** The same without configuration. */
export async function inspectManifestWithSkopeo(
  host: Host,
  egress: Egress,
  image: string,
  options: SkopeoOptions = {},
): Promise<InspectedManifest> {
  const reference = parseReference(image);
  const asked = printReference(reference);
  const ask = (name: string): Promise<string> => askSkopeo(host, egress, image, name, options);
  const top = await ask(image);
  // skopeo has verified it against a digest that was asked for, of whatever kind.
  const topDigest = reference.digest ?? digestOf(top);
  const first = parseManifest(top);
  const chosen = first.kind === 'index' ? chooseByPlatform(first.index, options.platform ?? thisPlatform()) : topDigest;
  const own = first.kind === 'index' ? await ask(pinnedTo(reference, chosen)) : top;
  const manifest = parseManifest(own);
  if (manifest.kind !== 'image')
    throw new Failure(`index of "${asked}" leads to another index`, {
      next: 'push the image again with a current tool',
    });
  return {
    reference: asked,
    digest: topDigest,
    pinned: pinnedTo(reference, topDigest),
    manifestDigest: chosen,
    mediaType: manifest.image.mediaType ?? 'application/vnd.oci.image.manifest.v1+json',
    configDigest: manifest.image.config,
    layers: manifest.image.layers,
    location: nameOf(reference),
    places: placesIfAny(egress, image),
    serverDate: undefined,
  };
}

/**
 * Lets skopeo read manifest and configuration of an image once: what it reads, podman pulls. One process, no layer.
 *
 * @throws Failure with its class and skopeo's reason
 */
export async function proveWithSkopeo(
  host: Host,
  egress: Egress,
  image: string,
  options: Pick<SkopeoOptions, 'platform' | 'signal'> = {},
): Promise<void> {
  const args = [
    'inspect',
    ...settingsFor(host, egress),
    ...platformOf(options.platform),
    '--config',
    '--raw',
    sourceOf(image),
  ];
  await runSkopeo(host, args, image, options.signal);
}

function askSkopeo(
  host: Host,
  egress: Egress,
  image: string,
  name: string,
  options: SkopeoOptions,
  ...more: string[]
): Promise<string> {
  const args = ['inspect', ...settingsFor(host, egress), ...more, '--raw', sourceOf(name)];
  return retried(() => runSkopeo(host, args, image, options.signal), options);
}

async function runSkopeo(
  host: Host,
  args: readonly string[],
  image: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    const { stdout } = await host.run('skopeo', args, {
      budgetMs: 300_000,
      ...(signal === undefined ? {} : { signal }),
    });
    return stdout;
  } catch (error) {
    throw skopeoTrouble(host, error, image, `skopeo cannot read "${image}"`);
  }
}

/** skopeo may know a way where our reading of the rules leaves none. */
function placesIfAny(egress: Egress, image: string): Place[] {
  try {
    return placesOf(egress, parseReference(image));
  } catch {
    return [];
  }
}
