import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { judgeMissing } from '../cluster/apiserver/build.ts';
import { randomFrom } from '../random.ts';
import type { Api } from './api.ts';
import { judgeFinished } from './judge.ts';
import { leaseFor, lbExtKubeconfig, openFirstBootLab, unit, type Host } from './lab.ts';
import { finished, type Stage } from './scenario.ts';
import { siteFor, type Site } from './site.ts';

/**
 * Killed at any moment, alone or with the power of the whole host, `post-pivot` ends in the same host. What is the same in two undisturbed runs
 * (files by their digests, objects by kind and name, keys of etcd) must be the same after any number of kills; what is made anew each time
 * (keys, certificates, tokens) is judged by its use. The seed is printed and may be given as SNO_IBI_KILL_SEED to see a failure again.
 */
const seed = Number(process.env['SNO_IBI_KILL_SEED'] ?? Date.now() % 1e6);
const wantedKills = Number(process.env['SNO_IBI_KILLS'] ?? 60);
const killsInARow = 5;

const skip = await judgeMissing();
const program = { checkout: new URL('../..', import.meta.url).pathname.replace(/\/$/, '') };

/** A host as it stands when it is finished. */
type Outcome = {
  /** Digests of files by path. */
  readonly files: ReadonlyMap<string, string>;
  /** Objects of the API: kind, namespace and name. */
  readonly objects: Set<string>;
};

/** Kinds whose objects the cluster makes as it runs, by itself and as often as it likes. */
const ofTheMoment = /^(events|leases|certificatesigningrequests|endpointslices|endpoints|pods|nodes)$/;

type Resources = { resources: { name: string; namespaced: boolean; verbs: string[] }[] };
type Groups = { groups: { preferredVersion: { groupVersion: string } }[] };
type List = { items: { metadata: { name: string; namespace?: string } }[] };

async function objectsOf(api: Api): Promise<Set<string>> {
  const { groups } = await api.get<Groups>('/apis');
  const roots = ['/api/v1', ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const found = new Set<string>();
  for (const root of roots) {
    const { status, body } = await api.ask('GET', root);
    if (status !== 200) continue; // an aggregated API without its server
    const { resources } = body as Resources;
    for (const { name, verbs } of resources) {
      if (name.includes('/') || !verbs.includes('list') || ofTheMoment.test(name)) continue;
      for (const { metadata } of (await api.get<List>(`${root}/${name}`)).items)
        found.add(`${root}/${name} ${metadata.namespace ?? ''}/${metadata.name}`);
    }
  }
  return found;
}

async function outcomeOf({ host, site }: Stage): Promise<Outcome> {
  const ip = await host.ask('cat', '/run/nodeip-configuration/primary-ip');
  const objects = await objectsOf(await host.api(site.kubeconfig, ip));
  const files = await host.hashes('/etc', '/var');
  return { files, objects };
}

async function withHost<T>(site: Site, use: (stage: Stage) => Promise<T>, say: (line: string) => void): Promise<T> {
  await using host = await openFirstBootLab({ seed: 'small', program, lease: leaseFor(site.identity.ips) }, say);
  return await use({ host, site, say, seedKubeconfig: (await host.file(lbExtKubeconfig)) ?? '' });
}

/** What a program or a boot leaves that says when it was, or that it was more than once. */
const tellsOfTime =
  /^\/var\/(lib\/(lca|recert|systemd|dbus|private|NetworkManager|chrony|kubelet\/(pki\/kubelet-(server|client)-\d|pods|plugins|device-plugins|cpu_manager|memory_manager|allocated))|log|spool|home\/core\/\.ssh$)|^\/etc\/(machine-id|\.updated|cni\/net\.d\/cni\.lock)/;

const stepsIn = (journal: string): string[] => [
  ...new Set([...journal.matchAll(/step \d+\/\d+ ([a-z-]+): /g)].map(([, name = '']) => name)),
];

/** Kills the program, or the whole host, at a moment of an undisturbed run's time. Returns the step that it hit; undefined when it was too late. */
async function killOnce(host: Host, random: () => number, wholeMs: number): Promise<string | undefined> {
  await sleep(random() * wholeMs);
  if ((await host.ask('systemctl', 'is-enabled', unit)) === 'disabled') return undefined;
  const step = stepsIn(await host.journal(unit)).at(-1) ?? 'before its first step';
  if (random() < 0.5) {
    await host.kill();
    await host.boot();
    return `${step} (power)`;
  }
  await host.run('systemctl', ['kill', '--kill-whom=main', '--signal=KILL', unit], { accept: 'any' });
  return step;
}

await test(
  `${wantedKills} random kill points converge to the host of an undisturbed run (seed ${seed})`,
  { skip },
  async (t) => {
    const say = (line: string): void => {
      t.comment(line);
    };
    const random = randomFrom(seed);
    const site = await siteFor();
    let wholeMs = 0;
    const undisturbed = (): Promise<Outcome> =>
      withHost(
        site,
        async (stage) => {
          await stage.host.insertMedium(site.files);
          await stage.host.boot();
          const began = performance.now();
          await finished(stage);
          wholeMs = performance.now() - began;
          assert.deepEqual(await judgeFinished(stage), []);
          return await outcomeOf(stage);
        },
        say,
      );
    const [one, other] = [await undisturbed(), await undisturbed()];
    const stable = new Map(
      [...one.files].filter(([path, digest]) => other.files.get(path) === digest && !tellsOfTime.test(path)),
    );
    assert.ok(stable.size > 500, `only ${stable.size} files are the same in two undisturbed runs`);
    const wanted = [...one.objects].filter((name) => other.objects.has(name));
    say(`${stable.size} files and ${wanted.length} objects are the same in two undisturbed runs`);

    const hits = new Map<string, number>();
    for (let kills = 0; kills < wantedKills;) {
      const story: string[] = [];
      await withHost(
        site,
        async (stage) => {
          const { host } = stage;
          await host.insertMedium(site.files);
          await host.boot();
          while (story.length < killsInARow && kills < wantedKills) {
            const hit = await killOnce(host, random, wholeMs);
            if (hit === undefined) break;
            kills += 1;
            story.push(hit);
            hits.set(hit.replace(' (power)', ''), (hits.get(hit.replace(' (power)', '')) ?? 0) + 1);
          }
          await finished(stage);
          assert.deepEqual(await judgeFinished(stage), [], story.join(', '));
          const { files, objects: here } = await outcomeOf(stage);
          // Some of them come by themselves, a while after the API.
          await host.waitFor('the objects of an undisturbed run', async () => {
            const missing = wanted.filter((name) => !here.has(name));
            if (missing.length > 0) for (const name of (await outcomeOf(stage)).objects) here.add(name);
            return missing.length === 0;
          });
          const changed = [...stable].flatMap(([path, digest]) => (files.get(path) === digest ? [] : [path]));
          const more = [...files.keys()].filter(
            (path) => !one.files.has(path) && !other.files.has(path) && !tellsOfTime.test(path),
          );
          assert.deepEqual({ changed, more }, { changed: [], more: [] }, `killed in ${story.join(', ')}`);
          assert.deepEqual(
            [...here].filter((name) => !one.objects.has(name) && !other.objects.has(name)),
            [],
            `killed in ${story.join(', ')}`,
          );
        },
        () => undefined,
      );
      say(`${kills} of ${wantedKills}: ${story.join(', ') || 'too late'}`);
      if (story.length === 0) wholeMs *= 0.8;
    }
    say(`killed in: ${[...hits].map(([step, count]) => `${step} ${count}`).join(', ')}`);
  },
);
