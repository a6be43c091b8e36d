import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { liveIsoIgnition, type LiveIsoWishes } from '../../ignition/live-iso.ts';
import { personaliseIso } from './artefacts/iso.ts';
import type { Firmware, VirtualDisk } from './qemu-arguments.ts';
import { bootMachine, type Line, type Machine } from './qemu.ts';
import { parseSections, type Sections } from './sections.ts';
import type { Stage } from './stage.ts';

export type LiveBoot = {
  /** Name of the log folder of this boot. */
  readonly name: string;
  readonly firmware?: Firmware;
  /** Laid over a good configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Beside the target. */
  readonly disks?: readonly VirtualDisk[];
  /** Instead of our own document. */
  readonly ignition?: (wishes: LiveIsoWishes) => Promise<unknown>;
  /** Whether the guest finds `ibi` on the payload disk. Default true. */
  readonly payload?: boolean;
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

/** Generous by a factor of five: two busy neighbours make the same work four times slower. */
export const installBudgetMs = 900_000;

export function wishesOf(stage: Stage, config: Readonly<Record<string, unknown>> = {}): LiveIsoWishes {
  return {
    configuration: JSON.stringify({ seedImage: stage.seedReference, seedVersion: stage.seed.version, installationDisk: '/dev/disk/by-id/virtio-target', extraPartitionStart: '-2G', ...config }),
    seedImage: stage.seedReference, pullSecret: stage.registry.pullSecret, trustBundle: stage.registry.certificates.ca,
    proxy: { http: stage.proxyUrl, https: stage.proxyUrl, no: 'registry.lab' },
  };
}

/** Starts the installation ISO, personalised for this stage, and returns while it boots. */
export async function bootLive(stage: Stage, boot: LiveBoot): Promise<Machine> {
  const dir = join(stage.logs, boot.name);
  const iso = join(stage.dir, `${boot.name}.iso`);
  const ignition = await (boot.ignition ?? liveIsoIgnition)(wishesOf(stage, boot.config));
  const sectors = stage.target.sectorSize ?? 512;
  await personaliseIso(await stage.parts.iso([sectors]), iso, await stage.parts.installer(), { ignition, kernelArguments: boot.payload === false ? [] : ['lab.payload'] });
  const watch = await readFile(new URL('guest/watch-install', import.meta.url), 'utf8');
  return bootMachine({
    dir, firmware: boot.firmware ?? 'bios', iso, registry: stage.registry,
    disks: [stage.target, ...(boot.payload === false ? [] : [stage.payload]), ...(boot.disks ?? [])],
    script: `${boot.gather === true ? 'LAB_GATHER=1' : ''}\n${watch}`,
    onLine: boot.onLine ?? ((line) => { tellStep(stage, line); }),
  });
}

/** Waits for the end of the install unit, good or bad, and for the machine to switch itself off. */
export async function installationOf(stage: Stage, machine: Machine): Promise<Installation> {
  const { text } = await machine.waitFor(/LAB-INSTALL-ENDED/, installBudgetMs);
  await machine.waitForPowerOff(120_000);
  const [, result = '', exitCode = ''] = /LAB-INSTALL-ENDED (\S+) (\d+)/.exec(text) ?? [];
  const sections = parseSections(await machine.results());
  const console = machine.lines.map((line) => line.text).join('\n');
  const folder = join(machine.logFile, '..');
  for (const [name, content] of sections) if (['journal', 'timeline', 'timeline.svg', 'gather'].includes(name)) await writeFile(join(folder, name.includes('.') ? name : `${name}.txt`), `${content}\n`);
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
