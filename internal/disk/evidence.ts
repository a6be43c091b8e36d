import { messageOf } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { describeDisk, diskTable, listDisks } from './candidates.ts';
import { holderTree, printTree } from './holders.ts';
import { readKernelState } from './kernel-state.ts';
import { dumpTable } from './partitions.ts';

/** All that this room knows, as text for the support bundle. Never throws: what cannot be read is named in its place. */
export async function diskEvidence(host: Host): Promise<string> {
  const parts: [string, () => Promise<string>][] = [
    ['disks', async () => diskTable(await listDisks(host)).join('\n')],
    ['holders', () => holders(host)],
    ['partition tables', () => tables(host)],
    [
      'block devices',
      () => host.text('lsblk', ['--output', 'NAME,MAJ:MIN,TYPE,SIZE,RO,LOG-SEC,FSTYPE,LABEL,PARTLABEL,MOUNTPOINT']),
    ],
    [
      'mounts',
      async () =>
        (await host.mounts())
          .map((mount) => `${mount.device} ${mount.source} on ${mount.target} type ${mount.type}`)
          .join('\n'),
    ],
  ];
  const texts: string[] = [];
  for (const [title, read] of parts)
    texts.push(`## ${title}\n${await read().catch((error: unknown) => `not available: ${messageOf(error)}`)}\n`);
  return texts.join('\n');
}

async function holders(host: Host): Promise<string> {
  const state = await readKernelState(host);
  return (await listDisks(host)).flatMap((disk) => printTree(holderTree(state, disk.device))).join('\n');
}

async function tables(host: Host): Promise<string> {
  const texts: string[] = [];
  for (const disk of await listDisks(host)) {
    texts.push(
      describeDisk(disk),
      await dumpTable(host, disk).then(
        (dump) => dump ?? 'no partition table',
        (error: unknown) => `not readable: ${messageOf(error)}`,
      ),
    );
  }
  return texts.join('\n');
}
