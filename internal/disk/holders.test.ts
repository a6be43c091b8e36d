import assert from 'node:assert/strict';
import { test } from 'tap';
import { deviceNumber } from './block-devices.ts';
import { activeHolders, devicesOf, holderTree, printTree } from './holders.ts';
import { parseSwaps } from './kernel-state.ts';
import { UsageError } from '../errors/errors.ts';
import { requireWholeDisk, wholeDisksBelow } from './identity.ts';
import { madeState, partitionsOf } from './sysfs-fixture.ts';

test('holderTree()', async (t) => {
  for (const [disk, twin] of [
    ['sda', 'sdaa'],
    ['nvme0n1', 'nvme0n10'],
    ['vda', 'vdab'],
  ] as const) {
    await t.test(`of ${disk} shows nothing of ${twin}`, async () => {
      const state = await madeState(
        [
          { name: disk, device: '8:0' },
          ...partitionsOf(disk, '8:0', 2),
          { name: twin, device: '65:160' },
          ...partitionsOf(twin, '65:160', 2),
          {
            name: 'dm-0',
            device: '253:0',
            mapper: ['vg-root', 'LVM-x'],
            on: [partitionsOf(twin, '65:160', 2)[1]?.name ?? ''],
          },
        ],
        {
          mounts: [{ device: '65:161', source: `/dev/${twin}1`, target: '/data', type: 'xfs', root: '/' }],
          swaps: [{ path: '/dev/dm-0', device: '253:0' }],
        },
      );
      assert.deepEqual(devicesOf(holderTree(state, '8:0')), ['8:0', '8:1', '8:2']);
      assert.deepEqual(activeHolders(holderTree(state, '8:0')), []);
      assert.equal(activeHolders(holderTree(state, '65:160')).length, 3);
    });
  }

  await t.test('shows a thin pool from the disk to the mount, shared devices once in full', async () => {
    const state = await madeState(
      [
        { name: 'sda', device: '8:0' },
        ...partitionsOf('sda', '8:0', 1),
        { name: 'dm-1', device: '253:1', mapper: ['vg-pool_tdata', 'LVM-b-tdata'], on: ['sda1'] },
        { name: 'dm-0', device: '253:0', mapper: ['vg-pool_tmeta', 'LVM-a-tmeta'], on: ['sda1'] },
        { name: 'dm-2', device: '253:2', mapper: ['vg-pool-tpool', 'LVM-c-tpool'], on: ['dm-0', 'dm-1'] },
        { name: 'dm-3', device: '253:3', mapper: ['vg-thin', 'LVM-d'], on: ['dm-2'] },
      ],
      {
        mounts: [{ device: '253:3', source: '/dev/mapper/vg-thin', target: '/data', type: 'xfs', root: '/' }],
        physicalVolumes: [{ path: '/dev/sda1', device: '8:1', groupName: 'vg', groupUuid: 'U' }],
      },
    );
    assert.deepEqual(printTree(holderTree(state, '8:0')), [
      'disk sda',
      '  partition sda1',
      '    volume group "vg": U',
      '    logical volume vg-pool_tmeta',
      '      logical volume vg-pool-tpool',
      '        logical volume vg-thin',
      '          mount "/data": xfs',
      '    logical volume vg-pool_tdata',
      '      logical volume vg-pool-tpool (see above)',
    ]);
  });

  await t.test('shows parts of what lies on several devices, which hold nothing', async () => {
    const part = { device: '8:1', path: '/dev/sda1', kind: 'btrfs file system', id: 'F', label: 'data', part: 'D1' };
    const state = await madeState([{ name: 'sda', device: '8:0' }, ...partitionsOf('sda', '8:0', 1)], {
      marks: { parts: [part], unmarked: [], closed: [], bare: new Map() },
    });
    const tree = holderTree(state, '8:0');
    assert.deepEqual(printTree(tree), [
      'disk sda',
      '  partition sda1',
      '    shared part of btrfs file system "data": D1',
    ]);
    assert.deepEqual(activeHolders(tree), []);
  });

  await t.test('lists partitions by number, whatever the order of their device numbers', async () => {
    const state = await madeState([
      { name: 'nvme0n1', device: '259:0' },
      { name: 'nvme0n1p1', device: '259:4', partition: [1, 'nvme0n1'] },
      { name: 'nvme0n1p2', device: '259:1', partition: [2, 'nvme0n1'] },
      { name: 'nvme0n1p10', device: '259:2', partition: [10, 'nvme0n1'] },
    ]);
    assert.deepEqual(printTree(holderTree(state, '259:0')), [
      'disk nvme0n1',
      '  partition nvme0n1p1',
      '  partition nvme0n1p2',
      '  partition nvme0n1p10',
    ]);
  });
});

test('wholeDisksBelow() finds every disk under an encrypted volume on an array', async () => {
  const state = await madeState([
    { name: 'sdb', device: '8:16' },
    ...partitionsOf('sdb', '8:16', 1),
    { name: 'sdc', device: '8:32' },
    { name: 'md0', device: '9:0', raid: 'raid1', on: ['sdb1', 'sdc'] },
    { name: 'dm-0', device: '253:0', mapper: ['luks', 'CRYPT-LUKS2-x'], on: ['md0'] },
  ]);
  const top = state.blocks.get('253:0');
  assert.ok(top);
  assert.deepEqual(
    wholeDisksBelow(top, state.blocks).map((disk) => disk.name),
    ['sdb', 'sdc'],
  );
});

test('requireWholeDisk() refuses what lies on disks, and names them', async () => {
  const state = await madeState([
    { name: 'sdb', device: '8:16' },
    ...partitionsOf('sdb', '8:16', 1),
    { name: 'sdc', device: '8:32' },
    { name: 'md0', device: '9:0', raid: 'raid1', on: ['sdb1', 'sdc'] },
    { name: 'dm-0', device: '253:0', mapper: ['vg-lv', 'LVM-x'], on: ['sdb1'] },
  ]);
  const refuse = (device: string, spelling: string) => () => {
    const block = state.blocks.get(device);
    assert.ok(block);
    requireWholeDisk(spelling, block, state.blocks);
  };
  refuse('8:16', '/dev/sdb')();
  assert.throws(
    refuse('8:17', '/dev/sdb1'),
    new UsageError('"/dev/sdb1" is partition 1 of disk "sdb"; name the whole disk "/dev/sdb"'),
  );
  assert.throws(
    refuse('253:0', '/dev/vg/lv'),
    new UsageError('"/dev/vg/lv" is the device-mapper device "vg-lv", which lies on "/dev/sdb"; name a whole disk'),
  );
  assert.throws(
    refuse('9:0', '/dev/md/x'),
    new UsageError('"/dev/md/x" is the RAID array "md0", which lies on "/dev/sdb" and "/dev/sdc"; name a whole disk'),
  );
});

test('deviceNumber() reads numbers that do not fit into eight bits', async () => {
  assert.deepEqual([2065n, 1114924n, 286326128n].map(deviceNumber), ['8:17', '259:300', '253:70000']);
});

test('parseSwaps() tells devices and files, with blanks in their names', async () => {
  const text =
    'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/sda2                               partition\t1\t0\t-2\n/var/my\\040swap                         file\t\t1\t0\t-3\n';
  assert.deepEqual(parseSwaps(text), [
    { path: '/dev/sda2', file: false },
    { path: '/var/my swap', file: true },
  ]);
});
