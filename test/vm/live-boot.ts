import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { liveIsoIgnition, type LiveIsoWishes } from '../../ignition/live-iso.ts';
import { liveArguments, personaliseInitrd, personaliseIso } from './artefacts/iso.ts';
import type { DirectKernel, Firmware, VirtualDisk } from './qemu-arguments.ts';
import { bootMachine, type Line, type Machine } from './qemu.ts';
import { parseSections, type Sections } from './sections.ts';
import type { Stage } from './stage.ts';

export type LiveBoot = {
  /** Name of the log folder of this boot. */
  readonly name: string;
  /** Firmware that starts the ISO, or `kernel` (the default): its kernel and initramfs started directly, three seconds less. */
  readonly by?: Firmware | 'kernel';
  /** Laid over a good configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Beside the target, and in front of it. */
  readonly disks?: readonly VirtualDisk[];
  /** Instead of our own document. */
  readonly ignition?: (wishes: LiveIsoWishes) => Promise<unknown>;
  /** Whether the guest finds `ibi` on the payload disk. Default true. */
  readonly payload?: boolean;
  /** Whether the registry can be reached. Default true. */
  readonly network?: boolean;
  /** Ask for the evidence that `ibi gather` makes. */
  readonly gather?: boolean;
  readonly onLine?: (line: Line) => void;
};

export type Installation = {
  /** systemd's word for how the unit ended: `success`, `exit-code`. */
  readonly result: string;
  readonly exitCode: number;
  readonly sections: Sections;
  readonly console: string;
};

/** Generous: busy neighbours have made the same work six times slower. */
export const installBudgetMs = 1_500_000;

export function wishesOf(stage: Stage, config: Readonly<Record<string, unknown>> = {}): LiveIsoWishes {
  return {
    configuration: JSON.stringify({
      seedImage: stage.seedReference,
      seedVersion: stage.seed.version,
      installationDisk: '/dev/disk/by-id/virtio-target',
      extraPartitionStart: '-2G',
      ...config,
    }),
    seedImage: stage.seedReference,
    pullSecret: stage.registry.pullSecret,
    trustBundle: stage.registry.certificates.ca,
    proxy: { http: stage.proxyUrl, https: stage.proxyUrl, no: 'registry.lab' },
  };
}

/** Starts the installation ISO, personalised for this stage, and returns while it boots. */
export async function bootLive(stage: Stage, boot: LiveBoot): Promise<Machine> {
  const ignition = await (boot.ignition ?? liveIsoIgnition)(wishesOf(stage, boot.config));
  const words = boot.payload === false ? [] : ['lab.payload'];
  const watch = await readFile(new URL('guest/watch-install', import.meta.url), 'utf8');
  return bootMachine({
    dir: join(stage.logs, boot.name),
    signal: stage.signal,
    ...(boot.network === false ? {} : { registry: stage.registry }),
    ...(await (boot.by === undefined || boot.by === 'kernel'
      ? withoutFirmware(stage, boot, { ignition, words })
      : withFirmware(stage, boot.by, boot, { ignition, words }))),
    // others come first: who takes the first disk for the right one shall fail here
    disks: [...(boot.disks ?? []), stage.target, ...(boot.payload === false ? [] : [stage.payload])],
    script: `${boot.gather === true ? 'LAB_GATHER=1' : ''}\n${watch}`,
    onLine:
      boot.onLine ??
      ((line) => {
        tellStep(stage, line);
      }),
  });
}

type Personal = { ignition: unknown; words: readonly string[] };

async function withFirmware(
  stage: Stage,
  firmware: Firmware,
  boot: LiveBoot,
  { ignition, words }: Personal,
): Promise<{ firmware: Firmware; iso: string }> {
  const iso = join(stage.dir, `${boot.name}.iso`);
  await personaliseIso(await isoOf(stage), iso, await stage.parts.installer(), { ignition, kernelArguments: words });
  return { firmware, iso };
}

/** The ISO stays the medium; only GRUB does not read kernel and initramfs from it. */
async function withoutFirmware(
  stage: Stage,
  boot: LiveBoot,
  { ignition, words }: Personal,
): Promise<{ firmware: Firmware; iso: string; kernel: DirectKernel }> {
  const { file, initrd: source } = await stage.parts.liveKernel();
  const initrd = join(stage.dir, `${boot.name}.initrd`);
  await personaliseInitrd(source, initrd, await stage.parts.installer(), ignition);
  return {
    firmware: 'bios',
    iso: await isoOf(stage),
    kernel: { file, initrd, arguments: [liveArguments, ...words].join(' ') },
  };
}

/** The ISO of a stage, built if need be: a whole stock OS where the seed is a whole one. */
export const isoOf = (stage: Stage): Promise<string> =>
  stage.parts.iso([stage.target.sectorSize ?? 512], stage.os === 'full' ? 'full' : 'small');

/** Waits for the end of the install unit, good or bad, and for the machine to switch itself off. */
export async function installationOf(stage: Stage, machine: Machine): Promise<Installation> {
  const { text } = await machine.waitFor(/LAB-INSTALL-ENDED/, installBudgetMs);
  await machine.waitForPowerOff(120_000);
  const [, result = '', exitCode = ''] = /LAB-INSTALL-ENDED (\S+) (\d+)/.exec(text) ?? [];
  const sections = parseSections(await machine.results());
  const console = machine.lines.map((line) => line.text).join('\n');
  const folder = join(machine.logFile, '..');
  for (const [name, content] of sections)
    if (['journal', 'timeline', 'timeline.svg', 'gather'].includes(name))
      await writeFile(join(folder, name.includes('.') ? name : `${name}.txt`), `${content}\n`);
  stage.say(`install unit ended: ${result} ${exitCode}`);
  return { result, exitCode: Number(exitCode), sections, console };
}

/** From the ISO to the end of the installation. */
export async function install(stage: Stage, boot: LiveBoot): Promise<Installation> {
  await using machine = await bootLive(stage, boot);
  return await installationOf(stage, machine);
}

/** ibi's own step lines, for the one line of progress that a person watches. */
function tellStep(stage: Stage, { text }: Line): void {
  const step = /\bstep (\d+\/\d+ [a-z-]+)/.exec(text)?.[1];
  if (step !== undefined) stage.say(step);
}
