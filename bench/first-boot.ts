import { setTimeout as sleep } from 'node:timers/promises';
import { leaseFor, openFirstBootLab, unit, type Host } from '../test/first-boot/lab.ts';
import { siteFor } from '../test/first-boot/site.ts';
import type { Say } from '../test/vm/artefacts/cache.ts';
import { productExecutable } from './product.ts';
import { keysAlone } from './recert.ts';
import { median, type Row } from './row.ts';

/** A first boot: seconds, and megabytes of the program. */
type Measured = {
  /** From the moment in which the medium is there until kubelet is started. */
  readonly toKubelet: number;
  /** Steps of the program that wait for nobody and renew nothing. */
  readonly own: number;
  readonly reaction: number;
  readonly peakMegabytes: number;
};

const times = 3;

/** How long the medium is away in the second story. Keys are made by then. */
const laterMs = 60_000;

/**
 * `post-pivot` as systemd starts it, on a host in nspawn with the cluster of 131 pairs: with the medium there when the program begins, and a minute
 * later.
 */
export async function benchFirstBoot(say: Say): Promise<Row[]> {
  const executable = await productExecutable();
  const [atOnce, later, keys]: [Measured[], Measured[], number[]] = [[], [], []];
  for (let at = 1; at <= times; at += 1) {
    keys.push(await keysAlone());
    atOnce.push(await firstBoot(executable, 0, say));
    later.push(await firstBoot(executable, laterMs, say));
  }
  const middle = (of: readonly Measured[], key: keyof Measured): number => median(of.map((one) => one[key]));
  return [
    {
      what: 'first boot, 131 pairs: medium to kubelet, medium there at once, against its keys alone',
      ours: middle(atOnce, 'toKubelet'),
      reference: median(keys),
      unit: 's',
      limit: 1.5,
    },
    {
      what: 'first boot, 131 pairs: medium to kubelet, medium a minute later',
      ours: middle(later, 'toKubelet'),
      unit: 's',
      limit: 5,
    },
    { what: 'first boot: own time of a whole run', ours: middle([...atOnce, ...later], 'own'), unit: 's', limit: 3 },
    { what: 'first boot: a medium is seen after', ours: middle(later, 'reaction'), unit: 's', limit: 1.5 },
    { what: 'first boot: peak RAM', ours: middle([...atOnce, ...later], 'peakMegabytes'), unit: 'MB', limit: 350 },
  ];
}

type Run = {
  readonly startedAt: string;
  readonly steps: readonly { readonly step: string; readonly startMs: number; readonly durationMs: number }[];
};

/** Steps whose time is another's: people, the network, recert, the cluster. */
const waits = new Set(['take-site', 'node-address', 'renew-identity', 'start-kubelet', 'wait-for-api']);

async function firstBoot(executable: string, waitMs: number, say: Say): Promise<Measured> {
  const site = await siteFor();
  await using host = await openFirstBootLab({
    seed: 'full',
    program: { executable },
    lease: leaseFor(site.identity.ips),
  });
  if (waitMs === 0) await host.insertMedium(site.files);
  await host.boot();
  if (waitMs > 0) await sleep(waitMs);
  const inserted = Date.now();
  if (waitMs > 0) await host.insertMedium(site.files);
  let peakMegabytes = 0;
  await host.waitFor('finished in', async () => {
    const pid = await host.ask('systemctl', 'show', '--property', 'MainPID', '--value', unit);
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(await host.ask('cat', `/proc/${pid}/status`))?.[1];
    peakMegabytes = Math.max(peakMegabytes, (Number(peak ?? 0) * 1024) / 1e6);
    return (await host.journal(unit)).includes('finished in');
  });
  const run = await lastRun(host);
  const began = Date.parse(run.startedAt);
  const endOf = (name: string): number => {
    const step = run.steps.find((one) => one.step === name);
    if (step === undefined) throw new Error(`the run has no step "${name}"`);
    return began + step.startMs + step.durationMs;
  };
  const present = waitMs === 0 ? began : inserted;
  const measured = {
    toKubelet: (endOf('start-kubelet') - present) / 1000,
    own: run.steps.filter(({ step }) => !waits.has(step)).reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000,
    reaction: (endOf('take-site') - present) / 1000,
    peakMegabytes,
  };
  say(
    `first boot, medium ${waitMs === 0 ? 'at once' : 'a minute later'}: ${measured.toKubelet.toFixed(1)} s to kubelet, of its own ${measured.own.toFixed(1)} s, ${measured.peakMegabytes.toFixed(0)} MB; ${run.steps.map(({ step, durationMs }) => `${step} ${(durationMs / 1000).toFixed(1)}`).join(', ')}`,
  );
  return measured;
}

async function lastRun(host: Host): Promise<Run> {
  const { runs } = JSON.parse((await host.file('/var/lib/lca/post-pivot/journal.json')) ?? '{}') as { runs: Run[] };
  const run = runs.at(-1);
  if (run === undefined) throw new Error('the program has kept no run');
  return run;
}
