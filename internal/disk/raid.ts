import { CommandError } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import type { BlockDevice } from './block-devices.ts';
import type { Signature } from './signatures.ts';

/** One device with the superblock of an MD array, running or not. */
export type RaidMember = {
  readonly device: string;
  readonly path: string;
  readonly arrayUuid: string;
  readonly arrayName?: string;
  /** Its own UUID, where the superblock has one. Two devices with the same are copies of each other. */
  readonly memberUuid?: string;
  readonly level?: string;
  /** How many members the array has. */
  readonly members?: number;
  /** "1.2", "0.90", "imsm", "ddf" and blkid's "…_raid_member" (firmware RAID). */
  readonly metadata: string;
};

/**
 * Reads the superblocks of these devices; devices without one are left out. mdadm tells most. What it does not know, or keeps to itself because
 * the controller of this machine is another one than that which made it, blkid shows; where mdadm is not installed, all of it.
 */
export async function readRaidMembers(
  host: Host,
  blocks: readonly BlockDevice[],
  signatures: readonly Signature[],
): Promise<RaidMember[]> {
  const members: RaidMember[] = [];
  const has = await host.has('mdadm');
  for (const block of blocks) {
    const member = has ? await examine(host, block) : undefined;
    const told = member ?? signatures.filter(({ device }) => device === block.device).flatMap(memberOf)[0];
    if (told !== undefined) members.push(told);
  }
  return members;
}

async function examine(host: Host, block: BlockDevice): Promise<RaidMember | undefined> {
  try {
    // status 1: no superblock; the next look does not depend on the words
    const result = await host.run('mdadm', ['--examine', '--export', block.path], {
      okStatuses: [0, 1],
      env: { IMSM_NO_PLATFORM: '1' }, // disks of another machine's controller, too
    });
    return parseExamine(result.stdout, block);
  } catch (error) {
    // a damaged superblock of firmware RAID has killed it: blkid knows what is there
    if (error instanceof CommandError && (error.end.kind === 'exit' || error.end.kind === 'signal')) return undefined;
    throw error;
  }
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
  const memberUuid = values.get('MD_DEV_UUID');
  const level = values.get('MD_LEVEL');
  const members = Number(values.get('MD_DEVICES'));
  return {
    device: block.device,
    path: block.path,
    arrayUuid,
    ...(name === undefined || name === '' ? {} : { arrayName: name }),
    ...(memberUuid === undefined ? {} : { memberUuid }),
    ...(level === undefined ? {} : { level }),
    ...(Number.isInteger(members) && members > 0 ? { members } : {}),
    metadata: values.get('MD_METADATA') ?? 'unknown',
  };
}

function memberOf({ device, path, type, values }: Signature): RaidMember[] {
  if (type === undefined || !type.endsWith('_raid_member')) return [];
  // mdadm writes the same bytes in four groups
  const uuidOf = (key: string): string | undefined =>
    values
      .get(key)
      ?.replaceAll('-', '')
      .replace(/(.{8})(?=.)/g, '$1:');
  const [arrayName, memberUuid] = [values.get('LABEL'), uuidOf('UUID_SUB')];
  const isLinux = type === 'linux_raid_member';
  return [
    {
      ...{ device, path, arrayUuid: uuidOf('UUID') ?? type },
      ...(arrayName === undefined ? {} : { arrayName }),
      ...(memberUuid === undefined ? {} : { memberUuid }),
      metadata: isLinux ? (values.get('VERSION') ?? 'unknown') : type,
    },
  ];
}

/** Arrays that the machine's firmware runs: taking one member out changes what the firmware starts from. */
export function isFirmwareRaid(member: RaidMember): boolean {
  return member.metadata === 'imsm' || member.metadata === 'ddf' || member.metadata.endsWith('_raid_member');
}
