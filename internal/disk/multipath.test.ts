import assert from 'node:assert/strict';
import { test } from 'tap';
import { UsageError } from '../errors/errors.ts';
import { devicesOf, directlyAbove, holderTree, kindOf, printTree } from './holders.ts';
import { nameWarning, requireWholeDisk, wholeDisksBelow, type Disk } from './identity.ts';
import {
  againstMultipath,
  failedPaths,
  mapperNode,
  multipathArguments,
  notOneDisk,
  pathsOf,
  type PathFacts,
} from './multipath.ts';
import { judge } from './refusals.ts';
import { planRelease, showPlan } from './release-plan.ts';
import { madeDisk, madeState, partitionsOf, type Made } from './sysfs-fixture.ts';

/** A disk on two paths with two partitions, whatever they are called, and a volume on the second. */
const made: Made[] = [
  { name: 'sda', device: '8:0' },
  ...partitionsOf('sda', '8:0', 2),
  { name: 'sdk', device: '8:160' },
  { name: 'dm-0', device: '253:0', mapper: ['mpatha', 'mpath-360'], on: ['sda', 'sdk'] },
  { name: 'dm-1', device: '253:1', mapper: ['mpatha-part1', 'part1-mpath-360'], on: ['dm-0'] },
  { name: 'dm-2', device: '253:2', mapper: ['renamed', 'part12-mpath-360'], on: ['dm-0'] },
  { name: 'dm-3', device: '253:3', mapper: ['vg-root', 'LVM-x'], on: ['dm-2'] },
  { name: 'dm-4', device: '253:4', mapper: ['linear', ''], on: ['dm-2'] },
  { name: 'sdz', device: '65:0' },
];
const own = { root: '/mnt', containers: '/var/lib/containers' };

test('partitions of a multipath device are known by the uuid that kpartx gives them', async () => {
  const { blocks } = await madeState(made);
  assert.deepEqual(blocks.get('253:1')?.partition, { number: 1, disk: '253:0' });
  assert.deepEqual(blocks.get('253:2')?.partition, { number: 12, disk: '253:0' });
  assert.equal(blocks.get('253:3')?.partition, undefined);
  assert.equal(kindOf(blocks.get('253:2') ?? assert.fail()), 'partition');
});

test('the holders of a multipath device show each partition once', async () => {
  const state = await madeState(made);
  assert.deepEqual(
    directlyAbove(state, '253:0').map(({ name }) => name),
    ['dm-1', 'dm-2'],
  );
  assert.deepEqual(printTree(holderTree(state, '253:0')), [
    'multipath mpatha',
    '  partition mpatha-part1',
    '  partition renamed',
    '    logical volume vg-root',
    '    mapper linear',
  ]);
  assert.ok(!devicesOf(holderTree(state, '253:0')).includes('8:0'), 'its paths are not built on it');
});

test('a multipath device is released like a disk: what is on it goes, itself and its partitions stay', async () => {
  const state = await madeState(made);
  const disk: Disk = {
    ...madeDisk(state, 'dm-0'),
    path: '/dev/mapper/mpatha',
    name: 'mpatha',
    type: 'mpath',
    paths: [],
  };
  const inspection = judge(state, disk, { saved: [], allowSpanning: false, own });
  assert.deepEqual(inspection.reasons, []);
  assert.deepEqual(
    showPlan(planRelease(state, inspection)).map((line) => line.replace(/:.*/, '')),
    [
      'dmsetup remove --retry vg-root',
      'dmsetup remove --retry linear',
      'wipefs --all --force /dev/dm-1',
      'wipefs --all --force /dev/dm-2',
      'wipefs --all --force /dev/mapper/mpatha',
    ],
  );
});

