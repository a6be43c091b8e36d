import { spawn } from 'node:child_process';
import { generateKeyPair } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { eachOf } from '../internal/host/each-of.ts';
import { usualNeed } from '../internal/recert/keys/key-pool.ts';
import { makeCluster, type Cluster } from '../test/cluster/cluster.ts';
import { configFor } from '../test/cluster/configuration.ts';
import { targetIdentity } from '../test/cluster/identities.ts';
import type { Size } from '../test/cluster/fixture.ts';
import type { Say } from '../test/vm/artefacts/cache.ts';
import { productExecutable } from './product.ts';
import { median, type Row } from './row.ts';

/** What one run of `recert` took. Seconds; `keys` is from the start of the renewal to its last key, and overlaps the scan. */
type Measured = {
  readonly wall: number;
  readonly keys: number;
  readonly rename: number;
  readonly commit: number;
  readonly peakMegabytes: number;
  readonly cpu: number;
};

/**
 * The renewal of the generated clusters by the executable, as a person starts it: 131 pairs in 2,800 keys of etcd, and ten times of
 * everything. A dry run shows what is not the commit. Runs on one cluster follow each other: the second renews what the first made.
 */
export async function benchRecert(say: Say): Promise<Row[]> {
  const program = await recertExecutable();
  const full = await runsOf(program, 'full', 3, say);
  const large = process.env['BENCH_SIZES'] === '1×' ? undefined : await runsOf(program, 'large', 1, say);
  const [renamed, largeRenamed] = [
    await renamesOf(program, 'full', 3, say),
    large === undefined ? undefined : await renamesOf(program, 'large', 1, say),
  ];
  const rest = ({ wall, keys }: Measured): number => wall - keys;
  const alone = await keysAlone();
  return [
    { what: `recert: its keys alone (${usualNeed.length} RSA pairs, both processors)`, ours: alone, unit: 's' },
    { what: 'recert, 131 pairs: whole run', ours: full.run.wall, unit: 's', limit: 6 },
    { what: 'recert, 131 pairs: until the last key', ours: full.run.keys, unit: 's' },
    { what: 'recert, 131 pairs: commit', ours: full.run.commit, unit: 's' },
    { what: 'recert, 131 pairs: time of the processors', ours: full.run.cpu, unit: 's' },
    { what: 'recert, 131 pairs: peak RAM', ours: full.run.peakMegabytes, unit: 'MB', limit: 300 },
    { what: 'recert, 131 pairs: dry run less its keys', ours: rest(full.dry), unit: 's', limit: 2 },
    { what: 'recert with a new identity, 131 pairs: whole run', ours: renamed.wall, unit: 's', limit: 8 },
    {
      what: 'recert with a new identity, 131 pairs: whole run less the keys alone',
      ours: renamed.wall - alone,
      unit: 's',
    },
    { what: 'recert with a new identity, 131 pairs: until the last key', ours: renamed.keys, unit: 's' },
    { what: 'recert with a new identity, 131 pairs: rename', ours: renamed.rename, unit: 's' },
    { what: 'recert with a new identity, 131 pairs: commit', ours: renamed.commit, unit: 's' },
    { what: 'recert with a new identity, 131 pairs: peak RAM', ours: renamed.peakMegabytes, unit: 'MB', limit: 350 },
    ...(large === undefined || largeRenamed === undefined
      ? []
      : ([
          { what: 'recert, 10×: whole run', ours: large.run.wall, unit: 's' },
          { what: 'recert, 10×: until the last key', ours: large.run.keys, unit: 's' },
          { what: 'recert, 10×: peak RAM', ours: large.run.peakMegabytes, unit: 'MB' },
          {
            what: 'recert, 10×: run less keys, against 1×',
            ours: rest(large.run) / rest(full.run),
            unit: '×',
            limit: 10,
          },
          {
            what: 'recert with a new identity, 10×: rename and commit',
            ours: largeRenamed.rename + largeRenamed.commit,
            unit: 's',
          },
          { what: 'recert with a new identity, 10×: peak RAM', ours: largeRenamed.peakMegabytes, unit: 'MB' },
          {
            what: 'recert with a new identity, 10×: run less keys, against 1×',
            ours: rest(largeRenamed) / rest(renamed),
            unit: '×',
            limit: 10,
          },
        ] as const)),
  ];
}

