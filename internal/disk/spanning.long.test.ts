import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { Refusal } from '../errors/errors.ts';
import { openHost, type Host } from '../host/host.ts';
import { openLog } from '../log/log.ts';
import { writeRaidSuperblock } from './raid-superblock.ts';
import { inspectDisk, refuseUnsafe } from './refusals.ts';
import { releaseDisk } from './release.ts';
import { testDisk, type TestDisk } from './test-disk.ts';

/** LVM commands of a test see these devices only. */
const only = (...paths: string[]): string[] => [
  '--config',
  `devices { use_devicesfile=0 filter=[ ${paths.map((path) => `"a|^${path}$|", `).join('')}"r|.*|" ] }`,
];

async function group(host: Host, name: string, paths: string[], more: string[] = []): Promise<void> {
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

async function overwrite(path: string, at: number, bytes: Buffer): Promise<void> {
  await using device = await open(path, 'r+');
  await device.write(bytes, 0, bytes.length, at);
  await device.sync();
}

async function copy(lab: TestDisk, from: string, to: string): Promise<void> {
  await lab.host.run('dd', [`if=${from}`, `of=${to}`, 'bs=1M', 'conv=fsync', 'status=none']);
}

/** UUID that blkid shows. */
const uuidOf = (lab: TestDisk, path: string, tag = 'UUID'): Promise<string> =>
  lab.host.text('blkid', ['--probe', '--match-tag', tag, '--output', 'value', path]);

async function digests(...labs: TestDisk[]): Promise<string[]> {
  const sums: string[] = [];
  for (const lab of labs) {
    await lab.host.run('blockdev', ['--flushbufs', lab.path]);
    await lab.host.run('sync', [join(lab.folder, 'disk.img')]);
    sums.push((await lab.host.text('sha256sum', [join(lab.folder, 'disk.img')])).split(' ')[0] ?? '');
  }
  return sums;
}

async function reasons(lab: TestDisk): Promise<{ what: string[]; notes: string[] }> {
  const { reasons: found, notes } = await inspectDisk(lab.host, await lab.disk());
  return { what: found.map(({ what }) => what), notes: [...notes] };
}

type Case = {
  readonly name: string;
  /** Lays it over the two disks; returns what it is called. */
  readonly make: (lab: TestDisk, other: TestDisk) => Promise<string>;
  readonly mebibytes?: number;
};

const damage = Buffer.from('not metadata');
const lvm = async (lab: TestDisk, other: TestDisk, change?: (text: string) => string): Promise<string> => {
  const paths = [lab.path, other.path];
  await group(lab.host, 'wide', paths);
  if (change !== undefined) await edit(lab, 'wide', paths, change);
  return 'volume group "wide"';
};

/** What two disks carry together: each is refused for the other, in the same words, and no byte changes. */
const cases: readonly Case[] = [
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
    name: 'an object store of Ceph',
    make: async (lab, other) => {
      const store = '0d5c2a4e-8f0b-4f6e-9d0e-3a1b2c3d4e5f';
      await overwrite(lab.path, 0, Buffer.from(`bluestore block device\n${store}\n\x02\x01main`));
      await overwrite(other.path, 0, Buffer.from(`bluestore block device\n${store}\n\x02\x01bluefs db`));
      return `Ceph object store "${store}"`;
    },
  },
];

for (const { name, make, mebibytes = 100 } of cases) {
  await test(`${name} is refused on each of the two disks that it lies on, and no byte changes`, async () => {
    await using lab = await testDisk({ mebibytes });
    await using other = await testDisk({ mebibytes });
    const called = await make(lab, other);
    const before = await digests(lab, other);
    for (const [one, another] of [
      [lab, other],
      [other, lab],
    ] as const) {
      const disk = await one.disk();
      await assert.rejects(releaseDisk(lab.host, disk, { say: lab.say }), (error: unknown) => {
        assert.ok(error instanceof Refusal, String(error));
        assert.equal(error.message, `${called} lies on disk "${disk.name}" and also on "${another.path}"`);
        assert.equal(error.next, 'take it apart by hand or choose another disk');
        return true;
      });
    }
    assert.deepEqual(await digests(lab, other), before);
  });
}

