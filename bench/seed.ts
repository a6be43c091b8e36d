import { lab } from '../test/vm/artefacts/lab.ts';
import type { Say } from '../test/vm/artefacts/cache.ts';
import { startRegistry } from '../test/vm/registry.ts';
import { fillAsOurs, type Filled } from './fill-ours.ts';
import { fillAsReference } from './fill-reference.ts';
import { grownSeed } from './grown-seed.ts';
import type { Cost } from './meter.ts';
import { median, type Row } from './row.ts';
import { machineLoad, openTarget, writeDisk } from './target.ts';

/** MiB of the seed's OS, unpacked, and how often each side fills a disk with it. The limit is on the first. */
const sizes = [
  { name: '1×', osMiB: 500, rounds: 3 },
  { name: '2×', osMiB: 1000, rounds: 1 },
  { name: '4×', osMiB: 2000, rounds: 1 },
] as const;

const MB = 1e6;

/**
 * Seed image → deployed stateroot: the product's steps fetch-seed, deploy-seed and restore-state against the reference's
 * commands, from one registry (TLS, password) onto disks that were written and laid out alike. Both start with cold caches and end
 * with a sync; the order alternates, and of several rounds the median counts.
 */
export async function benchSeed(say: Say): Promise<Row[]> {
  const parts = lab(say);
  const rows: Row[] = [];
  await using registry = await startRegistry();
  const wanted = process.env['BENCH_SIZES']?.split(',') ?? sizes.map(({ name }) => name);
  for (const { name, osMiB, rounds } of sizes.filter((size) => wanted.includes(size.name))) {
    const seed = await grownSeed(await parts.tree(), osMiB, say);
    const reference = await registry.push(seed.dir, seed.image.tag);
    const filled = { ours: [] as Filled[], reference: [] as Filled[] };
    for (let round = 0; round < rounds; round += 1) {
      for (const side of round % 2 === 0 ? (['ours', 'reference'] as const) : (['reference', 'ours'] as const)) {
        await using target = await openTarget({
          parts,
          registry,
          reference,
          version: seed.version,
          config: { precacheDisabled: true },
        });
        await writeDisk(target);
        const one = side === 'ours' ? await fillAsOurs(target) : await fillAsReference(target, seed, reference);
        filled[side].push(one);
        say(
          `seed ${name}, ${side}: ${one.cost.seconds.toFixed(1)} s, of the processors ${one.cost.cpuSeconds.toFixed(1)} s (${[...one.phases].map(([phase, seconds]) => `${phase} ${seconds.toFixed(1)}`).join(', ')}); load ${(await machineLoad()).toFixed(1)}`,
        );
      }
    }
    const of = (key: keyof Cost): { ours: number; reference: number } => ({
      ours: median(filled.ours.map(({ cost }) => cost[key])),
      reference: median(filled.reference.map(({ cost }) => cost[key])),
    });
    const inMB = (key: keyof Cost): { ours: number; reference: number } => ({
      ours: of(key).ours / MB,
      reference: of(key).reference / MB,
    });
    const layer = seed.image.layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / MB;
    const label = `seed ${name} (${layer.toFixed(0)} MB packed)`;
    rows.push(
      { what: `${label}: deployed stateroot`, ...of('seconds'), unit: 's', ...(name === '1×' ? { limit: 0.4 } : {}) },
      { what: `${label}: time of the processors`, ...of('cpuSeconds'), unit: 's' },
      { what: `${label}: peak RAM`, ...inMB('peakRamBytes'), unit: 'MB' },
      { what: `${label}: written to the disk`, ...inMB('writtenBytes'), unit: 'MB' },
    );
  }
  return rows;
}
