import { eachOf } from '../host/each-of.ts';
import type { Host } from '../host/host.ts';
import type { BlockDevice } from './block-devices.ts';

/** What blkid finds on a device itself, whatever any cache or daemon says. */
export type Signature = {
  readonly device: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** In blkid's words: "btrfs", "LVM2_member", "xfs_external_log"; absent when nothing but perhaps a partition table is there. */
  readonly type?: string;
  /** True when there is neither content nor a partition table. */
  readonly isBare: boolean;
  /** Other values by blkid's names: UUID, UUID_SUB, LABEL, LOGUUID, EXT_JOURNAL, POOL_UUID, VERSION. */
  readonly values: ReadonlyMap<string, string>;
};

/** Types that may have a part of themselves on another device. Asked for one by one where a device shows several at once, as after a change of its use. */
const wanted = [
  'LVM2_member',
  'LVM1_member',
  'linux_raid_member',
  'btrfs',
  'xfs',
  'xfs_external_log',
  'ext4',
  'ext3',
  'jbd',
  'bcache',
  'bcachefs',
  'zfs_member',
  'stratis',
  'ceph_bluestore',
  'crypto_LUKS',
  'DM_integrity',
] as const;

/** Reads the signatures of these devices. */
export async function readSignatures(host: Host, blocks: readonly BlockDevice[]): Promise<Signature[]> {
  return (await eachOf(blocks, 4, (block) => signaturesOf(host, block))).flat();
}

async function signaturesOf(host: Host, block: BlockDevice): Promise<Signature[]> {
  const ask = async (...filter: string[]): Promise<{ ambiguous: boolean; values: Map<string, string> }> => {
    // status 2: nothing there, or gone by now; 8: more than one
    const { status, stdout } = await host.run('blkid', ['--probe', '--output', 'export', ...filter, block.path], {
      okStatuses: [0, 2, 8],
    });
    return { ambiguous: status === 8, values: parseExport(stdout) };
  };
  const { device, path, sizeBytes } = block;
  const told = ({ values }: { values: Map<string, string> }, isBare: boolean): Signature => {
    const type = values.get('TYPE');
    return { device, path, sizeBytes, isBare, values, ...(type === undefined ? {} : { type }) };
  };
  const first = await ask();
  if (!first.ambiguous) return [told(first, !first.values.has('TYPE') && !first.values.has('PTTYPE'))];
  const found: Signature[] = [];
  for (const type of wanted) {
    const one = await ask('--match-types', type);
    if (one.values.get('TYPE') === type) found.push(told(one, false));
  }
  return found.length > 0 ? found : [{ device, path, sizeBytes, isBare: false, values: new Map() }];
}

/** Parses `blkid --output export`: one KEY=value a line, odd characters behind a backslash. */
export function parseExport(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const split = line.indexOf('=');
      return split < 0 ? [] : [[line.slice(0, split), line.slice(split + 1).replace(/\\(.)/g, '$1')] as const];
    }),
  );
}