for (const { name, make, mebibytes = 100 } of cases.filter((one) =>
  /another host|old cluster|nowhere|btrfs|log apart/.test(one.name),
)) {
  await test(`${name} gives way when all of it is on partitions of the disk`, async () => {
    await using lab = await testDisk({ mebibytes: 3 * mebibytes });
    await lab.sfdisk(`label: gpt\nsize=${mebibytes}M\nsize=${mebibytes}M\n`);
    const parts = [1, 2].map((number): TestDisk => ({ ...lab, path: `${lab.path}p${number}` }));
    const [first, second] = parts;
    assert.ok(first !== undefined && second !== undefined);
    await make(first, second);
    await using bystander = await testDisk({ mebibytes: 10 });
    refuseUnsafe(await inspectDisk(lab.host, await lab.disk()));
    assert.deepEqual((await reasons(bystander)).what, []);
    await releaseDisk(lab.host, await lab.disk(), { say: lab.say });
    assert.equal(await lab.host.text('wipefs', ['--no-act', lab.path]), '');
  });
}

await test('filters and the devices file of this host hide no volume group from us', async () => {
  await using lab = await testDisk({ mebibytes: 100 });
  await using other = await testDisk({ mebibytes: 100 });
  await lvm(lab, other);
  const folder = join(lab.folder, 'lvm');
  await mkdir(join(folder, 'devices'), { recursive: true });
  await writeFile(
    join(folder, 'lvm.conf'),
    'devices {\n use_devicesfile=1\n filter=["r|.*|"]\n global_filter=["r|.*|"]\n hints="all"\n scan_lvs=0\n}\nreport {\n output_format="basic"\n}\n',
  );
  await writeFile(join(folder, 'devices/system.devices'), 'VERSION=1.1.1\n');
  const host = openHost({
    log: openLog({ program: 'test', write: () => undefined }),
    env: { ...lab.host.env, LVM_SYSTEM_DIR: folder },
  });
  assert.equal(await host.text('pvs', ['--noheadings']), '', 'LVM itself shows nothing');
  const disk = await lab.disk();
  assert.deepEqual(
    (await inspectDisk(host, disk)).reasons.map(({ what }) => what),
    [`volume group "wide" lies on disk "${disk.name}" and also on "${other.path}"`],
  );
});

await test('a copy of a disk is no part of it: it is named, and keeps every byte', async (t) => {
  await t.test('with a volume group', async () => {
    await using lab = await testDisk({ mebibytes: 100 });
    await using clone = await testDisk({ mebibytes: 100 });
    await group(lab.host, 'data', [lab.path]);
    await copy(lab, lab.path, clone.path);
    const before = await digests(clone);
    const disk = await lab.disk();
    assert.deepEqual(await reasons(lab), {
      what: [],
      notes: [`volume group "data" on disk "${disk.name}" has a copy on "${clone.path}", which stays as it is`],
    });
    await releaseDisk(lab.host, disk, { say: lab.say });
    assert.equal(await lab.host.text('wipefs', ['--no-act', lab.path]), '');
    assert.deepEqual(await digests(clone), before);
  });

  await t.test('with a btrfs file system', async () => {
    await using lab = await testDisk({ mebibytes: 150 });
    await using clone = await testDisk({ mebibytes: 150 });
    await lab.host.run('mkfs.btrfs', ['--quiet', '--label', 'data', lab.path]);
    await copy(lab, lab.path, clone.path);
    assert.deepEqual((await reasons(lab)).what, []);
  });
});

await test('a volume group is refused for its other half, whichever of two copies of a half LVM prefers', async () => {
  await using lab = await testDisk({ mebibytes: 100 });
  await using other = await testDisk({ mebibytes: 100 });
  await using clone = await testDisk({ mebibytes: 100 });
  await lvm(lab, other);
  await copy(lab, lab.path, clone.path);
  const names = [(await lab.disk()).name, (await clone.disk()).name];
  for (const [index, one] of [lab, clone].entries())
    assert.deepEqual((await reasons(one)).what, [
      `volume group "wide" lies on disk "${names[index] ?? ''}" and also on "${other.path}"`,
    ]);
  const [first = '', second = ''] = [lab.path, clone.path].sort();
  assert.deepEqual((await reasons(other)).what, [
    `volume group "wide" lies on disk "${(await other.disk()).name}" and also on "${first}", "${second}"`,
  ]);
});

