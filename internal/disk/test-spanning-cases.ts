import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { writeStratisHeader, writeZfsLabel } from './pool-labels.ts';
import { inspectDisk } from './refusals.ts';
import type { TestDisk } from './test-disk.ts';

/** LVM commands of a test see these devices only. */
export const only = (...paths: string[]): string[] => [
  '--config',
  `devices { use_devicesfile=0 filter=[ ${paths.map((path) => `"a|^${path}$|", `).join('')}"r|.*|" ] }`,
];

export async function group(host: Host, name: string, paths: string[], more: string[] = []): Promise<void> {
  await host.run('pvcreate', ['-y', ...only(...paths), ...paths]);
  await host.run('vgcreate', [...only(...paths), ...more, name, ...paths]);
}

/** Rewrites a group's metadata, as the host that it belongs to would have written it. */
async function edit(lab: TestDisk, name: string, paths: string[], change: (text: string) => string): Promise<void> {
  const file = join(lab.folder, 'metadata');
  await lab.host.run('vgcfgbackup', [...only(...paths), '--file', file, name]);
  await writeFile(file, change(await readFile(file, 'utf8')));
  await lab.host.run('vgcfgrestore', [...only(...paths), '--file', file, name]);
}

export async function overwrite(path: string, at: number, bytes: Buffer): Promise<void> {
  await using device = await open(path, 'r+');
  await device.write(bytes, 0, bytes.length, at);
  await device.sync();
}

export async function copy(lab: TestDisk, from: string, to: string): Promise<void> {
  await lab.host.run('dd', [`if=${from}`, `of=${to}`, 'bs=1M', 'conv=fsync', 'status=none']);
}

/** UUID that blkid shows. */
export const uuidOf = (lab: TestDisk, path: string, tag = 'UUID'): Promise<string> =>
  lab.host.text('blkid', ['--probe', '--match-tag', tag, '--output', 'value', path]);

export async function digests(...labs: TestDisk[]): Promise<string[]> {
  const sums: string[] = [];
  for (const lab of labs) {
    await lab.host.run('blockdev', ['--flushbufs', lab.path]);
    await lab.host.run('sync', [join(lab.folder, 'disk.img')]);
    sums.push((await lab.host.text('sha256sum', [join(lab.folder, 'disk.img')])).split(' ')[0] ?? '');
  }
  return sums;
}

export async function reasons(lab: TestDisk): Promise<{ what: string[]; notes: string[] }> {
  const { reasons: found, notes } = await inspectDisk(lab.host, await lab.disk());
  // what other disks of this machine are labelled is none of these tests' business
  return { what: found.map(({ what }) => what), notes: notes.filter((note) => !/ a file system labelled /.test(note)) };
}

export type Case = {
  readonly name: string;
  /** Lays it over the two disks; returns what it is called. */
  readonly make: (lab: TestDisk, other: TestDisk) => Promise<string>;
  readonly mebibytes?: number;
};

const damage = Buffer.from('not metadata');
export const lvm = async (lab: TestDisk, other: TestDisk, change?: (text: string) => string): Promise<string> => {
  const paths = [lab.path, other.path];
  await group(lab.host, 'wide', paths);
  if (change !== undefined) await edit(lab, 'wide', paths, change);
  return 'volume group "wide"';
};

