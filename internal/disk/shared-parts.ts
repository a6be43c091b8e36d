import type { Signature } from './signatures.ts';
import {
  isDetachedIntegrity,
  isDetachedLuks,
  readBcacheSet,
  readBluestore,
  readBtrfs,
  readXfs,
  type XfsElsewhere,
} from './superblocks.ts';

/**
 * A device that holds one part of something whose other parts may be on other devices.
 *
 * | kind                     | same for all parts     | a part's own              | count of parts |
 * |--------------------------|------------------------|---------------------------|----------------|
 * | btrfs                    | UUID                   | UUID_SUB                  | told           |
 * | XFS, log apart           | UUID                   | data, log                 | 2              |
 * | ext3, ext4, journal apart| UUID of the journal    | UUID, journal             | 2 at least     |
 * | bcache                   | UUID of the set        | UUID                      | 2 at least     |
 * | bcachefs, ZFS, Stratis   | UUID of the pool       | UUID of the device        | not told       |
 * | Ceph's object store      | UUID of the store      | main, database, its log   | not told       |
 *
 * Volume groups and arrays are read by their own programs (lvm.ts, raid.ts) and become the same (spanning.ts).
 */
export type SharedPart = {
  readonly device: string;
  readonly path: string;
  /** "btrfs file system". */
  readonly kind: string;
  readonly id: string;
  /** What a person called it. */
  readonly label?: string;
  /** Two devices with the same are copies of each other, and no two parts. */
  readonly part: string;
  /** How many parts there are at least. */
  readonly parts?: number;
};

/** A device that is of no use without another one, which bears no mark: which one it is cannot be told. */
export type Unmarked = {
  readonly device: string;
  readonly path: string;
  /** What this one is, and what of it is on the other: "the header of an encrypted volume", "whose data". */
  readonly what: string;
  readonly other: string;
  /** Size of the other one, where it is known: at least, and below. */
  readonly otherBytes?: { readonly from: number; readonly below: number };
};

/** A device whose content cannot be looked into while it is closed. */
export type Closed = { readonly device: string; readonly path: string; readonly what: string };

export type Marks = {
  readonly parts: readonly SharedPart[];
  readonly unmarked: readonly Unmarked[];
  readonly closed: readonly Closed[];
  /** Devices without any mark, with their sizes. */
  readonly bare: ReadonlyMap<string, number>;
};

/** Sorts signatures, with what their superblocks tell beside. */
export async function readMarks(signatures: readonly Signature[]): Promise<Marks> {
  const found = await Promise.all(signatures.map(marksOf));
  const parts = found.flatMap((one) => one.parts ?? []);
  return {
    parts: [...parts, ...seedParts(parts, found)],
    unmarked: found.flatMap((one) => one.unmarked ?? []),
    closed: found.flatMap((one) => one.closed ?? []),
    bare: new Map(signatures.filter(({ isBare }) => isBare).map(({ device, sizeBytes }) => [device, sizeBytes])),
  };
}

type Found = Partial<Pick<Marks, 'parts' | 'unmarked' | 'closed'>> & { readonly isSeed?: boolean };

async function marksOf(signature: Signature): Promise<Found> {
  const { device, path, values } = signature;
  const value = (key: string): string => values.get(key) ?? '';
  const at = { device, path };
  const label = value('LABEL') === '' ? {} : { label: value('LABEL') };
  const part = (kind: string, id: string, own: string, parts?: number): { parts: SharedPart[] } => ({
    parts: id === '' ? [] : [{ ...at, kind, id, ...label, part: own, ...(parts === undefined ? {} : { parts }) }],
  });
  switch (signature.type) {
    case 'btrfs': {
      const { devices, isSeed } = await readBtrfs(path);
      return { ...part('btrfs file system', value('UUID'), value('UUID_SUB'), devices), isSeed };
    }
    case 'xfs': {
      const xfs = await readXfs(path);
      return {
        ...(xfs.log ? part('XFS file system', value('UUID'), 'data', 2) : {}),
        unmarked: xfs.realtimeBlocks === 0 ? [] : [realtimeOf(signature, xfs)],
      };
    }
    case 'xfs_external_log':
      return part('XFS file system', value('LOGUUID'), 'log', 2);
    case 'ext3':
    case 'ext4':
      return part('ext4 file system', value('EXT_JOURNAL'), value('UUID'), 2);
    case 'jbd':
      return part('ext4 file system', value('UUID'), 'journal', 2);
    case 'bcache':
      return part('bcache set', (await readBcacheSet(path)) ?? '', value('UUID'), 2);
    case 'bcachefs':
      return part('bcachefs file system', value('UUID'), value('UUID_SUB'));
    case 'zfs_member':
      return part('ZFS pool', value('UUID'), value('UUID_SUB'));
    case 'stratis':
      return part('Stratis pool', value('POOL_UUID'), value('UUID'));
    case 'ceph_bluestore': {
      const store = await readBluestore(path);
      return store === undefined ? {} : part('Ceph object store', store.store, store.role);
    }
    case 'crypto_LUKS': {
      const what = `an encrypted volume (LUKS ${value('UUID')})`;
      return (await isDetachedLuks(path))
        ? { unmarked: [{ ...at, what: `the header of ${what}`, other: 'whose data' }] }
        : { closed: [{ ...at, what }] };
    }
    case 'DM_integrity':
      return (await isDetachedIntegrity(path))
        ? { unmarked: [{ ...at, what: 'a device of checksums (dm-integrity)', other: 'whose data' }] }
        : { closed: [{ ...at, what: 'a device with checksums (dm-integrity)' }] };
    case undefined:
    default:
      return {};
  }
}

function realtimeOf({ device, path, values }: Signature, xfs: XfsElsewhere): Unmarked {
  const from = xfs.realtimeBlocks * xfs.blockBytes;
  return {
    device,
    path,
    what: `XFS file system "${values.get('LABEL') ?? values.get('UUID') ?? ''}"`,
    other: 'whose section for realtime files',
    otherBytes: { from, below: from + Math.max(xfs.realtimeExtentBlocks, 1) * xfs.blockBytes },
  };
}

/**
 * A btrfs that sprang from a seed device has an id of its own and still needs that device. Which one that is stands deep in its trees; a seed that
 * is there while a part is missing is taken for it.
 */
function seedParts(parts: readonly SharedPart[], found: readonly Found[]): SharedPart[] {
  const seeds = found.flatMap((one) => (one.isSeed === true ? (one.parts ?? []) : []));
  const incomplete = [...Map.groupBy(parts, ({ kind, id }) => `${kind} ${id}`).values()].flatMap((all) => {
    const [first] = all;
    return first !== undefined && (first.parts ?? 0) > new Set(all.map(({ part }) => part)).size ? [first] : [];
  });
  return incomplete
    .filter(({ kind }) => kind === 'btrfs file system')
    .flatMap((sprout) =>
      seeds.filter(({ id }) => id !== sprout.id).map(({ device, path, part }) => ({ ...sprout, device, path, part })),
    );
}