await test('what misses a part that this machine does not show is named and gives way', async (t) => {
  for (const { name, make, mebibytes = 100 } of cases.filter((one) =>
    /exported|a btrfs file system$|log apart|journal apart|bcache/.test(one.name),
  )) {
    await t.test(name, async () => {
      await using lab = await testDisk({ mebibytes });
      const called = await (async () => {
        await using other = await testDisk({ mebibytes });
        return await make(lab, other);
      })();
      const disk = await lab.disk();
      assert.deepEqual(await reasons(lab), {
        what: [],
        notes: [
          `${called} on disk "${disk.name}" has 1 more of its parts elsewhere, where this machine does not see them`,
        ],
      });
      await releaseDisk(lab.host, disk, { say: lab.say });
    });
  }
});

await test('an XFS file system with a section for realtime files is refused on both disks, though that bears no mark', async () => {
  await using lab = await testDisk({ mebibytes: 400 });
  await using other = await testDisk({ mebibytes: 101 });
  await using larger = await testDisk({ mebibytes: 103 });
  await lab.host.run('mkfs.xfs', ['-q', '-L', 'films', '-r', `rtdev=${other.path},extsize=64k`, lab.path]);
  const [disk, rest] = [await lab.disk(), await other.disk()];
  const what = `"${lab.path}" is XFS file system "films", whose section for realtime files is on another device and bears no mark there`;
  assert.deepEqual((await reasons(lab)).what, [`${what}, and "${lab.path}" is on disk "${disk.name}"`]);
  assert.deepEqual((await reasons(other)).what, [`${what}; disk "${rest.name}" has one of its very size`]);
  assert.deepEqual((await reasons(larger)).what, []);
  await other.host.run('mkswap', [other.path]);
  assert.deepEqual((await reasons(other)).what, []);
});

await test('the header of an encrypted volume whose data is elsewhere is refused; a closed volume is named', async () => {
  await using lab = await testDisk({ mebibytes: 100 });
  await using other = await testDisk({ mebibytes: 100 });
  const format = [
    'luksFormat',
    '--batch-mode',
    '--pbkdf',
    'pbkdf2',
    '--pbkdf-force-iterations',
    '1000',
    '--key-file',
    '-',
  ];
  for (const type of ['luks2', 'luks1']) {
    const iterations = type === 'luks1' ? ['luksFormat', '--batch-mode', '--key-file', '-'] : format;
    await lab.host.run('cryptsetup', [...iterations, '--type', type, '--header', lab.path, other.path], {
      input: 'secret',
    });
    const header = `"${lab.path}" is the header of an encrypted volume (LUKS ${await uuidOf(lab, lab.path)}), whose data is on another device and bears no mark there`;
    assert.deepEqual((await reasons(lab)).what, [
      `${header}, and "${lab.path}" is on disk "${(await lab.disk()).name}"`,
    ]);
    assert.deepEqual(await reasons(other), {
      what: [],
      notes: [`${header}; that may be on disk "${(await other.disk()).name}"`],
    });
    await lab.host.run('wipefs', ['--all', lab.path]);
    assert.deepEqual((await reasons(lab)).what, [], 'wiped by hand, it is no reason any longer');
    await lab.host.run('cryptsetup', [...iterations, '--type', type, lab.path], { input: 'secret' });
    assert.deepEqual(await reasons(lab), {
      what: [],
      notes: [
        `"${lab.path}" on disk "${(await lab.disk()).name}" is an encrypted volume (LUKS ${await uuidOf(lab, lab.path)}), which is not open: what is in it cannot be seen`,
      ],
    });
    await lab.host.run('wipefs', ['--all', lab.path]);
  }
});

await test('a volume group that misses a part is named where that may be in an encrypted volume of the disk', async () => {
  await using lab = await testDisk({ mebibytes: 100 });
  await using other = await testDisk({ mebibytes: 100 });
  await lvm(lab, other);
  await lab.host.run('wipefs', ['--all', lab.path]);
  await lab.host.run(
    'cryptsetup',
    [
      'luksFormat',
      '--batch-mode',
      '--pbkdf',
      'pbkdf2',
      '--pbkdf-force-iterations',
      '1000',
      '--key-file',
      '-',
      lab.path,
    ],
    { input: 'secret' },
  );
  assert.equal(
    (await reasons(lab)).notes[0],
    `volume group "wide" on "${other.path}" misses a part, which may be in what is not open on disk "${(await lab.disk()).name}"`,
  );
});

