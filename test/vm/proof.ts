import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootFilesOf } from './disks.ts';
import { openLane, type Lane } from './loop.ts';
import { bootDeployment, type Container } from './nspawn.ts';
import type { Firmware } from './qemu-arguments.ts';
import { bootMachine } from './qemu.ts';
import { parseSections, type Sections } from './sections.ts';
import type { Stage } from './stage.ts';

/** How the second half is played. */
export type ProofLane =
  /** Firmware, boot loader, kernel: for scenarios whose subject is that the disk boots. */
  | Firmware
  /** The kernel of the boot entry, started directly. */
  | 'kernel'
  /** systemd of the deployment in a container on the same disk: for scenarios whose subject lies before the boot. */
  | 'nspawn';

export type Proof = { readonly lane: ProofLane; readonly sections: Sections; readonly console: string };

type Questions = { readonly host: string; readonly images: string };

const guest = (name: string): Promise<string> => readFile(new URL(`guest/${name}`, import.meta.url), 'utf8');

/** Starts what the target disk holds and asks it about itself. */
export async function proveInstalled(stage: Stage, lane: ProofLane, name = 'installed'): Promise<Proof> {
  const questions = await questionsFor(stage);
  const proof =
    lane === 'nspawn' ? await inContainer(stage, questions) : await inMachine(stage, lane, { questions, name });
  return kept(stage, proof, name);
}

/** Asks a host that somebody else has started on the disk. */
export async function proveRunning(stage: Stage, lane: ProofLane, host: Asked, name = 'installed'): Promise<Proof> {
  const { host: ofHost, images } = await questionsFor(stage);
  return kept(stage, await answersOf(lane, host, `${ofHost}${images}`), name);
}

async function questionsFor(stage: Stage): Promise<Questions> {
  const words = `section() { echo "=== $1"; shift; "$@" 2>&1; echo; }\nLAB_IMAGES="${stage.images.join(' ')}"\n`;
  return { host: `${words}${await guest('proof')}`, images: `${words}${await guest('proof-images')}` };
}

async function kept(stage: Stage, proof: Proof, name: string): Promise<Proof> {
  await writeFile(
    join(stage.logs, `${name}.txt`),
    [...proof.sections].map(([title, text]) => `=== ${title}\n${text}\n`).join(''),
  );
  return proof;
}

type Asked = Pick<Container, 'run'>;

async function answersOf(lane: ProofLane, host: Asked, questions: string): Promise<Proof> {
  const { stdout } = await host.run('bash', ['-s'], { input: questions });
  const { stdout: console } = await host.run('journalctl', ['--no-pager', '-o', 'short-monotonic']);
  return { lane, sections: parseSections(stdout), console };
}

async function inMachine(
  stage: Stage,
  lane: Firmware | 'kernel',
  { questions, name }: { questions: Questions; name: string },
): Promise<Proof> {
  const ownPodman = stage.os === 'full';
  const images = ownPodman ? [] : await imagesOnDisk(stage, questions.images);
  const kernel = lane === 'kernel' ? await bootFilesOf(stage.target, stage.dir) : undefined;
  await using machine = await bootMachine({
    dir: join(stage.logs, name),
    firmware: lane === 'kernel' ? 'bios' : lane,
    disks: [stage.target],
    registry: stage.registry,
    signal: stage.signal,
    script: `cat > /run/lab-proof <<'PROOF'\n${questions.host}${ownPodman ? questions.images : ''}PROOF\n${await guest('then-power-off')}`,
    ...(kernel === undefined ? {} : { kernel }),
  });
  await machine.waitFor(/LAB-PROOF-DONE/, 400_000);
  await machine.waitForPowerOff(120_000);
  return {
    lane,
    sections: new Map([...images, ...parseSections(await machine.results())]),
    console: machine.lines.map((line) => line.text).join('\n'),
  };
}

async function inContainer(stage: Stage, questions: Questions): Promise<Proof> {
  const images = await imagesOnDisk(stage, questions.images);
  await using lane = await laneWithTarget(stage);
  await using container = await bootDeployment(lane, { stateroot: stage.seed.stateroot, storagePartition: 5 });
  const answers = await answersOf('nspawn', container, questions.host);
  return { ...answers, sections: new Map([...images, ...answers.sections]) };
}

/** The lab's podman looks into the container storage of a disk that is not in use. */
async function imagesOnDisk(stage: Stage, questions: string): Promise<Sections> {
  await using lane = await laneWithTarget(stage);
  await lane.run('mount', [lane.disk.part(5), '/var/lib/containers']);
  const { stdout } = await lane.run('bash', ['-s'], { input: questions });
  await lane.run('umount', ['/var/lib/containers']);
  return parseSections(stdout);
}

async function laneWithTarget({ target, parts }: Stage): Promise<Lane> {
  return openLane({
    disks: [{ serial: target.serial, file: target.file, sectorSize: target.sectorSize ?? 512 }],
    installer: await parts.installer(),
    metal: {},
  });
}