test('a multipath device with a mounted partition is refused like a disk', async () => {
  const state = await madeState(made, {
    mounts: [{ source: '/dev/mapper/renamed', target: '/srv', type: 'xfs', root: '/', device: '253:2' }],
  });
  const disk: Disk = { ...madeDisk(state, 'dm-0'), name: 'mpatha', type: 'mpath', paths: [] };
  assert.deepEqual(judge(state, disk, { saved: [], allowSpanning: false, own }).reasons, [
    { what: 'disk "mpatha" holds mounted file systems: "/srv"', next: 'unmount them or choose another disk' },
  ]);
});

test('requireWholeDisk() takes a multipath device and names it for its parts', async () => {
  const { blocks } = await madeState(made);
  const refused = (device: string): string => {
    try {
      requireWholeDisk('/dev/it', blocks.get(device) ?? assert.fail(), blocks);
      return 'taken';
    } catch (error) {
      assert.ok(error instanceof UsageError);
      return error.message;
    }
  };
  assert.equal(refused('253:0'), 'taken');
  assert.equal(refused('65:0'), 'taken');
  assert.equal(refused('8:0'), '"/dev/it" is a path of multipath device "mpatha"; name "/dev/mapper/mpatha"');
  assert.equal(refused('8:160'), '"/dev/it" is a path of multipath device "mpatha"; name "/dev/mapper/mpatha"');
  assert.equal(
    refused('253:2'),
    '"/dev/it" is partition 12 of disk "mpatha"; name the whole disk "/dev/mapper/mpatha"',
  );
  assert.equal(
    refused('253:4'),
    '"/dev/it" is the device-mapper device "linear", which lies on "/dev/mapper/mpatha"; name a whole disk',
  );
  assert.equal(
    refused('8:1'),
    '"/dev/it" is partition 1 of disk "sda", a path of multipath device "mpatha"; name "/dev/mapper/mpatha"',
  );
  assert.deepEqual(
    wholeDisksBelow(blocks.get('253:3') ?? assert.fail(), blocks).map(({ name }) => name),
    ['dm-0'],
  );
});

test('pathsOf() counts as people do', async () => {
  const names = ['sdb', 'sda', 'nvme1n1', 'nvme10n1', 'nvme2n1'];
  const { blocks } = await madeState([
    ...names.map((name, index) => ({ name, device: `8:${index * 16}` })),
    { name: 'dm-0', device: '253:0', mapper: ['m', 'mpath-1'], on: names },
  ]);
  assert.deepEqual(
    pathsOf(blocks.get('253:0') ?? assert.fail(), blocks).map(({ name }) => name),
    ['nvme1n1', 'nvme2n1', 'nvme10n1', 'sda', 'sdb'],
  );
});

test('mapperNode() writes a name as libdevmapper does', async () => {
  assert.equal(mapperNode('mpatha'), '/dev/mapper/mpatha');
  assert.equal(mapperNode('3600508b400105e21'), '/dev/mapper/3600508b400105e21');
  assert.equal(mapperNode('my big disk'), '/dev/mapper/my\\x20big\\x20disk');
  assert.equal(mapperNode('über'), '/dev/mapper/\\xc3\\xbcber');
  assert.equal(mapperNode('my\\x20big'), '/dev/mapper/my\\x20big');
  assert.equal(mapperNode('a"b$c\\'), '/dev/mapper/a\\x22b\\x24c\\x5c');
});