await test('checksums that dm-integrity keeps apart from the data are refused, those beside the data are named', async () => {
  await using lab = await testDisk({ mebibytes: 20 });
  const superblock = Buffer.alloc(64);
  superblock.write('integrt', 0, 'latin1');
  superblock.writeUInt8(4, 8);
  await overwrite(lab.path, 0, superblock);
  const { name } = await lab.disk();
  assert.deepEqual((await reasons(lab)).what, [
    `"${lab.path}" is a device of checksums (dm-integrity), whose data is on another device and bears no mark there, and "${lab.path}" is on disk "${name}"`,
  ]);
  superblock.writeUInt8(15, 9);
  await overwrite(lab.path, 0, superblock);
  assert.deepEqual(await reasons(lab), {
    what: [],
    notes: [
      `"${lab.path}" on disk "${name}" is a device with checksums (dm-integrity), which is not open: what is in it cannot be seen`,
    ],
  });
});

await test('a firmware RAID is refused on a machine whose controller is another one', async () => {
  await using lab = await testDisk({ mebibytes: 20 });
  const signature = Buffer.alloc(512);
  signature.write('Intel Raid ISM Cfg Sig. 1.2.00', 0, 'latin1');
  await overwrite(lab.path, 20 * 2 ** 20 - 1024, signature);
  assert.deepEqual((await reasons(lab)).what, [
    `disk "${(await lab.disk()).name}" is a member of a firmware RAID (metadata isw_raid_member)`,
  ]);
});

await test('an array is found without mdadm as well, and a copy of its member is no other one', async () => {
  await using lab = await testDisk({ mebibytes: 20 });
  await using other = await testDisk({ mebibytes: 20 });
  await using clone = await testDisk({ mebibytes: 20 });
  const arrayUuid = randomBytes(16);
  await writeRaidSuperblock(lab.path, { sectors: 40_960, arrayUuid });
  await writeRaidSuperblock(other.path, { sectors: 40_960, arrayUuid, member: 1 });
  await copy(lab, lab.path, clone.path);
  const { name } = await lab.disk();
  assert.deepEqual((await reasons(lab)).what, [
    `RAID array "lab:old" lies on disk "${name}" and also on "${other.path}"`,
  ]);
  assert.ok(
    (await reasons(lab)).notes.includes(
      `RAID array "lab:old" on disk "${name}" has a copy on "${clone.path}", which stays as it is`,
    ),
  );
  const bin = join(lab.folder, 'without');
  await mkdir(bin);
  for (const program of ['blkid', 'sfdisk', 'lsblk', 'setpriv'])
    await symlink(await lab.host.text('which', [program]), join(bin, program));
  const poor = openHost({ log: openLog({ program: 'test', write: () => undefined }), env: { PATH: bin } });
  assert.deepEqual(
    (await inspectDisk(poor, await lab.disk())).reasons.map(({ what }) => what),
    [`RAID array "lab:old" lies on disk "${name}" and also on "${other.path}"`],
  );
});

await test('a device that shows two contents at once is asked for each', async () => {
  await using lab = await testDisk({ mebibytes: 150 });
  await using other = await testDisk({ mebibytes: 150 });
  await lab.host.run('mke2fs', ['-q', '-F', lab.path]);
  const first = Buffer.alloc(65_536);
  {
    await using device = await open(lab.path, 'r');
    await device.read(first, 0, first.length, 0);
  }
  await lab.host.run('mkfs.btrfs', ['--quiet', '--force', '--label', 'two', lab.path, other.path]);
  await overwrite(lab.path, 0, first);
  const { name } = await lab.disk();
  assert.equal((await lab.host.run('blkid', ['--probe', lab.path], { okStatuses: [8] })).status, 8);
  assert.deepEqual((await reasons(lab)).what, [
    `btrfs file system "two" lies on disk "${name}" and also on "${other.path}"`,
  ]);
});
