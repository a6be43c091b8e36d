import { createHash } from 'node:crypto';
import type { IbiLane } from './ibi-lane.ts';

/** What an installation put on a disk, without what must differ between two of them. */
export type InstalledTree = {
  /** One line for each file: type, mode, owner, content digest or link target, path. */
  readonly lines: readonly string[];
  readonly digest: string;
  /** Names and digests of the images in container storage. */
  readonly images: readonly string[];
};

/**
 * Different by nature, each with its reason:
 * - the install records and logs hold times
 * - ostree alternates two names of the boot links and the loader folder with every change
 * - ostree's repository keeps locks, summary caches and the commits of what was removed until it prunes
 */
const volatile =
  /^(?:ostree\/\.ibi\/(?:first-)?record\.json|ostree\/deploy\/[^/]+\/var\/log\/ibi(?:\/.*)?|ostree\/boot\.\d(?:\.\d)?(?:\/.*)?|ostree\/repo\/(?:tmp|state|\.lock|extensions)(?:\/.*)?|ostree\/repo\/refs\/.*|boot\/loader(?:\.\d)?(?:\/.*)?|boot\/lost\+found)$/;

/** Mounts the disk read-only in the lane and reads what stands on it. */
export async function installedTree(it: IbiLane): Promise<InstalledTree> {
  const script = `set -euo pipefail
    mkdir -p /run/look; mount -o ro /dev/disk/by-partlabel/root /run/look; mount -o ro /dev/disk/by-partlabel/boot /run/look/boot
    trap 'umount /run/look/boot; umount /run/look' EXIT
    find /run/look -mindepth 1 -printf '%y %m %U:%G %l\\t%P\\0' | LC_ALL=C sort -z | base64 -w0; echo
    (cd /run/look; find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum -z | base64 -w0); echo
    grep -h ^options /run/look/boot/loader/entries/*.conf | sed 's/ostree=[^ ]*//'`;
  const { stdout } = await it.lane.run('bash', ['-c', script]);
  const [entries = '', sums = '', ...options] = stdout.split('\n');
  const sumOf = new Map(
    Buffer.from(sums, 'base64')
      .toString('latin1')
      .split('\0')
      .map((line) => [line.slice(68), line.slice(0, 64)]),
  );
  const lines = Buffer.from(entries, 'base64')
    .toString('latin1')
    .split('\0')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const path = line.slice(line.indexOf('\t') + 1);
      return volatile.test(path) ? [] : [`${line}\t${sumOf.get(path) ?? ''}`];
    });
  const images = await storedImages(it);
  return {
    lines: [...lines, ...options],
    digest: createHash('sha256')
      .update([...lines, ...options].join('\n'))
      .digest('hex'),
    images,
  };
}

async function storedImages(it: IbiLane): Promise<string[]> {
  const script = `set -euo pipefail
    mount /dev/disk/by-partlabel/var-lib-containers /var/lib/containers
    trap 'umount /var/lib/containers' EXIT
    podman images --format '{{.Repository}}:{{.Tag}} {{.Digest}}' | LC_ALL=C sort`;
  const { stdout } = await it.lane.run('bash', ['-c', script]);
  return stdout.split('\n').filter((line) => line !== '');
}

/** The first differences of two trees, for a failed comparison. */
export function differences(a: InstalledTree, b: InstalledTree): string[] {
  const [left, right] = [new Set(a.lines), new Set(b.lines)];
  return [
    ...a.lines.filter((line) => !right.has(line)).map((line) => `- ${line}`),
    ...b.lines.filter((line) => !left.has(line)).map((line) => `+ ${line}`),
  ].slice(0, 20);
}
