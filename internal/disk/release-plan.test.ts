import assert from 'node:assert/strict';
import { test } from 'tap';
import type { KernelState } from './kernel-state.ts';
import type { Partition } from './partitions.ts';
import { judge } from './refusals.ts';
import { planRelease, type ReleaseAction } from './release-plan.ts';
import { madeDisk, madeState, partitionsOf, type Made } from './sysfs-fixture.ts';

const own = { root: '/mnt', containers: '/var/lib/containers' };

async function plan(
  made: Made[],
  uses: Partial<Omit<KernelState, 'blocks'>>,
  saved: Partition[] = [],
): Promise<ReleaseAction[]> {
  const state = await madeState(made, uses);
  return planRelease(state, judge(state, madeDisk(state, 'sda'), { saved, allowSpanning: true, own }));
}

/** A plan as a person would type it, without LVM's settings. */
function lines(actions: readonly ReleaseAction[]): string[] {
  return actions.map(({ program, args }) =>
    [program, ...args.filter((arg) => arg !== '--config' && !arg.startsWith('devices/'))].join(' '),
  );
}

const sda: Made[] = [{ name: 'sda', device: '8:0' }, ...partitionsOf('sda', '8:0', 2)];
const wipeAll = ['wipefs --all --force /dev/sda1', 'wipefs --all --force /dev/sda2', 'wipefs --all --force /dev/sda'];

