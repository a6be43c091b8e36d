import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';

/**
 * Writes the superblock (version 1.2, 4 KiB into the device) of a two-member RAID 1 that is at rest. mdadm can only make one
 * together with the kernel's md driver, which a test machine may lack. Layout: include/uapi/linux/raid/md_p.h.
 */
export async function writeRaidSuperblock(
  path: string,
  {
    arrayUuid = randomBytes(16),
    name = 'lab:old',
    member = 0,
    sectors,
  }: { arrayUuid?: Buffer; name?: string; member?: number; sectors: number },
): Promise<void> {
  const roles = 2;
  const block = Buffer.alloc(256 + roles * 2);
  block.writeUInt32LE(0xa92b4efc, 0); // magic
  block.writeUInt32LE(1, 4); // major version
  arrayUuid.copy(block, 16);
  block.write(name, 32, 32, 'latin1');
  block.writeBigUInt64LE(1n, 64); // made at
  block.writeInt32LE(1, 72); // level
  block.writeBigUInt64LE(BigInt(sectors - 2048), 80); // size of a member
  block.writeUInt32LE(2, 92); // members
  block.writeBigUInt64LE(2048n, 128); // data begins
  block.writeBigUInt64LE(BigInt(sectors - 2048), 136); // data sectors
  block.writeBigUInt64LE(8n, 144); // superblock at this sector
  block.writeUInt32LE(member, 160);
  randomBytes(16).copy(block, 168); // the member's own uuid
  block.writeBigUInt64LE(1n, 192); // changed at
  block.writeBigUInt64LE(10n, 200); // events
  block.writeBigUInt64LE(0xffffffffffffffffn, 208); // in sync
  block.writeUInt32LE(roles, 220);
  for (let role = 0; role < roles; role += 1) block.writeUInt16LE(role, 256 + role * 2);
  let sum = 0n;
  for (let at = 0; at < block.length; at += 4) sum += BigInt(block.readUInt32LE(at));
  block.writeUInt32LE(Number(((sum & 0xffffffffn) + (sum >> 32n)) & 0xffffffffn), 216);
  const device = await open(path, 'r+');
  try {
    await device.write(block, 0, block.length, 4096);
    await device.sync();
  } finally {
    await device.close();
  }
}
