import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SeedOptions } from '../first-boot/artefacts/seed.ts';
import { openInstalledDisk } from '../first-boot/installed.ts';
import { judgeFinished } from '../first-boot/judge.ts';
import { lbExtKubeconfig, leaseFor, openHost, unit, type Host, type Lease } from '../first-boot/lab.ts';
import { finished } from '../first-boot/scenario.ts';
import { clusterSeed } from '../first-boot/seed-image.ts';
import { siteFor, type Site } from '../first-boot/site.ts';
import { assertBaseline, assertInstalled, assertNoCanary } from './baseline.ts';
import { identityOf } from '../cluster/cluster.ts';
import { bootInMachine } from '../first-boot/machine.ts';
import { install, isoOf, type Installation } from './live-boot.ts';
import { proveRunning, type Proof } from './proof.ts';
import type { Line } from './qemu.ts';
import { sweep } from './resources.ts';
import { sectionOf } from './sections.ts';
import { openStage, resultsRoot, type Stage } from './stage.ts';
import { openStory, type Story } from './story.ts';

/** `npm run demo`: the whole story once, for a person who watches. */

const introduction = `
From a blank disk to a cluster under its own name, in miniature, without KVM:

  1. parts       a seed image of a small real cluster (etcd, API server,
                 kubelet) in a registry with TLS and a password; a live ISO
                 (made once, then kept)
  2. install     a virtual machine boots the ISO with BIOS firmware; a unit
                 starts ibi, which writes a blank disk from the seed
  3. reboot      the machine boots that disk and proves what it is; what it
                 writes is forgotten
  4. first boot  that very disk in systemd-nspawn, at native speed: post-pivot
                 waits; a config ISO is plugged in; the cluster gets its keys,
                 names and addresses, and starts
  5. judgement   asked from outside, with the kubeconfig of the site
  6. timeline    where the time went

All of it stays in ~/.cache/sno-ibi and /tmp. The first time takes up to a
quarter of an hour, later ones three to five minutes.
`;

const seed: SeedOptions = { size: 'small' };

type Stop = {
  readonly signal: AbortSignal;
  /** What cannot be told of the signal is left alone when it comes: the resources that it stands on are given back. */
  orStopped<T>(work: Promise<T>): Promise<T>;
};

async function main(story: Story, { signal, orStopped }: Stop): Promise<void> {
  const { say, title } = story;
  await sweep();

  title('Parts', '1. Parts');
  const { options, cluster } = await orStopped(clusterSeed(seed, say));
  await using stage = await openStage({ name: 'demo', os: 'slim', seed: options, cluster, say, signal });
  await isoOf(stage);
  say(`seed image ${stage.seedReference}, ${String(stage.images.length)} images in its list`);

  title('Install', '2. Install: live ISO, BIOS, blank disk of 8 GiB');
  const mute = { ...stage, say: () => undefined }; // the console itself is shown
  const installation = await install(mute, { name: 'live', by: 'bios', onLine: narrateInstallation(story) });
  assertInstalled(installation);

  const site = await siteFor();
  const lease = leaseFor(site.identity.ips);
  title('Reboot', '3. Reboot: BIOS, the disk as it is');
  const proof = await proveBoot(stage, lease, story);

  title('First boot', '4. First boot of that disk, and a config ISO while it runs');
  const open = (scope: AsyncDisposableStack): ReturnType<typeof openInstalledDisk> =>
    openInstalledDisk(stage.target, stage.seed.stateroot, scope, say);
  await using host = await openHost(open, { seed: identityOf(seed), lease, signal });
  const seedKubeconfig = (await host.file(lbExtKubeconfig)) ?? '';
  await orStopped(host.boot());
  using _narrator = narrateJournal(story, host);
  await host.waitFor('waiting for a config medium');
  const medium = await host.insertMedium(site.files);
  say(`${medium.name} with the label "${medium.label}" is plugged in`);
  await finished({ host, say: () => undefined });

  title('Judgement', '5. Judgement');
  await orStopped(judged({ host, site, seedKubeconfig, story }));
  await host.powerOff();
  await assertNoCanary(stage, { installations: [installation], proof });
  say(`✔ none of ${String(stage.canaries.length)} planted secrets on a console, in a journal or anywhere on the disk`);

  title('Timeline', '6. Timeline of the installation');
  await drawn(stage, installation, story);
}

