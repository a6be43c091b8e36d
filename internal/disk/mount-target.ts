import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { exists } from '../host/files.ts';
import type { Disk } from './identity.ts';
import { bindFolder, mountPartition, thaw, topMount } from './mounting.ts';
import { findPartition, readTable, type Partition } from './partitions.ts';
import type { Say } from './say.ts';
import { settle } from './settle.ts';

/** A disk whose installation is mounted and may be filled. */
export type Target = {
  readonly disk: Disk;
  /** Mount points: "/mnt", "/mnt/boot", "/var/lib/containers". */
  readonly root: string;
  readonly boot: string;
  readonly containers: string;
  readonly rootPartition: Partition;
  readonly bootPartition: Partition;
  /** Absent in the folder variant. */
  readonly containersPartition?: Partition;
};

export type MountPlan = {
  /** Which partition holds container storage; "folder": a folder of the root file system does. */
  readonly containers: { readonly partUuid: string } | { readonly label: string } | 'folder';
  readonly root?: string;
  readonly containersAt?: string;
  /** Mount options of the container storage partition. */
  readonly containersOptions?: readonly string[];
};

/**
 * Mounts root, boot and container storage of the target. Partitions are looked up in the target's own table: a second disk with
 * the same labels stays out of it. What is mounted already as it should be is left so.
 */
export async function mountTarget(host: Host, disk: Disk, plan: MountPlan, say: Say): Promise<Target> {
  await settle(host, disk);
  const table = await readTable(host, disk);
  const root = plan.root ?? '/mnt';
  const target: Target = {
    disk,
    root,
    boot: join(root, 'boot'),
    containers: plan.containersAt ?? '/var/lib/containers',
    rootPartition: findPartition(table, { label: 'root' }, disk.name),
    bootPartition: findPartition(table, { label: 'boot' }, disk.name),
    ...(plan.containers === 'folder'
      ? {}
      : {
          containersPartition: findPartition(
            table,
            'label' in plan.containers ? plan.containers : { uuid: plan.containers.partUuid },
            disk.name,
          ),
        }),
  };
  await mountPartition(host, target.rootPartition, target.root);
  await mountPartition(host, target.bootPartition, target.boot);
  await thaw(host, target.boot, say); // it may be mounted since an earlier run
  if (target.containersPartition === undefined) await mountFolder(host, target);
  else await mountPartition(host, target.containersPartition, target.containers, plan.containersOptions);
  say(
    `disk "${disk.name}" is mounted: partition ${target.rootPartition.number} at "${target.root}", ${target.bootPartition.number} at "${target.boot}", ${
      target.containersPartition === undefined
        ? `folder "${containersFolder(target)}"`
        : target.containersPartition.number
    } at "${target.containers}"`,
  );
  return target;
}

/** True when all of it is mounted as it should be. */
export async function isMounted(host: Host, target: Target): Promise<boolean> {
  const expected: [string, string | undefined][] = [
    [target.root, target.rootPartition.device],
    [target.boot, target.bootPartition.device],
    [target.containers, (target.containersPartition ?? target.rootPartition).device],
  ];
  for (const [point, device] of expected) {
    if (device === undefined || (await topMount(host, point))?.device !== device) return false;
  }
  return true;
}

/** Gives container storage the labels of the running policy; without SELinux there are none, and one fact says so. */
export async function relabelContainers(host: Host, target: Target, say: Say): Promise<void> {
  if (!(await exists('/sys/fs/selinux/enforce'))) {
    say(`SELinux is off in this system; the labels of "${target.containers}" are left as they are`);
    return;
  }
  await host.run('restorecon', ['-R', target.containers], { budgetMs: 600_000 });
}

function containersFolder(target: Target): string {
  return join(target.root, 'containers');
}

/**
 * The physical root of an OSTree system is immutable. The slash behind the mount point matters: /mnt may be a link, which chattr
 * does not follow by itself. The flag is set again whatever happens in between.
 */
async function mountFolder(host: Host, target: Target): Promise<void> {
  const folder = containersFolder(target);
  if (!(await exists(folder))) {
    await host.run('chattr', ['-i', `${target.root}/`]);
    try {
      await host.run('mkdir', ['-p', folder]);
    } finally {
      await host.run('chattr', ['+i', `${target.root}/`], { onStop: 'finish' });
    }
  }
  await bindFolder(host, folder, target.rootPartition.device, target.containers);
}
