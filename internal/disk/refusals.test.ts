import assert from 'node:assert/strict';
import { test } from 'tap';
import { Refusal } from '../errors/errors.ts';
import type { KernelState, MountUse } from './kernel-state.ts';
import type { Partition } from './partitions.ts';
import { judge, refuseUnsafe, type Inspection } from './refusals.ts';
import { madeDisk, madeState, partitionsOf, type Made } from './sysfs-fixture.ts';

const own = { root: '/var/mnt', containers: '/var/lib/containers' };
const twoDisks: Made[] = [
  { name: 'sda', device: '8:0' },
  ...partitionsOf('sda', '8:0', 5),
  { name: 'sdb', device: '8:16' },
  ...partitionsOf('sdb', '8:16', 2),
];

function mount(device: string, target: string, type = 'xfs'): MountUse {
  return { device, target, type, source: `/dev/${device}`, root: '/' };
}

async function judged(
  uses: Partial<Omit<KernelState, 'blocks'>>,
  more: { made?: Made[]; allowSpanning?: boolean; saved?: Partition[] } = {},
): Promise<Inspection> {
  const state = await madeState([...twoDisks, ...(more.made ?? [])], uses);
  return judge(state, madeDisk(state, 'sda'), {
    saved: more.saved ?? [],
    allowSpanning: more.allowSpanning ?? false,
    own,
  });
}

function saved(number: number): Partition {
  return {
    number,
    device: `8:${number}`,
    path: `/dev/sda${number}`,
    label: 'data',
    startSector: 0,
    sectors: 1,
    sizeBytes: 512,
    type: 'X',
  };
}

test('a disk is refused', async (t) => {
  const cases: [string, Partial<Omit<KernelState, 'blocks'>>, string][] = [
    [
      'when the live medium is mounted from it',
      { mounts: [mount('8:1', '/run/media/iso', 'iso9660')] },
      'disk "sda" holds the medium this system was started from ("/run/media/iso")',
    ],
    [
      'when the live medium is the whole disk',
      { mounts: [mount('8:0', '/run/initramfs/live')] },
      'disk "sda" holds the medium this system was started from ("/run/initramfs/live")',
    ],
    [
      'when any ISO 9660 is mounted from it',
      { mounts: [mount('8:0', '/media/x', 'iso9660')] },
      'disk "sda" holds the medium this system was started from ("/media/x")',
    ],
    [
      'when the root of the running system is on it',
      { mounts: [mount('8:4', '/'), mount('8:3', '/boot')] },
      'disk "sda" holds the running system ("/", "/boot")',
    ],
    [
      'when a file system of the running system is on it',
      { mounts: [mount('8:5', '/data')] },
      'disk "sda" holds mounted file systems: "/data"',
    ],
    [
      'when container storage of the running system, not of a run of ours, is on it',
      { mounts: [mount('8:5', '/var/lib/containers')] },
      'disk "sda" holds mounted file systems: "/var/lib/containers"',
    ],
    [
      'when a volume group goes on to another disk',
      {
        physicalVolumes: [
          { path: '/dev/sda2', device: '8:2', groupName: 'vg', groupUuid: 'U' },
          { path: '/dev/sdb1', device: '8:17', groupName: 'vg', groupUuid: 'U' },
        ],
      },
      'volume group "vg" lies on disk "sda" and also on "/dev/sdb1"',
    ],
    [
      'when an array at rest goes on to another disk',
      {
        raidMembers: [
          { device: '8:2', path: '/dev/sda2', arrayUuid: 'A', arrayName: 'host:root', metadata: '1.2' },
          { device: '8:18', path: '/dev/sdb2', arrayUuid: 'A', metadata: '1.2' },
        ],
      },
      'RAID array "host:root" lies on disk "sda" and also on "/dev/sdb2"',
    ],
    [
      'when it is a member of a firmware RAID',
      { raidMembers: [{ device: '8:0', path: '/dev/sda', arrayUuid: 'A', metadata: 'imsm' }] },
      'disk "sda" is a member of a firmware RAID (metadata imsm)',
    ],
  ];
  for (const [name, uses, what] of cases) {
    await t.test(name, async () => {
      const inspection = await judged(uses);
      assert.deepEqual(
        inspection.reasons.map((reason) => reason.what),
        [what],
      );
      assert.throws(
        () => {
          refuseUnsafe(inspection);
        },
        (error: unknown) =>
          error instanceof Refusal && error.message === what && /choose another disk/.test(error.next ?? ''),
      );
    });
  }

  await t.test('when a running array goes on to another disk, named once', async () => {
    const made: Made[] = [{ name: 'md127', device: '9:127', raid: 'raid1', on: ['sda2', 'sdb2'] }];
    const members = [
      { device: '8:2', path: '/dev/sda2', arrayUuid: 'A', arrayName: 'r', metadata: '1.2' },
      { device: '8:18', path: '/dev/sdb2', arrayUuid: 'A', arrayName: 'r', metadata: '1.2' },
    ];
    assert.deepEqual(
      (await judged({ raidMembers: members }, { made })).reasons.map((reason) => reason.what),
      ['RAID array "r" lies on disk "sda" and also on "/dev/sdb2"'],
    );
    assert.deepEqual(
      (await judged({}, { made })).reasons.map((reason) => reason.what),
      ['raid device "md127" lies on disk "sda" and also on "/dev/sdb2"'],
    );
  });

  await t.test('when it is one path of a multipath device', async () => {
    const inspection = await judged(
      {},
      { made: [{ name: 'dm-0', device: '253:0', mapper: ['mpatha', 'mpath-360'], on: ['sda', 'sdb'] }] },
    );
    assert.deepEqual(inspection.reasons, [
      { what: 'disk "sda" is a path of multipath device "mpatha"', next: 'name "/dev/mapper/mpatha" as the disk' },
    ]);
  });

  await t.test('when a mounted file system lies on a volume that lies on it', async () => {
    const made: Made[] = [
      { name: 'dm-0', device: '253:0', mapper: ['vg-root', 'LVM-x'], on: ['sda4'] },
      { name: 'dm-1', device: '253:1', mapper: ['luks', 'CRYPT-x'], on: ['dm-0'] },
    ];
    assert.deepEqual(
      (await judged({ mounts: [mount('253:1', '/')] }, { made })).reasons.map((reason) => reason.what),
      ['disk "sda" holds the running system ("/")'],
    );
  });

  await t.test('with all its reasons at once', async () => {
    const inspection = await judged({
      mounts: [mount('8:5', '/data')],
      physicalVolumes: [
        { path: '/dev/sda2', device: '8:2', groupName: 'vg', groupUuid: 'U' },
        { path: '/dev/sdb1', device: '8:17', groupName: 'vg', groupUuid: 'U' },
      ],
    });
    assert.throws(
      () => {
        refuseUnsafe(inspection);
      },
      (error: unknown) =>
        error instanceof Refusal &&
        error.message ===
          'disk "sda" holds mounted file systems: "/data"; volume group "vg" lies on disk "sda" and also on "/dev/sdb1"' &&
        error.next === 'unmount them or choose another disk; take it apart by hand or choose another disk',
    );
  });

  await t.test('when a volume group lies half on what is kept', async () => {
    const inspection = await judged(
      {
        physicalVolumes: [
          { path: '/dev/sda2', device: '8:2', groupName: 'vg', groupUuid: 'U' },
          { path: '/dev/sda5', device: '8:5', groupName: 'vg', groupUuid: 'U' },
        ],
      },
      { saved: [saved(5)] },
    );
    assert.deepEqual(
      inspection.reasons.map((reason) => reason.what),
      ['volume group "vg" lies on a partition of disk "sda" that is kept and on one that is erased'],
    );
  });
});

