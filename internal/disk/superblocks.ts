import { open } from 'node:fs/promises';
import { errorCode } from '../errors/errors.ts';

/**
 * What blkid does not tell of a superblock, read from the device. Offsets are those of the kernel's and the tools' own headers: fs/xfs
 * (xfs_dsb), fs/btrfs (btrfs_super_block), include/uapi/linux/bcache.h, LUKS on-disk formats 1 and 2, drivers/md/dm-integrity.c.
 */

/** Parts of an XFS that are not on the device of its superblock. */
export type XfsElsewhere = {
  /** The log is a device of its own. */
  readonly log: boolean;
  /** Blocks of the section for realtime files, whose device bears no mark; 0 when there is none. */
  readonly realtimeBlocks: number;
  readonly realtimeExtentBlocks: number;
  readonly blockBytes: number;
};

export async function readXfs(path: string): Promise<XfsElsewhere> {
  const block = await bytesAt(path, 0, 512);
  return {
    log: block.toString('latin1', 0, 4) === 'XFSB' && block.readBigUInt64BE(48) === 0n,
    realtimeBlocks: Number(block.readBigUInt64BE(16)),
    realtimeExtentBlocks: block.readUInt32BE(80),
    blockBytes: block.readUInt32BE(4),
  };
}

/** A btrfs as one of its devices tells it. */
export type BtrfsMember = {
  readonly devices: number;
  /** Read only for ever, because other file systems may spring from it. They have an id of their own, and need it. */
  readonly isSeed: boolean;
};

export async function readBtrfs(path: string): Promise<BtrfsMember> {
  const block = await bytesAt(path, 65_536, 512);
  return { devices: Number(block.readBigUInt64LE(136)), isSeed: (block.readBigUInt64LE(56) & (1n << 32n)) !== 0n };
}

/** The set of cache and backing devices that a bcache device belongs to; undefined when it was never part of one. */
export async function readBcacheSet(path: string): Promise<string | undefined> {
  const set = uuidAt(await bytesAt(path, 4096, 512), 56);
  return /[1-9a-f]/.test(set) ? set : undefined;
}

/** True for a LUKS header whose data is on another device: a header of the usual kind stands in front of them. */
export async function isDetachedLuks(path: string): Promise<boolean> {
  const header = await bytesAt(path, 0, 65_536);
  if (header.readUInt16BE(6) === 1) return header.readUInt32BE(104) === 0;
  const json = header.toString('latin1', 4096, header.indexOf(0, 4096));
  return /"segments":\{"0":\{[^}]*"offset":"0"/.test(json);
}

/** True for the checksums of dm-integrity that are kept apart from the data. */
export async function isDetachedIntegrity(path: string): Promise<boolean> {
  return (await bytesAt(path, 0, 512)).readUInt8(9) === 0;
}

/** The object store of Ceph that a device belongs to, and what it holds of it. */
export async function readBluestore(path: string): Promise<{ store: string; role: string } | undefined> {
  const label = (await bytesAt(path, 0, 4096)).toString('latin1');
  const store = /^bluestore block device\n([0-9a-f-]{36})\n/.exec(label)?.[1];
  return store === undefined ? undefined : { store, role: /bluefs (?:db|wal)/.exec(label)?.[0] ?? 'main' };
}

/** Zeros where the device has gone meanwhile, or goes just now: then the kernel calls it an i/o error. */
async function bytesAt(path: string, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  try {
    await using device = await open(path, 'r');
    await device.read(bytes, 0, length, at);
  } catch (error) {
    if (!['ENOENT', 'ENXIO', 'ENODEV', 'ENOMEDIUM', 'EIO'].includes(errorCode(error) ?? '')) throw error;
  }
  return bytes;
}

function uuidAt(bytes: Buffer, at: number): string {
  return bytes.toString('hex', at, at + 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
