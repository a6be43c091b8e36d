import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSiteManifest } from '../config/site-manifest.ts';
import { Failure, messageOf } from '../errors/errors.ts';
import { readTextIfPresent, temporaryFolder } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { pause } from '../host/pause.ts';
import { findMedia, type Medium } from './media.ts';
import type { SitePlaces } from './places.ts';
import { readSiteRecord, writeSiteRecord } from './record.ts';
import { mediumDigest, takeSite, takenDigest } from './take.ts';

/** Who is told. `waiting` is said again from time to time. */
export type Tell = {
  readonly say: (fact: string) => void;
  readonly warn: (fact: string) => void;
  readonly waiting: (forWhat: string) => void;
};

export type SiteRequest = {
  readonly places: SitePlaces;
  /** Folder of the record; survives a boot. */
  readonly state: string;
  /** Names the seed, so that a config is looked at again when the seed's manifest was corrected. */
  readonly seed: string;
  /** True once the cluster has its identity: another config would come too late. */
  readonly isFinal: boolean;
};

const lookAgainMs = 1000;

/**
 * Waits until the working folder holds a whole site config that was not refused, and takes it from a medium where there is one.
 *
 * A medium that is unreadable or holds no site manifest is named and left; the next one that is attached is looked at. Another medium than the
 * one that was taken takes its place; once the cluster has its identity only if its site manifest is the same (other manifests beside it).
 *
 * @param pauseMs how long a config that was tried before is left alone, unless a medium brings another one
 */
export async function settleSite(host: Host, request: SiteRequest, tell: Tell, pauseMs = 0): Promise<void> {
  const pauseEnds = new Date(host.now().getTime() + pauseMs);
  const told = new Set<string>();
  const once = (fact: string): void => {
    if (!told.has(fact)) tell.warn(fact);
    told.add(fact);
  };
  for (;;) {
    const standing = await standingConfig(request);
    const found = await lookAtMedia(host, request, standing.isUsable, { ...tell, warn: once });
    const isPausing = standing.isUsable && host.now() < pauseEnds;
    if (found === 'taken' || (found !== 'not-clear' && standing.isUsable && !isPausing)) return;
    tell.waiting(waitingFor(standing, request, isPausing ? pauseEnds : undefined));
    await pause(host, lookAgainMs, 'waiting for a config medium');
  }
}

function waitingFor(
  { refused }: { readonly refused?: string },
  { places }: SiteRequest,
  pauseEnds: Date | undefined,
): string {
  if (pauseEnds !== undefined)
    return `${pauseEnds.toISOString()}, when what failed is tried again, or another config ISO`;
  return refused === undefined
    ? 'a config medium: a device or partition with the label "cluster-config" (attach the config ISO)'
    : `another config ISO, or a correction in ${places.work}: ${refused}`;
}

/** Remembers why the config in the working folder can't be used, so that it is not tried again as it is. */
export async function refuseSite(host: Host, { places, state, seed }: SiteRequest, what: string): Promise<void> {
  const record = await readSiteRecord(state);
  const of = nameOf(takenDigest(places), seed);
  await writeSiteRecord(host, state, { ...record, refused: { of, what } });
}

const nameOf = (config: string | undefined, seed: string): string => `${config ?? 'none'} ${seed}`;

async function standingConfig({
  places,
  state,
  seed,
}: SiteRequest): Promise<{ readonly isUsable: boolean; readonly refused?: string }> {
  const config = takenDigest(places);
  if (config === undefined) return { isUsable: false };
  const { refused } = await readSiteRecord(state);
  if (refused?.of !== nameOf(config, seed)) return { isUsable: true };
  return { isUsable: false, refused: refused.what };
}

type Found = 'nothing' | 'taken' | 'known' | 'not-clear';