test('a disk is not refused', async (t) => {
  await t.test('for what an earlier run of ours left mounted, and says so', async () => {
    const inspection = await judged({
      mounts: [mount('8:4', '/var/mnt'), mount('8:3', '/var/mnt/boot'), mount('8:5', '/var/lib/containers')],
    });
    assert.deepEqual(inspection.reasons, []);
    assert.deepEqual(inspection.leftovers, ['/var/mnt', '/var/mnt/boot', '/var/lib/containers']);
    assert.deepEqual(inspection.notes, [
      'an earlier run left disk "sda" mounted at "/var/mnt", "/var/mnt/boot", "/var/lib/containers"',
    ]);
  });

  await t.test('for what another disk holds', async () => {
    const inspection = await judged({
      mounts: [mount('8:17', '/'), mount('8:18', '/run/media/iso', 'iso9660')],
      physicalVolumes: [{ path: '/dev/sdb1', device: '8:17', groupName: 'vg', groupUuid: 'U' }],
      raidMembers: [{ device: '8:18', path: '/dev/sdb2', arrayUuid: 'A', metadata: 'imsm' }],
    });
    assert.deepEqual([inspection.reasons, inspection.notes], [[], []]);
  });

  await t.test('for two groups of one name, one on each disk', async () => {
    const inspection = await judged({
      physicalVolumes: [
        { path: '/dev/sda2', device: '8:2', groupName: 'vg', groupUuid: 'U1' },
        { path: '/dev/sdb1', device: '8:17', groupName: 'vg', groupUuid: 'U2' },
      ],
    });
    assert.deepEqual(inspection.reasons, []);
  });

  await t.test('for a group that goes on to another disk when that is allowed', async () => {
    const inspection = await judged(
      {
        physicalVolumes: [
          { path: '/dev/sda2', device: '8:2', groupName: 'vg', groupUuid: 'U' },
          { path: '/dev/sdb1', device: '8:17', groupName: 'vg', groupUuid: 'U' },
        ],
      },
      { allowSpanning: true },
    );
    assert.deepEqual(inspection.reasons, []);
  });
});
