import type { Say } from '../vm/artefacts/cache.ts';
import type { SeedOptions } from './artefacts/seed.ts';
import type { Program } from './host.ts';
import type { Asked } from './asked.ts';
import { judgeFinished, type Judged } from './judge.ts';
import { leaseFor, lbExtKubeconfig, openFirstBootLab, unit, type Host, type Lease } from './lab.ts';
import { siteFor, type Site, type SiteChanges } from './site.ts';

/** One difference from the baseline: a small seed of one IPv4 address, a site of other names, the medium attached when the power comes. */
export type Scenario = {
  readonly name: string;
  /** What differs, and what that proves. */
  readonly says: string;
  readonly seed?: Partial<SeedOptions>;
  readonly site?: SiteChanges;
  /** What DHCP offers at the site. Default: the site's addresses. */
  readonly lease?: Lease;
  /** The name that DHCP gives. */
  readonly hostname?: string;
  /** Before the power comes. */
  readonly prepare?: (stage: Stage) => Promise<void>;
  /** From the power on to the finished host. Default: the medium is attached, the host boots, post-pivot finishes. */
  readonly story?: (stage: Stage) => Promise<void>;
  /** After the baseline's judgement. Returns what is wrong. */
  readonly judge?: (stage: Stage) => Promise<readonly string[]> | readonly string[];
};

export type Stage = Judged & { readonly host: Host; readonly say: Say };

/** Plays a scenario to its last judgement; throws with all that is wrong. */
export async function playScenario(scenario: Scenario, program: Program, say: Say, signal: AbortSignal): Promise<void> {
  const site = await siteFor({ ...scenario.site, ...stackOf(scenario) });
  await using host = await openFirstBootLab(
    {
      seed: { size: 'small', ...scenario.seed },
      program,
      signal,
      lease: scenario.lease ?? leaseFor(site.identity.ips),
      ...(scenario.hostname === undefined ? {} : { hostname: scenario.hostname }),
    },
    say,
  );
  const stage: Stage = { host, site, say, seedKubeconfig: (await host.file(lbExtKubeconfig)) ?? '' };
  await scenario.prepare?.(stage);
  await (scenario.story ?? straight)(stage);
  const wrong = [...(await judgeFinished(stage)), ...((await scenario.judge?.(stage)) ?? [])];
  if (wrong.length > 0)
    throw new Error(`${wrong.length} things are wrong:\n${wrong.map((line) => `  - ${line}`).join('\n')}`);
}

const stackOf = ({ seed, site }: Scenario): Pick<SiteChanges, 'stack'> => {
  const stack = site?.stack ?? seed?.stack;
  return stack === undefined ? {} : { stack };
};

async function straight(stage: Stage): Promise<void> {
  await stage.host.insertMedium(stage.site.files);
  await stage.host.boot();
  await finished(stage);
}

/** Waits until post-pivot has switched itself off, and says when it started kubelet and when it was done. Given up: it fails and is not started again. */
export async function finished({ host, say }: { host: Asked; say: Say }): Promise<void> {
  const unless = async (): Promise<void> => {
    if ((await host.ask('systemctl', 'is-failed', unit)) === 'failed')
      throw new Error('post-pivot has failed for good');
  };
  await host.waitFor('kubelet to be started', async () => {
    await unless();
    return (await host.ask('systemctl', 'is-active', 'kubelet')) === 'active';
  });
  say('kubelet runs');
  await host.waitFor('post-pivot to finish', async () => {
    await unless();
    const [enabled, active] = [
      await host.ask('systemctl', 'is-enabled', unit),
      await host.ask('systemctl', 'is-active', unit),
    ];
    return enabled === 'disabled' && active === 'inactive';
  });
  say('post-pivot has finished');
}

/** Boots with a medium that has to be refused, shows that nothing but access has changed, then puts the good one in its place. */
export function refusedThenGood(bad: (site: Site) => Site['files'], says: RegExp): (stage: Stage) => Promise<void> {
  return async (stage) => {
    const { host, site, say } = stage;
    const before = await host.hashes();
    await host.insertMedium(bad(site));
    await host.boot();
    await host.waitFor(`a refusal that says ${String(says)}`, async () => says.test(await host.journal(unit)));
    say('refused');
    await hostIsAsBefore(host, before);
    await host.removeMedium();
    await host.insertMedium(site.files);
    await finished(stage);
  };
}

/** What may change before the check: how people get in, what was copied, and what a boot writes by itself. */
const mayChange = [
  /^\/var\/opt\/openshift\//,
  /^\/var\/home\/core\/\.ssh\//,
  /^\/var\/lib\/kubelet\/config\.json$/,
  /^\/var\/lib\/(ibi|post-pivot|systemd|dbus|cni|kubelet\/(?!pki))/,
  /^\/etc\/(machine-id|resolv\.conf|cni\/net\.d\/cni\.lock|\.updated|\.pwd\.lock|dnsmasq\.d\/|systemd\/system\/kubelet\.service\.d\/)/,
  /^\/var\/(\.updated|lock|run)$/,
];

async function hostIsAsBefore(host: Host, before: ReadonlyMap<string, string>): Promise<void> {
  const now = await host.hashes();
  const changed = [...new Set([...before.keys(), ...now.keys()])].filter(
    (path) => before.get(path) !== now.get(path) && !mayChange.some((one) => one.test(path)),
  );
  if (changed.length > 0) throw new Error(`refused, and yet changed:\n${changed.slice(0, 20).join('\n')}`);
}
