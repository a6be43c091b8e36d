import { parseSeedManifest, type SeedManifest } from '../config/seed-manifest.ts';
import { Failure } from '../errors/errors.ts';
import { formatLabel, manifestLabel, requireVersion, supportedFormat } from './format.ts';

/** What a registry tells of a seed image before a byte of it is fetched. */
export type SeedFacts = {
  readonly reference: string;
  readonly architecture: string;
  readonly os: string;
  readonly created: Date | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly layers: number;
};

/** What the host and the configuration ask of the seed. */
export type SeedWishes = {
  readonly version: string;
  /** Architecture in image terms: "amd64", "arm64". */
  readonly architecture: string;
  readonly now: Date;
  readonly containersPartitionLabel: string | undefined;
};

/** The judgement of a seed: its manifest when a label carries it, and what is odd but no reason to stop. */
export type SeedJudgement = { readonly manifest: SeedManifest | undefined; readonly warnings: readonly string[] };

/**
 * Holds a seed against host and configuration, before anything is erased. Old seeds lack labels, so a missing one only
 * warns: the same rules are held again against the members once they are on the disk.
 *
 * @throws Failure for the first rule that is broken
 */
export function judgeSeed(facts: SeedFacts, wishes: SeedWishes): SeedJudgement {
  const warnings: string[] = [];
  const rebuild = 'please build a new image using the latest version of the lca-cli';
  if (facts.layers === 0)
    throw new Failure(`seed image "${facts.reference}" has no layers`, { next: 'check seedImage' });
  if (facts.architecture !== '' && facts.architecture !== wishes.architecture) {
    throw new Failure(
      `seed image "${facts.reference}" is for architecture "${facts.architecture}", this host is "${wishes.architecture}"`,
      { next: 'choose the seed image of this architecture' },
    );
  }
  // A registry's TLS certificate is as "not yet valid" as the image when the clock is behind; name the clock.
  if (facts.created !== undefined && facts.created.getTime() > wishes.now.getTime() + 5 * 60_000) {
    throw new Failure(
      `the clock of this host says ${wishes.now.toISOString()}, but the seed image was made at ${facts.created.toISOString()}`,
      {
        why: 'the clock is behind; certificates would be judged wrongly',
        next: 'set the clock (firmware setup, or chronyd)',
      },
    );
  }
  const format = facts.labels[formatLabel];
  if (format === undefined)
    warnings.push(`seed image is missing the ${formatLabel} label; continuing because older seeds lack it`);
  else if (format !== supportedFormat)
    throw new Failure(`seed image format version mismatch: expected ${supportedFormat}, got ${format}`, {
      next: rebuild,
    });

  const text = facts.labels[manifestLabel];
  if (text === undefined) {
    warnings.push(
      `seed image is missing the ${manifestLabel} label; continuing because older seeds lack it, its version is checked when it is on the disk`,
    );
    return { manifest: undefined, warnings };
  }
  const manifest = parseSeedManifest(text, `label ${manifestLabel}`);
  requireVersion(manifest, wishes.version);
  warnings.push(...storageWarning(manifest, wishes.containersPartitionLabel));
  return { manifest, warnings };
}

/** What the registry's own clock says of ours; certificates that are made later are only as good as the clock. */
export function clockWarning(now: Date, serverDate: Date | undefined): string[] {
  if (serverDate === undefined || Math.abs(serverDate.getTime() - now.getTime()) <= 5 * 60_000) return [];
  return [
    `the clock of this host says ${now.toISOString()}, the registry says ${serverDate.toISOString()}; continuing because the installation itself does not need the time`,
  ];
}

/** First boot hangs for 90 s and fails when the seed mounts a partition label that this disk does not have. */
function storageWarning(manifest: SeedManifest, label: string | undefined): string[] {
  const mounted = /\/dev\/disk\/by-partlabel\/(.+)$/.exec(manifest.container_storage_mountpoint_target ?? '')?.[1];
  if (mounted === undefined || mounted === label) return [];
  return [
    `the seed mounts container storage from partition "${mounted}", this configuration ${label === undefined ? 'makes no such partition' : `names it "${label}"`}; first boot will wait for it`,
  ];
}