/** Firmware, boot loader, kernel and real udev; what is written to the disk is forgotten, so that the next boot is its first one again. */
async function proveBoot(stage: Stage, lease: Lease, { say, glimpse }: Story): Promise<Proof> {
  const onLine = ({ text }: Line): void => {
    if (/LAB-INITRD /.test(text)) glimpse('the kernel runs');
    else if (/LAB-READY /.test(text)) glimpse('multi-user.target is reached');
  };
  await using machine = await bootInMachine(stage, { name: 'reboot', lease, snapshot: true, onLine });
  await machine.waitFor('waiting for a config medium');
  const proof = await proveRunning(stage, 'bios', machine);
  assertBaseline(stage, proof);
  for (const line of factsOf(stage, proof)) say(line);
  return proof;
}

type Told = { host: Host; site: Site; seedKubeconfig: string; story: Story };

async function judged({ host, site, seedKubeconfig, story: { say } }: Told): Promise<void> {
  const stage = { host, site, seedKubeconfig, say: () => undefined };
  const wrong = await judgeFinished(stage, (says) => {
    say(`✔ ${says}`);
  });
  if (wrong.length > 0) throw new Error(['the finished host is not what it should be:', ...wrong].join('\n  '));
}

/** What a person at the console of the machine would read: firmware to kernel in two words, then ibi's own lines. */
function narrateInstallation({ glimpse }: Story): (line: Line) => void {
  return ({ text }) => {
    const ibi = /install-rhcos-and-restore-seed\.sh\[\d+\]: (.*)$/.exec(text)?.[1];
    if (ibi !== undefined) glimpse(ibi.replace(/^ibi: /, ''));
    else if (/LAB-INITRD /.test(text)) glimpse('the kernel runs');
    else if (/LAB-IGNITION /.test(text)) glimpse('Ignition has applied the document of the ISO');
  };
}

/** post-pivot's own lines, as its journal grows. */
function narrateJournal({ glimpse }: Story, host: Host): Disposable {
  let told = 0;
  let asking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    if (!host.isOn()) return;
    const lines = (await host.journal(unit)).split('\n').filter((line) => line.startsWith('post-pivot: '));
    for (const line of lines.slice(told)) glimpse(line.replace(/^post-pivot: /, ''));
    told = Math.max(told, lines.length);
  };
  const timer = setInterval(() => {
    asking ??= look()
      .catch(() => undefined) // it is being switched off
      .finally(() => {
        asking = undefined;
      });
  }, 500);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
    },
  };
}

async function drawn(stage: Stage, { sections }: Installation, { write }: Story): Promise<void> {
  write(`${sectionOf(sections, 'timeline')}\n`);
  const drawing = join(stage.logs, 'timeline.svg');
  await writeFile(drawing, `${sectionOf(sections, 'timeline.svg')}\n`);
  write(`\ndrawn: ${drawing}\nconsoles, journals, answers: ${stage.logs}\n`);
}

function factsOf({ seed: { kernelArguments }, images }: Stage, { sections }: Proof): string[] {
  const told = (name: string): string => sectionOf(sections, name);
  return [
    `deployment    ${told('status').split('\n')[0] ?? ''}`,
    `stateroots    ${told('stateroots').replaceAll('\n', ' ')}: the stock OS is gone`,
    `arguments     ${kernelArguments.join(' ')}`,
    `markers       ${told('markers').replaceAll('\n', ', ')}`,
    `images        ${String(images.length)} of ${String(images.length)} of the seed's list are in the store:`,
    ...images.map((image) => `              ${image}`),
    'failed units  none',
    'post-pivot    runs, and waits for a config medium',
  ];
}

const stop = new AbortController();
const stopped = new Promise<never>((_, reject) => {
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => {
      const error = new Error(`stopped by ${name}`);
      stop.abort(error);
      reject(error);
    });
});
const story = openStory();
story.write(introduction);
try {
  await main(story, { signal: stop.signal, orStopped: (work) => Promise.race([work, stopped]) });
  const summary = story.summary();
  story.title('', 'The disk is the cluster of its site. All assertions hold.');
  story.write(`\n${summary}`);
} catch (error) {
  const summary = story.summary();
  const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
  story.title('', stop.signal.aborted ? 'Stopped.' : 'Failed.');
  story.write(`\n${summary}\n${reason instanceof Error ? reason.message : String(reason)}\n`);
  story.write(`logs: ${join(resultsRoot(), 'demo')}\n`);
  process.exitCode = stop.signal.aborted ? 130 : 1;
}
// waits that were given up may still be asking
process.exit();