async function runsOf(program: string, size: Size, times: number, say: Say): Promise<{ run: Measured; dry: Measured }> {
  await using cluster = await makeCluster({ size }, say);
  const [runs, dries]: [Measured[], Measured[]] = [[], []];
  for (let at = 1; at <= times; at += 1) {
    dries.push(await measured(program, cluster, { dry_run: true }));
    runs.push(await measured(program, cluster, { extend_expiration: true }));
    const last = runs.at(-1);
    say(
      `recert ${size}: run ${at} of ${times} took ${last?.wall.toFixed(1) ?? ''} s, of which ${last?.keys.toFixed(1) ?? ''} s until the last key`,
    );
  }
  return { run: middle(runs), dry: middle(dries) };
}

/** Both halves at once: every option, on a seed of its own each time. */
async function renamesOf(program: string, size: Size, times: number, say: Say): Promise<Measured> {
  const runs: Measured[] = [];
  for (let at = 1; at <= times; at += 1) {
    await using cluster = await makeCluster({ size }, say);
    const run = await measured(program, cluster, {
      ...configFor(cluster, cluster.seed, targetIdentity()),
      extend_expiration: true,
    });
    say(
      `recert ${size} with a new identity: run ${at} of ${times} took ${run.wall.toFixed(1)} s, of which ${run.keys.toFixed(1)} s until the last key, ${run.rename.toFixed(1)} s rename, ${run.commit.toFixed(1)} s commit; ${run.peakMegabytes.toFixed(0)} MB`,
    );
    runs.push(run);
  }
  return middle(runs);
}

/** What nobody can do without, and what shows how fast this machine is just now: the keys that a cluster usually needs, and nothing else. */
export async function keysAlone(): Promise<number> {
  const make = promisify(generateKeyPair);
  const began = performance.now();
  await eachOf(usualNeed, availableParallelism(), async (shape) => {
    if (shape.type === 'rsa') await make('rsa', { modulusLength: shape.bits, publicExponent: 0x10001 });
  });
  return (performance.now() - began) / 1000;
}

function middle(of: readonly Measured[]): Measured {
  const one = (key: keyof Measured): number => median(of.map((run) => run[key]));
  return {
    wall: one('wall'),
    keys: one('keys'),
    rename: one('rename'),
    commit: one('commit'),
    peakMegabytes: one('peakMegabytes'),
    cpu: one('cpu'),
  };
}

type Told = { readonly timings: { readonly keysMs: number; readonly renameMs: number; readonly commitMs: number } };

async function measured(program: string, { config, folder }: Cluster, more: object): Promise<Measured> {
  const file = join(folder, 'recert.json');
  await writeFile(
    file,
    JSON.stringify({
      ...config,
      cluster_customization_dirs: config.crypto_dirs,
      state_dir: join(folder, 'state'),
      ...more,
    }),
  );
  const began = performance.now();
  const child = spawn(program, ['run', '--json'], {
    argv0: 'recert',
    env: { PATH: process.env['PATH'], RECERT_CONFIG: file },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [told, talk] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    talk += chunk.toString();
  });
  // The kernel keeps the peak; what must not be missed is only the last look before the end.
  let [peakMegabytes, cpu] = [0, 0];
  const timer = setInterval(() => {
    const seen = lookAt(child.pid ?? 0);
    peakMegabytes = Math.max(peakMegabytes, seen.peakMegabytes);
    cpu = Math.max(cpu, seen.cpu);
  }, 20);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  clearInterval(timer);
  if (status !== 0) throw new Error(`recert ended with ${String(status)}:\n${talk}`);
  const { timings } = JSON.parse(told) as Told;
  return {
    wall: (performance.now() - began) / 1000,
    keys: timings.keysMs / 1000,
    rename: timings.renameMs / 1000,
    commit: timings.commitMs / 1000,
    peakMegabytes,
    cpu,
  };
}

/** Peak of resident memory and time of the processors of a process with its threads; zero when it is gone. */
function lookAt(pid: number): { peakMegabytes: number; cpu: number } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const ticksPerSecond = 100;
    return {
      peakMegabytes:
        (Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024) / 1e6,
      cpu: (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond,
    };
  } catch {
    return { peakMegabytes: 0, cpu: 0 };
  }
}

/** The executable under its name as `recert`: it looks at the name. */
async function recertExecutable(): Promise<string> {
  const program = await productExecutable();
  const named = join(dirname(program), 'recert');
  await rm(named, { force: true });
  await link(program, named);
  return named;
}
