import { z } from 'zod';
import { Failure, messageOf } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { blockDeviceAt } from './block-devices.ts';
import type { Signature } from './signatures.ts';

/** One LVM physical volume, of an active or inactive volume group, or of none. */
export type PhysicalVolume = {
  /** As LVM names it; what its commands are called with. */
  readonly path: string;
  /** Device number; absent for a missing member of a group. */
  readonly device?: string;
  /** Its own UUID. Two devices with the same are copies of each other. */
  readonly uuid?: string;
  /** "[unknown]" for a group that it belongs to and that cannot be read. */
  readonly groupName?: string;
  readonly groupUuid?: string;
};

/**
 * LVM keeps from its commands what the host is not meant to touch, and leftovers are just that:
 *
 * | hidden                                          | shown by                                       |
 * |-------------------------------------------------|------------------------------------------------|
 * | groups that its devices file does not list      | use_devicesfile=0                              |
 * | devices that filters of lvm.conf reject         | filters of our own                             |
 * | volumes inside logical volumes (machine images) | scan_lvs=1                                     |
 * | groups of another host's system id              | --foreign                                      |
 * | groups of several hosts (lvmlockd)              | --shared                                       |
 * | the second of two devices with one UUID         | --all                                          |
 * | groups of an old cluster, groups too damaged    | pvck, which prints their metadata              |
 *
 * --readonly takes no locks and asks nothing of the kernel's device-mapper. Settings that an old version does not know it ignores.
 */
const showHidden = settings(['a|.*|']);

/**
 * Settings for commands that change something: they see nothing but these volumes. Copies of them on another disk stay out of the game, whichever
 * of the two LVM would prefer, and so do groups of the same name.
 */
export function lvmSettings(paths: readonly string[]): readonly string[] {
  return [
    '--config',
    settings([...paths.map((path) => `a|^${path.replace(/[.+*?()[\]{}^$\\]/g, '\\$&')}$|`), 'r|.*|']),
  ];
}

function settings(filter: readonly string[]): string {
  const list = JSON.stringify(filter);
  return `devices/use_devicesfile=0 devices/scan_lvs=1 devices/hints="none" devices/filter=${list} devices/global_filter=${list}`;
}

const pvsOutput = z.object({
  report: z.array(
    z.object({
      pv: z
        .array(z.object({ pv_name: z.string(), pv_uuid: z.string(), vg_name: z.string(), vg_uuid: z.string() }))
        .optional(),
    }),
  ),
});

/** All physical volumes that can be seen, and those their groups miss. Empty where LVM is not installed. */
export async function readPhysicalVolumes(host: Host, signatures: readonly Signature[]): Promise<PhysicalVolume[]> {
  if (!(await host.has('pvs'))) return [];
  const output = await host.text(
    'pvs',
    [
      ...['--readonly', '--all', '--foreign', '--shared', '--config', showHidden],
      ...['--reportformat', 'json', '--options', 'pv_name,pv_uuid,vg_name,vg_uuid'],
    ],
    { budgetMs: 120_000 },
  );
  const rows = parsePvs(output)
    .report.flatMap((report) => report.pv ?? [])
    .filter((row) => row.pv_uuid !== '');
  const told = await Promise.all(
    rows.map(async (row): Promise<PhysicalVolume> => {
      const device = row.pv_name.startsWith('/') ? await blockDeviceAt(row.pv_name) : undefined; // "[unknown]" is a missing one
      return {
        path: row.pv_name,
        uuid: row.pv_uuid,
        ...(typeof device === 'string' ? { device } : {}),
        ...(row.vg_name === '' ? {} : { groupName: row.vg_name }),
        ...(row.vg_uuid === '' ? {} : { groupUuid: row.vg_uuid }),
      };
    }),
  );
  const known = new Set(told.filter(({ groupName }) => groupName !== '[unknown]').map(({ device }) => device));
  const hidden = signatures.filter(({ type, device }) => /^LVM[12]_member$/.test(type ?? '') && !known.has(device));
  if (hidden.length === 0) return told;
  const groups = await Promise.all(hidden.map(({ path }) => readGroup(host, path)));
  return [
    ...told.filter(({ device }) => !hidden.some((one) => one.device === device)),
    ...hidden.map(({ device, path, values }): PhysicalVolume => {
      const uuid = values.get('UUID') ?? '';
      const group = groups.find((one) => one?.volumes.includes(uuid)) ?? { name: '[unknown]', uuid: undefined };
      return {
        ...{ path, device, uuid, groupName: group.name },
        ...(group.uuid === undefined ? {} : { groupUuid: group.uuid }),
      };
    }),
  ];
}

/** LVM talks between the lines of its JSON ("Retrying metadata scan."): a line of JSON begins with a mark. */
function parsePvs(output: string): z.infer<typeof pvsOutput> {
  const lines = output.split('\n').filter((line) => /^\s*[{}[\],"]/.test(line));
  try {
    return pvsOutput.parse(JSON.parse(lines.join('\n')));
  } catch (error) {
    throw new Failure('pvs printed something that is not the expected JSON', { why: messageOf(error), cause: error });
  }
}

type Group = { readonly name: string; readonly uuid: string; readonly volumes: readonly string[] };

/** The group whose metadata a volume carries, from its text: LVM itself does not show it. */
async function readGroup(host: Host, path: string): Promise<Group | undefined> {
  // status 5: the text is there, and does not fit its checksum
  const { stdout } = await host.run('pvck', ['--config', showHidden, '--dump', 'metadata', path], {
    okStatuses: [0, 5],
  });
  const [head = '', ...rest] = stdout.split(/^physical_volumes \{$/m);
  const named = /^(\S+) \{\nid = "([\w-]+)"$/m.exec(head);
  if (named?.[1] === undefined || named[2] === undefined) return undefined;
  const volumes = [
    ...rest
      .join('')
      .split(/^logical_volumes \{$/m, 1)
      .join('')
      .matchAll(/^id = "([\w-]+)"$/gm),
  ];
  return { name: named[1], uuid: named[2], volumes: volumes.flatMap((match) => match[1] ?? []) };
}
