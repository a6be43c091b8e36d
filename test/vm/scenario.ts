import { clusterSeed } from '../first-boot/seed-image.ts';
import type { SeedOptions as ClusterOptions } from '../first-boot/artefacts/seed.ts';
import type { Say } from './artefacts/cache.ts';
import type { SeedOptions } from './artefacts/seed-options.ts';
import { assertBaseline, assertInstalled, assertNoCanary } from './baseline.ts';
import { install, type Installation, type LiveBoot } from './live-boot.ts';
import { proveInstalled, type Proof, type ProofLane } from './proof.ts';
import { openStage, type Stage } from './stage.ts';

/** One difference from the baseline: live ISO with our Ignition document, blank disk, BIOS, installed at the first attempt. */
export type Scenario = {
  readonly name: string;
  /** What differs, and what that proves. */
  readonly says: string;
  /** Default `slim`: a shorter way to the same proof. `full` also has podman on the installed host. */
  readonly os?: 'full' | 'slim';
  readonly sectorSize?: 512 | 4096;
  /** The target is a SCSI disk that the live system reaches on so many paths. */
  readonly paths?: number;
  readonly seed?: SeedOptions;
  /** The seed is a real cluster (test/first-boot). */
  readonly cluster?: ClusterOptions;
  /** The live boot of the baseline's story. */
  readonly boot?: Partial<LiveBoot>;
  /** Where the installed disk is proven. Default `nspawn`. */
  readonly proof?: ProofLane;
  /** Instead of that: starts the disk and asks it. */
  readonly prove?: (stage: Stage) => Promise<Proof>;
  /** Before the first boot: fills disks. */
  readonly prepare?: (stage: Stage) => Promise<void>;
  /** Instead of one installation; returns all that were made, the last of them a good one unless there is nothing to prove. */
  readonly story?: (stage: Stage) => Promise<readonly Installation[]>;
  /** Whether there is an installed disk at the end. Default true. */
  readonly installs?: boolean;
  /** After the baseline's assertions. */
  readonly assert?: (
    stage: Stage,
    proof: Proof | undefined,
    installations: readonly Installation[],
  ) => Promise<void> | void;
};

/** Plays a scenario from its stage to its last assertion. */
export async function playScenario(scenario: Scenario, say: Say, signal: AbortSignal): Promise<void> {
  const cluster = scenario.cluster === undefined ? undefined : await clusterSeed(scenario.cluster, say);
  await using stage = await openStage({
    name: scenario.name,
    say,
    signal,
    os: scenario.os ?? 'slim',
    ...(scenario.sectorSize === undefined ? {} : { sectorSize: scenario.sectorSize }),
    ...(scenario.paths === undefined ? {} : { paths: scenario.paths }),
    ...(scenario.seed === undefined && cluster === undefined
      ? {}
      : { seed: { ...cluster?.options, ...scenario.seed } }),
    ...(cluster === undefined ? {} : { cluster: cluster.cluster }),
  });
  await scenario.prepare?.(stage);
  const installations = await (scenario.story?.(stage) ?? installOnce(stage, scenario.boot));
  let proof: Proof | undefined;
  if (scenario.installs !== false) {
    const last = installations.at(-1);
    if (last === undefined) throw new Error('a scenario that installs must say how that went');
    assertInstalled(last);
    say('proof of the installed disk');
    proof = await (scenario.prove?.(stage) ?? proveInstalled(stage, scenario.proof ?? 'nspawn'));
    assertBaseline(stage, proof);
  }
  await assertNoCanary(stage, { installations, ...(proof === undefined ? {} : { proof }) });
  await scenario.assert?.(stage, proof, installations);
}

async function installOnce(stage: Stage, boot: Partial<LiveBoot> = {}): Promise<Installation[]> {
  return [await install(stage, { name: 'live', ...boot })];
}
