import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assertBaseline, assertInstalled, assertNoCanary } from './baseline.ts';
import { install, isoOf } from './live-boot.ts';
import { proveInstalled, type Proof } from './proof.ts';
import type { Line } from './qemu.ts';
import { sweep } from './resources.ts';
import { sectionOf } from './sections.ts';
import { openStage, type Stage } from './stage.ts';

/** `npm run demo`: the whole story once, for a person who watches. */

const began = performance.now();
const clock = (): string => `${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s`;
const say = (text: string): void => {
  process.stdout.write(`${clock()}  ${text}\n`);
};
const title = (text: string): void => {
  process.stdout.write(process.stdout.isTTY ? `\n${clock()}  \x1b[1m${text}\x1b[0m\n` : `\n${clock()}  ${text}\n`);
};

const introduction = `
This installs single-node OpenShift's way, in miniature, on a virtual machine without KVM:

  1. parts      an OS, a seed image in a registry with TLS and a password, a live ISO (made once, then kept)
  2. install    the machine boots the ISO with BIOS firmware; a unit starts ibi; ibi writes a blank disk from the seed
  3. reboot     the machine boots that disk and proves what it is
  4. timeline   where the time went

All of it stays in ~/.cache/sno-ibi and /tmp. The first time takes up to 15 minutes, later ones about two.
`;

/** What a person at the console of the machine would read: firmware to kernel in two words, then ibi's own lines. */
function narrate({ text }: Line): void {
  const ibi = /install-rhcos-and-restore-seed\.sh\[\d+\]: (.*)$/.exec(text)?.[1];
  if (ibi !== undefined) say(`    ${ibi.replace(/^ibi: /, '')}`);
  else if (/LAB-INITRD /.test(text)) say('    the kernel runs');
  else if (/LAB-IGNITION /.test(text)) say('    Ignition has applied the document of the ISO');
}

async function main(): Promise<void> {
  process.stdout.write(introduction);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stop.abort(new Error(`stopped by ${signal}`));
    });
  await sweep();

  title('1. Parts');
  await using stage = await openStage({ name: 'demo', os: 'slim', say, signal: stop.signal });
  await isoOf(stage);
  say(
    `seed image ${stage.seedReference}, version ${stage.seed.version}, ${String(stage.images.length)} images in its list`,
  );

  title('2. Install: live ISO, BIOS, blank disk of 8 GiB');
  const installation = await install(
    {
      ...stage,
      say: () => {
        /* the console itself is shown */
      },
    },
    { name: 'live', by: 'bios', onLine: narrate },
  );
  assertInstalled(installation);

  title('3. Reboot from the disk, and proof');
  const proof = await proveInstalled(stage, 'bios');
  assertBaseline(stage, proof);
  await assertNoCanary(stage, { installations: [installation], proof });
  for (const line of factsOf(stage, proof)) say(`    ${line}`);

  title('4. Timeline of the installation');
  process.stdout.write(`${sectionOf(installation.sections, 'timeline')}\n`);
  const drawing = join(stage.logs, 'timeline.svg');
  await writeFile(drawing, `${sectionOf(installation.sections, 'timeline.svg')}\n`);
  process.stdout.write(`\ndrawn: ${drawing}\nconsoles, journals, answers: ${stage.logs}\n`);
  title('The disk boots the seed. All assertions hold.');
}

function factsOf({ seed, images, canaries }: Stage, { sections }: Proof): string[] {
  const told = (name: string): string => sectionOf(sections, name);
  return [
    `deployment    ${told('status').split('\n')[0] ?? ''}`,
    `stateroots    ${told('stateroots').replaceAll('\n', ' ')}: the stock OS is gone`,
    `arguments     ${seed.kernelArguments.join(' ')}`,
    `markers       ${told('markers').replaceAll('\n', ', ')}`,
    `containers    ${
      told('mounts')
        .split('\n')
        .find((line) => line.startsWith('/var/lib/containers ')) ?? ''
    }`,
    `images        ${String(images.length)} of ${String(images.length)} of the seed's list are in the store`,
    ...told('images')
      .split('\n')
      .map((line) => `              ${line}`),
    'failed units  none',
    `secrets       none of ${String(canaries.length)} planted ones on the console, in a journal or anywhere on the disk`,
    `boot          ${told('times').split('\n')[0] ?? ''}`,
  ];
}

await main();
