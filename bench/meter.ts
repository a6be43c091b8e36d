import { readFileSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../test/vm/command.ts';
import type { Registry } from '../test/vm/registry.ts';

/** What one run cost beside its time. */
export type Cost = {
  readonly seconds: number;
  /** Of the two cores, by the run's own processes: what wall time would be without neighbours, and steadier than it. */
  readonly cpuSeconds: number;
  /** Peak of memory that cannot be dropped: anonymous pages and tmpfs, of all processes of the run together. */
  readonly peakRamBytes: number;
  /** Bytes that reached the target's block device. */
  readonly writtenBytes: number;
};

/** Measures what runs in one memory cgroup (version 1) and writes to one loop device. May be paused; reads synchronously, so that a mark costs no turn of the loop. */
export type Meter = AsyncDisposable & {
  /** Shell words: the shell that runs them is measured from then on, with all its children. */
  readonly join: string;
  start(): void;
  pause(): void;
  cost(): Cost;
};

const sampleMs = 25;

/** Makes a meter. RAM is sampled: a peak shorter than a sample is not seen, which favours neither side. */
export async function openMeter(loopName: string): Promise<Meter> {
  const name = `sno-ibi-bench-${String(process.pid)}-${String(Date.now())}`;
  const [cgroup, cpu] = [join('/sys/fs/cgroup/memory', name), join('/sys/fs/cgroup/cpuacct', name)];
  for (const folder of [cgroup, cpu]) await mkdir(folder);
  let timer: NodeJS.Timeout | undefined;
  let begun = { atMs: 0, sectors: 0, cpu: 0 };
  const total = { seconds: 0, sectors: 0, cpu: 0, peak: 0 };
  return {
    join: [cgroup, cpu].map((folder) => `echo $$ > ${folder}/cgroup.procs`).join('; '),
    start() {
      begun = { sectors: sectorsWritten(loopName), cpu: cpuSeconds(cpu), atMs: performance.now() };
      timer = setInterval(() => {
        total.peak = Math.max(total.peak, heldBytes(cgroup));
      }, sampleMs);
    },
    pause() {
      clearInterval(timer);
      total.seconds += (performance.now() - begun.atMs) / 1000;
      total.cpu += cpuSeconds(cpu) - begun.cpu;
      total.sectors += sectorsWritten(loopName) - begun.sectors;
    },
    cost: () => ({
      seconds: total.seconds,
      cpuSeconds: total.cpu,
      peakRamBytes: total.peak,
      writtenBytes: total.sectors * 512,
    }),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      for (const folder of [cgroup, cpu]) await rmdir(folder).catch(() => undefined); // the last process may not be gone yet; an empty cgroup costs nothing
    },
  };
}

function heldBytes(cgroup: string): number {
  const text = readFileSync(join(cgroup, 'memory.stat'), 'utf8');
  const value = (name: string): number => Number(new RegExp(`^total_${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  return value('rss') + value('shmem');
}

function cpuSeconds(cgroup: string): number {
  return Number(readFileSync(join(cgroup, 'cpuacct.usage'), 'utf8')) / 1e9;
}

function sectorsWritten(loopName: string): number {
  return Number(readFileSync(`/sys/block/${loopName}/stat`, 'utf8').trim().split(/\s+/)[6]);
}

/**
 * Both sides start with nothing of the target in the page cache, so that neither profits from what the other read. The registry is
 * another machine in real life: what it serves is read back into the cache, or its disk would be measured with ours.
 */
export async function coldCaches(registry: Registry): Promise<void> {
  await run('sync', []);
  await writeFile('/proc/sys/vm/drop_caches', '3');
  await run('sh', ['-c', 'find "$0" -type f -exec cat {} + > /dev/null', dirname(registry.logFile)]);
}