test('the plan that releases a disk', async (t) => {
  await t.test('wipes partitions before the disk when nothing holds it', async () =>
    assert.deepEqual(lines(await plan(sda, {})), wipeAll),
  );

  await t.test(
    'unmounts in the opposite order of mounting, with what others mounted inside, and leaves what was there before',
    async () => {
      const mounts = [
        ['0:49', '/var/lib/containers'],
        ['8:2', '/mnt'],
        ['8:1', '/mnt/boot'],
        ['0:50', '/mnt/boot/x'],
        ['8:2', '/var/lib/containers'],
        ['0:51', '/var/lib/containers/overlay/merged'],
        ['0:52', '/mnt2'],
      ].map(([device = '', target = '']) => ({ device, target, source: 'x', type: 'xfs', root: '/' }));
      assert.deepEqual(lines(await plan(sda, { mounts })), [
        'umount -- /var/lib/containers/overlay/merged',
        'umount -- /var/lib/containers',
        'umount -- /mnt/boot/x',
        'umount -- /mnt/boot',
        'umount -- /mnt',
        ...wipeAll,
      ]);
    },
  );

  await t.test('takes a thin pool apart from the thin volume down to the data and metadata', async () => {
    const made: Made[] = [
      ...sda,
      { name: 'dm-0', device: '253:0', mapper: ['vg-pool_tmeta', 'LVM-a'], on: ['sda2'] },
      { name: 'dm-1', device: '253:1', mapper: ['vg-pool_tdata', 'LVM-b'], on: ['sda2'] },
      { name: 'dm-2', device: '253:2', mapper: ['vg-pool-tpool', 'LVM-c'], on: ['dm-0', 'dm-1'] },
      { name: 'dm-3', device: '253:3', mapper: ['vg-a_thin', 'LVM-d'], on: ['dm-2'] },
    ];
    assert.deepEqual(
      lines(
        await plan(made, { physicalVolumes: [{ path: '/dev/sda2', device: '8:2', groupName: 'vg', groupUuid: 'U' }] }),
      ),
      [
        'dmsetup remove --retry vg-a_thin',
        'dmsetup remove --retry vg-pool-tpool',
        'dmsetup remove --retry vg-pool_tmeta',
        'dmsetup remove --retry vg-pool_tdata',
        'vgchange -an --select vg_uuid=U',
        'vgremove -y --select vg_uuid=U',
        'pvremove -y -ff /dev/sda2',
        ...wipeAll,
      ],
    );
  });

  await t.test('goes from swap on an encrypted volume over LVM on an array down to the members', async () => {
    const made: Made[] = [
      ...sda,
      { name: 'md0', device: '9:0', raid: 'raid1', on: ['sda1', 'sda2'] },
      { name: 'dm-0', device: '253:0', mapper: ['vg-lv', 'LVM-a'], on: ['md0'] },
      { name: 'dm-1', device: '253:1', mapper: ['secret', 'CRYPT-LUKS2-b'], on: ['dm-0'] },
    ];
    assert.deepEqual(
      lines(
        await plan(made, {
          swaps: [{ path: '/dev/dm-1', device: '253:1' }],
          physicalVolumes: [{ path: '/dev/md0', device: '9:0', groupName: 'vg', groupUuid: 'U' }],
          raidMembers: [1, 2].map((number) => ({
            device: `8:${number}`,
            path: `/dev/sda${number}`,
            arrayUuid: 'A',
            metadata: '1.2',
          })),
        }),
      ),
      [
        'swapoff /dev/dm-1',
        'cryptsetup close secret',
        'dmsetup remove --retry vg-lv',
        'vgchange -an --select vg_uuid=U',
        'vgremove -y --select vg_uuid=U',
        'pvremove -y -ff /dev/md0',
        'mdadm --stop /dev/md0',
        'mdadm --zero-superblock /dev/sda1',
        'mdadm --zero-superblock /dev/sda2',
        ...wipeAll,
      ],
    );
  });

  await t.test('clears all volumes of a group with two members before the group goes', async () => {
    const made: Made[] = [
      ...sda,
      { name: 'dm-0', device: '253:0', mapper: ['vg-one', 'LVM-a'], on: ['sda1'] },
      { name: 'dm-1', device: '253:1', mapper: ['vg-two', 'LVM-b'], on: ['sda2'] },
      { name: 'dm-2', device: '253:2', mapper: ['luks', 'CRYPT-c'], on: ['dm-1'] },
    ];
    const physicalVolumes = [1, 2].map((number) => ({
      path: `/dev/sda${number}`,
      device: `8:${number}`,
      groupName: 'vg',
      groupUuid: 'U',
    }));
    assert.deepEqual(lines(await plan(made, { physicalVolumes })), [
      'dmsetup remove --retry vg-one',
      'cryptsetup close luks',
      'dmsetup remove --retry vg-two',
      'vgchange -an --select vg_uuid=U',
      'vgremove -y --select vg_uuid=U',
      'pvremove -y -ff /dev/sda1',
      'pvremove -y -ff /dev/sda2',
      ...wipeAll,
    ]);
  });

  await t.test('takes only our part out of a group and an array that go on to another disk', async () => {
    const made: Made[] = [
      ...sda,
      { name: 'sdb', device: '8:16' },
      ...partitionsOf('sdb', '8:16', 2),
      { name: 'md0', device: '9:0', raid: 'raid1', on: ['sda1', 'sdb1'] },
    ];
    const actions = lines(
      await plan(made, {
        physicalVolumes: [
          { path: '/dev/sda2', device: '8:2', groupName: 'vg', groupUuid: 'U' },
          { path: '/dev/sdb2', device: '8:18', groupName: 'vg', groupUuid: 'U' },
        ],
        raidMembers: [
          { device: '8:1', path: '/dev/sda1', arrayUuid: 'A', metadata: '1.2' },
          { device: '8:17', path: '/dev/sdb1', arrayUuid: 'A', metadata: '1.2' },
        ],
      }),
    );
    assert.deepEqual(actions, [
      'mdadm --stop /dev/md0',
      'mdadm --zero-superblock /dev/sda1',
      'vgchange -an --select vg_uuid=U',
      'pvremove -y -ff /dev/sda2',
      ...wipeAll,
    ]);
    assert.doesNotMatch(actions.join('\n'), /sdb/);
  });

  await t.test('does not remove a group that misses a member, and frees our part of it', async () => {
    const physicalVolumes = [
      { path: '/dev/sda2', device: '8:2', groupName: 'vg', groupUuid: 'U' },
      { path: '[unknown]', groupName: 'vg', groupUuid: 'U' },
    ];
    assert.deepEqual(lines(await plan(sda, { physicalVolumes })), [
      'vgchange -an --select vg_uuid=U',
      'pvremove -y -ff /dev/sda2',
      ...wipeAll,
    ]);
  });

  await t.test('only deactivates what lies on a kept partition, and leaves the table that leads to it', async () => {
    const made: Made[] = [
      ...sda,
      { name: 'md0', device: '9:0', raid: 'raid1', on: ['sda2'] },
      { name: 'dm-0', device: '253:0', mapper: ['vg-data', 'LVM-a'], on: ['md0'] },
    ];
    const kept: Partition = {
      number: 2,
      device: '8:2',
      path: '/dev/sda2',
      label: 'data',
      startSector: 0,
      sectors: 1,
      sizeBytes: 512,
      type: 'X',
    };
    assert.deepEqual(
      lines(
        await plan(
          made,
          {
            swaps: [{ path: '/dev/sda2', device: '8:2' }],
            physicalVolumes: [{ path: '/dev/md0', device: '9:0', groupName: 'vg', groupUuid: 'U' }],
            raidMembers: [{ device: '8:2', path: '/dev/sda2', arrayUuid: 'A', metadata: '1.2' }],
          },
          [kept],
        ),
      ),
      [
        'swapoff /dev/sda2',
        'dmsetup remove --retry vg-data',
        'vgchange -an --select vg_uuid=U',
        'mdadm --stop /dev/md0',
        'wipefs --all --force /dev/sda1',
      ],
    );
  });

  await t.test('names a group by its UUID only: another disk may carry the same name', async () => {
    const made: Made[] = [...sda, { name: 'sdb', device: '8:16' }];
    const physicalVolumes = [
      { path: '/dev/sda2', device: '8:2', groupName: 'vg', groupUuid: 'U1' },
      { path: '/dev/sdb', device: '8:16', groupName: 'vg', groupUuid: 'U2' },
    ];
    assert.doesNotMatch(lines(await plan(made, { physicalVolumes })).join('\n'), / vg( |$)|U2|sdb/);
  });

  await t.test('passes over a device that an earlier action took along', async () => {
    const made: Made[] = [...sda, { name: 'dm-0', device: '253:0', mapper: ['luks', 'CRYPT-a'], on: ['sda1'] }];
    assert.deepEqual(
      (await plan(made, {})).filter((action) => action.device !== undefined).map((action) => action.device),
      ['253:0', '8:1', '8:2'],
    );
  });
});
