import { open } from 'node:fs/promises';

/*
 * Labels of pools whose own programs a test machine does not have, as blkid recognises them. Layouts: ZFS' vdev_impl.h and nvpair encoding
 * (XDR), Stratis' static header.
 */

/** Writes the first label of a device of a ZFS pool: an nvlist with its names, and the uberblocks that prove it. */
export async function writeZfsLabel(path: string, pool: { name: string; guid: bigint }, device: bigint): Promise<void> {
  const label = Buffer.alloc(256 * 1024);
  let at = 16 * 1024 + 12;
  const pair = (name: string, type: number, value: Buffer): void => {
    const padded = Math.ceil(name.length / 4) * 4;
    const size = 12 + padded + 8 + value.length;
    for (const [index, number] of [size, size, name.length].entries()) label.writeUInt32BE(number, at + index * 4);
    label.write(name, at + 12, 'latin1');
    label.writeUInt32BE(type, at + 12 + padded);
    label.writeUInt32BE(1, at + 16 + padded);
    value.copy(label, at + 20 + padded);
    at += size;
  };
  const number = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    return bytes;
  };
  const text = Buffer.alloc(4 + Math.ceil(pool.name.length / 4) * 4);
  text.writeUInt32BE(pool.name.length);
  text.write(pool.name, 4, 'latin1');
  pair('name', 9, text);
  pair('pool_guid', 8, number(pool.guid));
  pair('guid', 8, number(device));
  for (let uberblock = 0; uberblock < 8; uberblock += 1)
    label.writeBigUInt64LE(0xbab10cn, 128 * 1024 + uberblock * 1024);
  await write(path, label, 0);
}

/** Writes the header of a device of a Stratis pool. UUIDs are 32 hex digits. */
export async function writeStratisHeader(path: string, sectors: number, pool: string, device: string): Promise<void> {
  const header = Buffer.alloc(512);
  Buffer.from('!Stra0tis\x86\xff\x02^Arh', 'latin1').copy(header, 4);
  header.writeBigUInt64LE(BigInt(sectors), 20);
  header.write(pool, 32, 'latin1');
  header.write(device, 64, 'latin1');
  let crc = 0xffffffff;
  for (const byte of header.subarray(4)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  header.writeUInt32LE(~crc >>> 0, 0);
  await write(path, header, 512);
}

async function write(path: string, bytes: Buffer, at: number): Promise<void> {
  await using device = await open(path, 'r+');
  await device.write(bytes, 0, bytes.length, at);
  await device.sync();
}