/** What two disks carry together: each is refused for the other, in the same words, and no byte changes. */
export const cases: readonly Case[] = [
  {
    name: 'a volume group of another host (system id)',
    make: async (lab, other) => {
      await group(lab.host, 'wide', [lab.path, other.path], ['--systemid', 'another-host']);
      return 'volume group "wide"';
    },
  },
  {
    name: 'a volume group of several hosts (lock type)',
    make: (lab, other) =>
      lvm(lab, other, (text) =>
        text.replace(/^\tstatus = \["RESIZEABLE".*$/m, '$&\n\tlock_type = "sanlock"\n\tlock_args = "1.0.0:lvmlock"'),
      ),
  },
  {
    name: 'a volume group of an old cluster, which LVM shows in no way',
    make: (lab, other) => lvm(lab, other, (text) => text.replace('"RESIZEABLE"', '"CLUSTERED", "RESIZEABLE"')),
  },
  {
    name: 'an exported volume group',
    make: async (lab, other) => {
      const name = await lvm(lab, other);
      await lab.host.run('vgexport', [...only(lab.path, other.path), 'wide']);
      return name;
    },
  },
  {
    name: 'a volume group whose metadata fit their checksums nowhere',
    make: async (lab, other) => {
      const name = await lvm(lab, other);
      for (const { path } of [lab, other])
        for (let at = 4608; at < 16_384; at += 512) {
          const sector = Buffer.alloc(512);
          await using device = await open(path, 'r');
          await device.read(sector, 0, 512, at);
          const creation = sector.indexOf('creation_host');
          if (creation >= 0) await overwrite(path, at + creation, Buffer.from('damaged_words'));
        }
      return name;
    },
  },
  {
    name: 'a volume group whose metadata can be read nowhere',
    make: async (lab, other) => {
      await lvm(lab, other);
      for (const { path } of [lab, other])
        for (let at = 4096; at < 32_768; at += 512) await overwrite(path, at, damage);
      return 'volume group "[unknown]"';
    },
  },
  {
    name: 'a volume group with metadata on one of its disks only',
    make: async (lab, other) => {
      await lab.host.run('pvcreate', ['-y', ...only(lab.path), '--metadatacopies', '0', lab.path]);
      await lab.host.run('pvcreate', ['-y', ...only(other.path), other.path]);
      await lab.host.run('vgcreate', [...only(lab.path, other.path), 'wide', lab.path, other.path]);
      return 'volume group "wide"';
    },
  },
  {
    name: 'a btrfs file system',
    mebibytes: 150,
    make: async (lab, other) => {
      await lab.host.run('mkfs.btrfs', ['--quiet', '--label', 'my data', '--data', 'raid0', lab.path, other.path]);
      return 'btrfs file system "my data"';
    },
  },
  {
    name: 'a btrfs file system that sprang from a seed device',
    mebibytes: 300,
    make: async (lab, other) => {
      const { host } = lab;
      await host.run('mkfs.btrfs', ['--quiet', lab.path]);
      await host.run('btrfstune', ['-S', '1', lab.path]);
      const point = join(lab.folder, 'sprout');
      await mkdir(point);
      await using mount = await host.mount(lab.path, point, ['-t', 'btrfs']);
      await host.run('btrfs', ['device', 'add', '--force', other.path, mount.target]);
      await host.run('mount', ['-o', 'remount,rw', mount.target]);
      await writeFile(join(mount.target, 'file'), 'of the sprout');
      return `btrfs file system "${await uuidOf(lab, other.path)}"`;
    },
  },
  {
    name: 'an XFS file system with its log apart',
    mebibytes: 400,
    make: async (lab, other) => {
      await lab.host.run('mkfs.xfs', ['-q', '-L', 'archive', '-l', `logdev=${other.path},size=64m`, lab.path]);
      return 'XFS file system "archive"';
    },
  },
  {
    name: 'an ext4 file system with its journal apart',
    make: async (lab, other) => {
      await lab.host.run('mke2fs', ['-q', '-F', '-O', 'journal_dev', '-b', '4096', other.path]);
      await lab.host.run('mke2fs', [
        '-q',
        '-F',
        '-t',
        'ext4',
        '-b',
        '4096',
        '-L',
        'mail',
        '-J',
        `device=${other.path}`,
        lab.path,
      ]);
      return 'ext4 file system "mail"';
    },
  },
  {
    name: 'a bcache set',
    make: async (lab, other) => {
      await lab.host.run('make-bcache', ['-C', lab.path, '-B', other.path]);
      const shown = await lab.host.text('bcache-super-show', [lab.path]);
      return `bcache set "${/^cset\.uuid\s+(\S+)$/m.exec(shown)?.[1] ?? ''}"`;
    },
  },
  {
    name: 'a ZFS pool',
    make: async (lab, other) => {
      const pool = { name: 'tank', guid: 0x1234567890abcdefn };
      await writeZfsLabel(lab.path, pool, 1n);
      await writeZfsLabel(other.path, pool, 2n);
      return 'ZFS pool "tank"';
    },
  },
  {
    name: 'a Stratis pool',
    make: async (lab, other) => {
      const pool = '0d5c2a4e8f0b4f6e9d0e3a1b2c3d4e5f';
      for (const [index, { path }] of [lab, other].entries())
        await writeStratisHeader(path, 204_800, pool, `${index}`.repeat(32));
      return `Stratis pool "${pool.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}"`;
    },
  },
  {
    name: 'an object store of Ceph',
    make: async (lab, other) => {
      const store = '0d5c2a4e-8f0b-4f6e-9d0e-3a1b2c3d4e5f';
      await overwrite(lab.path, 0, Buffer.from(`bluestore block device\n${store}\n\x02\x01main`));
      await overwrite(other.path, 0, Buffer.from(`bluestore block device\n${store}\n\x02\x01bluefs db`));
      return `Ceph object store "${store}"`;
    },
  },
];
