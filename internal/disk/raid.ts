import type { Host } from '../host/host.ts';
import type { BlockDevice } from './block-devices.ts';

/** One device with the superblock of an MD array, running or not. */
export type RaidMember = {
  readonly device: string;
  readonly path: string;
  readonly arrayUuid: string;
  readonly arrayName?: string;
  readonly level?: string;
  /** How many members the array has. */
  readonly members?: number;
  /** "1.2", "0.90", "imsm" and "ddf" (firmware RAID). */
  readonly metadata: string;
};

/** Reads the superblocks of these devices; devices without one are left out. Empty where mdadm is not installed. */
export async function readRaidMembers(host: Host, blocks: readonly BlockDevice[]): Promise<RaidMember[]> {
  if (!(await host.has('mdadm'))) return [];
  const members: RaidMember[] = [];
  for (const block of blocks) {
    // status 1: no superblock; the next look does not depend on the words
    const result = await host.run('mdadm', ['--examine', '--export', block.path], { okStatuses: [0, 1] });
    const member = parseExamine(result.stdout, block);
    if (member !== undefined) members.push(member);
  }
  return members;
}

/** Parses `mdadm --examine --export`: one KEY=value per line. */
export function parseExamine(text: string, block: Pick<BlockDevice, 'device' | 'path'>): RaidMember | undefined {
  const values = new Map(
    text.split('\n').flatMap((line) => {
      const split = line.indexOf('=');
      return split < 0 ? [] : [[line.slice(0, split), line.slice(split + 1).trim()] as const];
    }),
  );
  const arrayUuid = values.get('MD_UUID');
  if (arrayUuid === undefined) return undefined;
  const name = values.get('MD_NAME') ?? values.get('MD_DEVNAME');
  const level = values.get('MD_LEVEL');
  const members = Number(values.get('MD_DEVICES'));
  return {
    device: block.device,
    path: block.path,
    arrayUuid,
    ...(name === undefined || name === '' ? {} : { arrayName: name }),
    ...(level === undefined ? {} : { level }),
    ...(Number.isInteger(members) && members > 0 ? { members } : {}),
    metadata: values.get('MD_METADATA') ?? 'unknown',
  };
}

/** Arrays that the machine's firmware runs: taking one member out changes what the firmware starts from. */
export function isFirmwareRaid(member: RaidMember): boolean {
  return member.metadata === 'imsm' || member.metadata === 'ddf';
}
