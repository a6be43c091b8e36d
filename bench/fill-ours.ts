import type { ProgressEvent } from '../internal/log/progress.ts';
import { coldCaches, openMeter, type Cost } from './meter.ts';
import { productExecutable } from './product.ts';
import { configFile, type Target } from './target.ts';

/** A disk that was filled: what it cost, and where the seconds went. */
export type Filled = { readonly cost: Cost; readonly phases: ReadonlyMap<string, number> };

/** What the shell says when the program has ended; one shell does it all, as on the other side. */
const removal = 'removal';

const measured = ['fetch-seed', 'deploy-seed', 'restore-state'] as const;

/**
 * Fills a disk that is written and laid out, with the program as it is shipped. The run finds the first steps done, fills, and is
 * ended by a site hook that fails: that is the first moment after the work where a run can be held. What the seal would remove
 * of the seed's copy belongs to the work, because the reference's clean-up does, and is added.
 */
export async function fillAsOurs(target: Target, profile?: readonly string[]): Promise<Filled> {
  const { lane } = target;
  await target.put('/var/tmp/post.sh', '#!/bin/sh\nexit 1\n', '755');
  await using meter = await openMeter(lane.disk.name);
  const phases = new Map<string, number>();
  const talk: string[] = [];
  let removing = 0;
  const follow = (line: string): void => {
    if (line === removal) {
      removing = performance.now();
      meter.start();
      return;
    }
    if (!line.startsWith('{')) {
      talk.push(line);
      return;
    }
    const event = JSON.parse(line) as ProgressEvent; // the program's own protocol
    if (event.type !== 'step') return;
    if (event.step === measured[0] && event.state === 'started') meter.start();
    if (event.step === measured[2] && event.state === 'done') meter.pause();
    if (event.durationMs !== undefined && measured.some((name) => name === event.step))
      phases.set(event.step, event.durationMs / 1000);
  };
  await coldCaches(target.registry);
  const inside = `${meter.join}; "$@" 3>&1 >/dev/null || true; echo '${removal}'; rm -rf /mnt/ostree/.ibi/seed; sync -f /mnt; sync -f /mnt/boot`;
  await lane.run(
    'bash',
    [
      '-c',
      inside,
      'ours',
      ...(profile ?? []),
      await productExecutable(),
      'run',
      '-f',
      configFile,
      '--progress-fd',
      '3',
    ],
    { budgetMs: 1_800_000, onLine: follow },
  );
  meter.pause();
  phases.set('copy of the seed removed, sync', (performance.now() - removing) / 1000);
  for (const step of measured)
    if (!phases.has(step)) throw new Error(`ours did not get through ${step}:\n${talk.slice(-30).join('\n')}`);
  return { cost: meter.cost(), phases };
}
