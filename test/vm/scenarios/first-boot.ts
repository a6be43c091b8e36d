import { bootInMachine } from '../../first-boot/machine.ts';
import { judgeFinished } from '../../first-boot/judge.ts';
import { leaseFor, lbExtKubeconfig } from '../../first-boot/lab.ts';
import { finished } from '../../first-boot/scenario.ts';
import { siteFor } from '../../first-boot/site.ts';
import { assertBaseline } from '../baseline.ts';
import { proveRunning, type Proof } from '../proof.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

/** The demo's story without a container: post-pivot, podman, kubelet and the cluster run in emulation, on the installed kernel with real udev. */
export const firstBoot: Scenario = {
  name: 'first-boot',
  says: 'a real cluster is installed, gets a config ISO while it runs, and answers under its own name',
  cluster: { size: 'small' },
  boot: { by: 'bios' },
  prove,
};

async function prove(stage: Stage): Promise<Proof> {
  const { say } = stage;
  const site = await siteFor();
  const told = ({ text }: { text: string }): void => {
    const step = /\bpost-pivot: step (\d+\/\d+ [a-z-]+)/.exec(text)?.[1];
    if (step !== undefined) say(step);
  };
  await using host = await bootInMachine(stage, {
    name: 'first-boot',
    lease: leaseFor(site.identity.ips),
    onLine: told,
  });
  const seedKubeconfig = (await host.file(lbExtKubeconfig)) ?? '';
  await host.waitFor('waiting for a config medium');
  say('post-pivot waits for its medium');
  const proof = await proveRunning(stage, 'bios', host);
  assertBaseline(stage, proof);
  await host.insertMedium(site.files);
  await finished({ host, say });
  const wrong = await judgeFinished({ host, site, seedKubeconfig });
  if (wrong.length > 0) throw new Error(['the finished host is not what it should be:', ...wrong].join('\n  '));
  say('judged');
  await host.powerOff();
  return { ...proof, console: host.console() };
}
