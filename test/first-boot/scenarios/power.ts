import { unit } from '../lab.ts';
import { finished, type Scenario, type Stage } from '../scenario.ts';

/** Steps that post-pivot has announced in this boot, by name in their order. */
async function stepsOf({ host }: Stage): Promise<string[]> {
  const lines = (await host.journal(unit)).matchAll(/step \d+\/\d+ ([a-z-]+)/g);
  return [...new Set([...lines].map(([, name = '']) => name))];
}

/** The power goes whenever a step is first seen, until all have been. */
async function cutAtEachStep(stage: Stage): Promise<void> {
  const { host, site, say } = stage;
  await host.insertMedium(site.files);
  const cut = new Set<string>();
  for (;;) {
    await host.boot();
    const seen: string[] = [];
    await host.waitFor('another step', async () => {
      seen.push(...(await stepsOf(stage)).filter((name) => !cut.has(name)).slice(0, 1));
      return seen.length > 0 || (await host.ask('systemctl', 'is-enabled', unit)) === 'disabled';
    });
    const [next] = seen;
    if (next === undefined) break;
    cut.add(next);
    say(`the power goes at "${next}"`);
    await host.kill();
  }
  await finished(stage);
}

export const powerCuts: Scenario = {
  name: 'power-cuts',
  says: 'the power goes at the beginning of every step',
  story: cutAtEachStep,
};

export const rebootWhileWaiting: Scenario = {
  name: 'reboot-while-waiting',
  says: 'the host is switched off in order while it waits for its medium',
  async story(stage) {
    const { host, site } = stage;
    await host.boot();
    await host.waitFor('step 1/');
    await host.powerOff();
    await host.boot();
    await host.insertMedium(site.files);
    await finished(stage);
  },
};

export const runTwice: Scenario = {
  name: 'run-twice',
  says: 'a finished host is told to run once more, with the medium still attached',
  async story(stage) {
    const { host, site } = stage;
    await host.insertMedium(site.files);
    await host.boot();
    await finished(stage);
    const before = await host.hashes('/etc');
    await host.run('systemctl', ['start', unit]);
    const after = await host.hashes('/etc');
    const changed = [...after].filter(([path, digest]) => before.get(path) !== digest).map(([path]) => path);
    if (changed.length > 0) throw new Error(`the second run has changed ${changed.join(', ')}`);
    await host.kill();
    await host.boot();
    await finished(stage);
  },
};