test('notOneDisk() names the two paths that differ', async () => {
  const path = (name: string, more: Partial<PathFacts> = {}): PathFacts => ({
    ...{ path: `/dev/${name}`, sizeBytes: 1000, sectorBytes: 512, serial: 'S', wwn: '0x5' },
    ...more,
  });
  const bare: PathFacts = { path: '/dev/sdx', sizeBytes: 1000, sectorBytes: 512 };
  assert.equal(notOneDisk([]), undefined);
  assert.equal(notOneDisk([path('sda')]), undefined);
  assert.equal(notOneDisk([path('sda'), path('sdb')]), undefined);
  assert.equal(notOneDisk([path('sda'), bare]), undefined, 'what is not told differs from nothing');
  assert.equal(notOneDisk([path('sda'), { ...bare, sizeBytes: 0 }]), undefined, 'a path that is gone has no size');
  assert.equal(
    notOneDisk([path('sda'), path('sdb'), path('sdc', { wwn: '0x6' })]),
    '"/dev/sda" has WWN "0x5" and "/dev/sdc" has "0x6"',
  );
  assert.equal(
    notOneDisk([path('sda'), path('sdb', { serial: 'T' })]),
    '"/dev/sda" has serial number "S" and "/dev/sdb" has "T"',
  );
  assert.equal(
    notOneDisk([path('sda'), bare, path('sdb', { sizeBytes: 2000 })]),
    '"/dev/sda" has size "1000 bytes" and "/dev/sdb" has "2000 bytes"',
  );
  assert.equal(
    notOneDisk([bare, path('sdb', { sectorBytes: 4096 })]),
    '"/dev/sdx" has sector size "512 bytes" and "/dev/sdb" has "4096 bytes"',
  );
});

test('failedPaths() reads them out of the status', async () => {
  assert.deepEqual(failedPaths('0 8388608 multipath 2 0 0 0 2 1 A 0 1 2 8:0 A 0 0 1 E 0 1 2 8:32 F 1 0 1 '), ['8:32']);
  assert.deepEqual(failedPaths('0 8388608 multipath 2 0 0 0 1 1 E 0 2 2 65:160 F 1 0 1 259:3 F 2 0 1'), [
    '65:160',
    '259:3',
  ]);
  assert.deepEqual(failedPaths('0 8388608 multipath 2 0 0 0 0 0'), []);
});

test('multipathArguments() adds what is not there', async () => {
  const all = ['rd.multipath=default', 'root=/dev/disk/by-label/dm-mpath-root', 'rw'];
  assert.deepEqual(multipathArguments([]), all);
  assert.deepEqual(multipathArguments(['xroot=1', 'rd.multipathx', 'rwx']), all);
  assert.deepEqual(multipathArguments(all), [], 'nothing twice');
  assert.deepEqual(multipathArguments(['rd.multipath=0', 'root=UUID=1', 'ro']), [], 'the seed decides');
  assert.deepEqual(multipathArguments(['root=/dev/disk/by-label/dm-mpath-root']), ['rd.multipath=default', 'rw']);
});

test('againstMultipath() finds what leads to one path', async () => {
  assert.deepEqual(
    againstMultipath(['rd.multipath=default', 'root=/dev/disk/by-label/dm-mpath-root', 'rw', 'a=multipath=off']),
    [],
  );
  const odd = ['nompath', 'multipath=off', 'rd.multipath=0', 'root=UUID=1', 'root=LABEL=root'];
  assert.deepEqual(againstMultipath(odd), odd);
  assert.deepEqual(againstMultipath(['root=/dev/mapper/mpatha4']), []);
});

test('nameWarning() warns of names that a live system gives anew', async () => {
  const disk: Disk = {
    ...{ spelling: '/dev/mapper/mpatha', path: '/dev/mapper/mpatha', name: 'mpatha', device: '253:0', type: 'mpath' },
    ...{ sizeBytes: 1, sectorBytes: 512, readOnly: false, paths: [] },
    byId: ['/dev/disk/by-id/dm-uuid-mpath-360', '/dev/disk/by-id/wwn-0x6'],
  };
  const warning = (spelling: string): string =>
    `the name "${spelling}" may mean another disk after the next start of this machine; prefer "/dev/disk/by-id/dm-uuid-mpath-360"`;
  assert.equal(nameWarning(disk), warning('/dev/mapper/mpatha'));
  assert.equal(nameWarning({ ...disk, spelling: '/dev/dm-0' }), warning('/dev/dm-0'));
  assert.equal(nameWarning({ ...disk, spelling: '/dev/disk/by-id/wwn-0x6' }), undefined);
  assert.equal(nameWarning({ ...disk, spelling: '/dev/mapper/360', path: '/dev/mapper/360', name: '360' }), undefined);
});