async function lookAtMedia(host: Host, request: SiteRequest, isUsable: boolean, tell: Tell): Promise<Found> {
  let media: Medium[];
  try {
    media = await findMedia(host);
  } catch (error) {
    if (host.stop.aborted) throw error;
    tell.warn(`the block devices of this host cannot be listed: ${messageOf(error)}; continuing because that may pass`);
    return isUsable ? 'nothing' : 'not-clear';
  }
  const [medium, ...more] = media;
  if (medium === undefined) return 'nothing';
  if (more.length > 0) {
    if (isUsable) {
      tell.warn(
        `several devices bear the label of a config medium: ${names(media)}; continuing with the config that was taken`,
      );
      return 'known';
    }
    tell.warn(`several devices bear the label of a config medium: ${names(media)}; take away all but one`);
    return 'not-clear';
  }
  try {
    return await takeFrom(host, request, medium, isUsable, tell);
  } catch (error) {
    if (host.stop.aborted) throw error;
    const next = error instanceof Failure && error.next !== undefined ? `; ${error.next}` : '';
    tell.warn(`the config medium ${medium.device} cannot be used: ${reasonOf(error)}${next}`);
    return isUsable ? 'known' : 'not-clear';
  }
}

function reasonOf(error: unknown): string {
  const why = error instanceof Failure && error.why !== undefined ? ` (${error.why})` : '';
  return `${messageOf(error)}${why}`;
}

const names = (media: readonly Medium[]): string =>
  media.map(({ device, label }) => `${device} ("${label}")`).join(', ');

async function takeFrom(
  host: Host,
  request: SiteRequest,
  medium: Medium,
  isUsable: boolean,
  tell: Tell,
): Promise<Found> {
  const { places, state, isFinal } = request;
  const record = await readSiteRecord(state);
  const { device } = medium;
  await mkdir(state, { recursive: true, mode: 0o700 });
  await using folder = await temporaryFolder('/run', 'config-medium-');
  {
    await using _mounted = await host.mount(device, folder.path, ['--read-only', '-o', 'nosuid,nodev,noexec']);
    const digest = mediumDigest(folder.path);
    if (digest === record.medium && (isUsable || record.refused !== undefined)) return 'known';
    const manifest = await readFirst(folder.path);
    const isLeft = isFinal ? manifest !== (await readTextIfPresent(places.manifest)) : record.medium === undefined;
    if (isUsable && isLeft) {
      tell.warn(
        `the config medium ${device} is left: ${isFinal ? 'the cluster has its identity already, and this is another' : `${places.work} holds a config that did not come from a medium`}`,
      );
      return 'known';
    }
    if (isUsable) tell.say(`the config medium ${device} is another than the one that was taken; it takes its place`);
    await take(host, request, folder.path, { device, shown: `${device} (label "${medium.label}")` }, tell);
  }
  await letGo(host, medium, tell);
  return 'taken';
}

/** What can be said of a medium before it is copied: that it holds a site manifest which can be read. @returns its text */
async function readFirst(folder: string): Promise<string> {
  const name = 'cluster-configuration/manifest.json';
  let content: string;
  try {
    content = await readFile(join(folder, name), 'utf8');
  } catch (error) {
    throw new Failure(`"${name}" cannot be read`, {
      why: messageOf(error),
      next: 'attach a config ISO as openshift-install image-based makes it',
      cause: error,
    });
  }
  parseSiteManifest(content, name);
  return content;
}

/** A drive is opened, so that whoever attached the medium sees that it is no longer needed. Failing at it harms nobody. */
async function letGo(host: Host, { device, isDrive }: Medium, { say }: Tell): Promise<void> {
  if (!isDrive || !(await host.has('eject'))) return;
  try {
    await host.run('eject', [device]);
    say(`${device} is ejected`);
  } catch {
    say(`${device} does not eject; it may stay attached`);
  }
}

/** Takes the config of a folder, as if it were a medium: for a person who has no medium to attach. */
export async function takeFolder(host: Host, request: SiteRequest, folder: string, tell: Tell): Promise<void> {
  await readFirst(folder);
  await take(host, request, folder, { device: folder, shown: folder }, tell);
}

/** Takes the config and remembers whence it came. */
async function take(
  host: Host,
  { places, state }: SiteRequest,
  content: string,
  { device, shown }: { readonly device: string; readonly shown: string },
  tell: Tell,
): Promise<void> {
  const digest = await takeSite(host, content, places, tell.say);
  await writeSiteRecord(host, state, { medium: digest, device, takenAt: host.now().toISOString() });
  tell.say(`the site config was taken from ${shown}`);
}
