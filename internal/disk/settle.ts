import { Failure } from '../errors/errors.ts';
import { exists } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { readBlockDevices } from './block-devices.ts';
import type { DiskDescription } from './candidates.ts';
import { readTable } from './partitions.ts';

const patienceMs = 15_000;

/**
 * Brings the kernel's partition nodes in line with the table on the disk, and lets udev finish.
 *
 * Three worlds, for a disk that the kernel partitions: with udev (live system) events make the nodes, and we wait for them; without udev the kernel's own list may be stale;
 * without GPT in the kernel (test machines) every re-read empties it. `partx` is right in all three, so it is the second try everywhere.
 * Whether udev runs is told by its socket: an empty /run/udev folder may be left by anyone.
 *
 * @throws Failure when the nodes still differ after 15 s
 */
export async function settle(host: Host, disk: DiskDescription): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    if (await exists('/run/udev/control'))
      await host.run('udevadm', ['settle', '--timeout=30'], { okStatuses: [0, 1] });
    const wrong = await difference(host, disk);
    if (wrong === undefined) return;
    if (performance.now() > deadline) {
      throw new Failure(`the kernel does not follow the partition table of disk "${disk.name}"`, {
        why: wrong,
        next: 'something may still use an old partition; start the machine anew and run again',
      });
    }
    await (disk.paths === undefined ? followByKernel(host, disk) : followByMapper(host, disk));
    if ((await difference(host, disk)) === undefined) continue;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function followByKernel(host: Host, disk: DiskDescription): Promise<void> {
  // Their statuses say little (--update fails on an empty table, --add on a partition that is known); the next look decides.
  // --update stops at the count of partitions, so it misses a number behind a gap, which --add brings.
  for (const way of (await readTable(host, disk)) === undefined ? ['--delete'] : ['--update', '--add']) {
    await host.run('partx', [way, disk.path], { okStatuses: [0, 1] });
  }
}

/**
 * The kernel reads no partition table of a multipath device; kpartx does (multipath/partitions). It leaves alone what the table no longer has
 * when there is no table, and what changed while it was in use.
 */
async function followByMapper(host: Host, disk: DiskDescription): Promise<void> {
  const table = await readTable(host, disk);
  const numbers = new Set((table?.partitions ?? []).map(({ number }) => number));
  for (const { partition, mapper } of (await readBlockDevices()).values())
    if (partition?.disk === disk.device && mapper !== undefined && !numbers.has(partition.number))
      await host.run('dmsetup', ['remove', '--retry', mapper.name], { okStatuses: [0, 1] });
  // without -n it waits for udev, also where there is none
  if (table !== undefined) await host.run('kpartx', ['-u', '-n', disk.path], { okStatuses: [0, 1] });
}

/** What the kernel has wrong, as a sentence; undefined when it agrees with the disk. */
async function difference(host: Host, disk: DiskDescription): Promise<string | undefined> {
  const table = await readTable(host, disk);
  const onDisk = new Map(
    (table?.partitions ?? [])
      .filter((entry) => !isExtended(entry.type))
      .map((entry) => [entry.number, entry.sizeBytes]),
  );
  const nodes = [...(await readBlockDevices()).values()].filter((block) => block.partition?.disk === disk.device);
  const inKernel = new Map(nodes.map((block) => [block.partition?.number ?? 0, block.sizeBytes]));
  for (const [number, sizeBytes] of onDisk) {
    const known = inKernel.get(number);
    if (known === undefined) return `partition ${number} is in the table and not in the kernel`;
    if (known !== sizeBytes)
      return `partition ${number} has ${sizeBytes} bytes in the table and ${known} bytes in the kernel`;
  }
  for (const block of nodes) {
    const number = block.partition?.number ?? 0;
    if (!onDisk.has(number) && !(table?.partitions.some((entry) => entry.number === number) ?? false))
      return `partition ${number} is in the kernel and not in the table`;
  }
  return undefined;
}

/** The kernel shows one KiB of an extended DOS partition, whatever its size. */
function isExtended(type: string): boolean {
  return type === '5' || type === 'f' || type === '85';
}
