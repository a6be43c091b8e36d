import { appendFile, readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { CommandError, Failure, messageOf, UsageError, Refusal } from '../errors/errors.ts';
import { parseStart } from './start.ts';
import * as room from './disk.ts';
import { testHost } from './test-disk.ts';

/*
 * Runs in a machine of the lab whose kernel has multipath, which those of build hosts often lack; multipath.long.test.ts reads its answers, one
 * JSON line each. The machine has "target" on two paths (joined by multipathd as mpatha), and "one" and "two", disks of one path each.
 */

const host = testHost();
const [, , answers = '/dev/stdout'] = process.argv;
const said: string[] = [];
const say = (fact: string): void => {
  said.push(fact);
};

async function ask(name: string, question: () => Promise<unknown>): Promise<void> {
  said.length = 0;
  const answer = await question().then(
    (value) => ({ value }),
    (error: unknown) => ({
      kind: error instanceof Error ? error.name : '',
      message: messageOf(error),
      ...(error instanceof Failure || error instanceof UsageError || error instanceof Refusal
        ? { why: error.why, next: error.next }
        : {}),
      ...(error instanceof CommandError ? { why: error.stderrTail } : {}),
    }),
  );
  await appendFile(answers, `${JSON.stringify({ name, said, ...answer })}\n`);
}

const resolve = (spelling: string): Promise<room.Disk> => room.resolveDisk(host, spelling, { waitMs: 0 });
const run = (program: string, ...args: string[]): Promise<unknown> => host.run(program, args, { okStatuses: [0, 1] });

/** Kernel names of the SCSI disks with this serial number. */
async function disksOf(serial: string): Promise<string[]> {
  const output = z.object({ blockdevices: z.array(z.object({ name: z.string(), serial: z.string().nullish() })) });
  const { blockdevices } = await host.json(output, 'lsblk', ['--json', '--nodeps', '--output', 'NAME,SERIAL']);
  return blockdevices.filter((one) => one.serial === serial && one.name.startsWith('sd')).map(({ name }) => name);
}

async function numberOf(name: string): Promise<string> {
  return (await readFile(`/sys/class/block/${name}/dev`, 'utf8')).trim();
}

/** A map as multipathd makes it, over these disks. */
async function makeMap(
  name: string,
  uuid: string,
  disks: readonly string[],
  kind: 'multipath' | 'linear' = 'multipath',
): Promise<AsyncDisposable> {
  const sectors = (await readFile(`/sys/class/block/${disks[0] ?? ''}/size`, 'utf8')).trim();
  const paths = (await Promise.all(disks.map(numberOf))).map((number) => `${number} 1`).join(' ');
  await host.run('dmsetup', [
    ...['create', name, '--uuid', uuid, '--table'],
    kind === 'linear'
      ? `0 ${sectors} linear ${await numberOf(disks[0] ?? '')} 0`
      : `0 ${sectors} multipath 0 0 1 1 service-time 0 ${disks.length} 1 ${paths}`,
  ]);
  await run('udevadm', 'settle');
  return {
    [Symbol.asyncDispose]: async () => {
      await run('udevadm', 'settle');
      await run('bash', '-c', `kpartx -d -n /dev/mapper/* 2>/dev/null; true`);
      for (const line of (
        await host.text('dmsetup', ['info', '-c', '--noheadings', '-o', 'name,uuid', '--separator', '|'])
      ).split('\n')) {
        const [found = '', itsUuid = ''] = line.split('|');
        if (itsUuid.endsWith(`-${uuid}`)) await run('dmsetup', 'remove', '--retry', found);
      }
      await host.run('dmsetup', ['remove', '--retry', name]);
    },
  };
}

const nodesOf = async (disk: room.Disk): Promise<unknown> =>
  (await room.readTable(host, disk))?.partitions.map(({ number, label, path, device, sizeBytes }) => [
    number,
    label,
    path !== undefined && device !== undefined,
    sizeBytes,
  ]);

const [pathA = '', pathB = ''] = (await disksOf('target')).sort();
const [one = ''] = await disksOf('one');
const [two = ''] = await disksOf('two');
const map = '/dev/mapper/mpatha';

await ask('facts', async () => ({
  paths: [pathA, pathB],
  one,
  two,
  links: (await readdir('/dev/disk/by-id')).filter((link) => /^(?:dm-|wwn|scsi)/.test(link)),
  status: await host.text('dmsetup', ['status', 'mpatha']),
}));
await ask('disks', async () => room.diskTable(await room.listDisks(host)));
await ask('by name', async () => {
  const disk = await resolve(map);
  return { ...disk, warning: room.nameWarning(disk), description: room.describeDisk(disk) };
});
await ask('by kernel node', async () => {
  const { path, name } = await resolve(`/dev/${basename((await host.text('readlink', ['-f', map])).trim())}`);
  return { path, name };
});
await ask('by stable link', async () => {
  const stable = (await resolve(map)).byId[0] ?? '';
  const disk = await resolve(stable);
  return { path: disk.path, name: disk.name, stable, warning: room.nameWarning(disk) };
});
await ask('a path', () => resolve(`/dev/${pathA}`));
const extra = { label: 'var-lib-containers', number: 5, partUuid: '11111111-2222-8333-8444-555555555555' };
const fsUuid = '11111111-2222-8333-8444-666666666666';

async function install(spelling: string, more: readonly string[] = []): Promise<unknown> {
  const disk = await resolve(spelling);
  room.refuseUnsafe(await room.inspectDisk(host, disk));
  const { actions } = await room.releaseDisk(host, disk, { say, coreosInstallerArgs: more });
  const written = await room.writeImage(host, disk, more, { say });
  const partition = await room.addPartition(host, disk, { ...extra, start: parseStart('-1G') }, say);
  await room.formatPartition(host, disk, partition, { partUuid: extra.partUuid, fsUuid }, say);
  const root = await room.growRoot(host, disk, say);
  await room.growRoot(host, disk, say);
  const target = await room.mountTarget(host, disk, { containers: { partUuid: extra.partUuid } }, say);
  await room.growFileSystem(host, target.root, say);
  const mounted = (await host.mounts())
    .filter(({ target: point }) =>
      ['/mnt', '/mnt/boot', '/var/mnt', '/var/mnt/boot', '/var/lib/containers'].includes(point),
    )
    .map(({ source, target: point, type }) => `${point} ${source} ${type}`);
  const space = await room.spaceOf(target.root);
  await room.unmountTarget(host, target, say);
  return {
    actions: actions.map(({ program, args }) => [program, ...args].join(' ')),
    written: written.partitions.map(({ number, label, path }) => [number, label, path !== undefined]),
    rootBytes: root.sizeBytes,
    fileSystemBytes: space.totalBytes,
    mounted,
    table: await nodesOf(disk),
  };
}

await ask('install', () => install(map));
await ask('a partition of it', async () => {
  const table = await room.readTable(host, await resolve(map));
  return resolve(room.partitionPath(room.findPartition(table, { label: 'root' })));
});
await ask('one of two unjoined paths', async () => {
  const [twin = ''] = await disksOf('twin');
  return (await room.inspectDisk(host, await resolve(`/dev/${twin}`))).notes;
});
await ask('notes of the installed disk', async () => (await room.inspectDisk(host, await resolve(map))).notes);
await ask('mounted elsewhere', async () => {
  const disk = await resolve(map);
  const root = room.findPartition(await room.readTable(host, disk), { label: 'root' });
  await host.run('mkdir', ['-p', '/run/elsewhere']);
  await using _mount = await host.mount(room.partitionPath(root), '/run/elsewhere');
  room.refuseUnsafe(await room.inspectDisk(host, disk));
});
await ask('mounted in another namespace', async () => {
  const disk = await resolve(map);
  const root = room.partitionPath(room.findPartition(await room.readTable(host, disk), { label: 'root' }));
  const script = `mount ${root} /run/elsewhere && touch /run/is-mounted && sleep 300`;
  const end = new AbortController();
  const other = host
    .run('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', script], { signal: end.signal })
    .catch(() => undefined);
  while (!(await readdir('/run')).includes('is-mounted')) await new Promise((done) => setTimeout(done, 100));
  try {
    room.refuseUnsafe(await room.inspectDisk(host, disk));
  } finally {
    end.abort();
    await other;
  }
});
await ask('an open volume group on it', async () => {
  const disk = await resolve(map);
  const storage = room.partitionPath(room.findPartition(await room.readTable(host, disk), { number: 5 }));
  await host.run('wipefs', ['--all', '--force', storage]);
  await host.run('pvcreate', ['-q', '-y', storage]);
  await host.run('vgcreate', ['-q', 'held', storage]);
  await host.run('lvcreate', ['-q', '-y', '-L', '64M', '-n', 'volume', 'held']);
  return { actions: (await room.releaseDisk(host, disk, { say })).actions.map(({ program }) => program) };
});
await ask('a volume group over it and another disk', async () => {
  const disk = await resolve(map);
  await host.run('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', disk.path], {
    input: 'label: gpt\nsize=1G\n',
  });
  await room.settle(host, disk);
  const storage = room.partitionPath(room.findPartition(await room.readTable(host, disk), { number: 1 }));
  await host.run('pvcreate', ['-q', '-y', storage, `/dev/${two}`]);
  await host.run('vgcreate', ['-q', 'spans', storage, `/dev/${two}`]);
  // as where nobody has mapped the partitions
  await run('udevadm', 'settle'); // its probes hold the partition
  await host.run('kpartx', ['-d', '-n', disk.path]);
  try {
    room.refuseUnsafe(await room.inspectDisk(host, disk));
  } finally {
    await run('vgremove', '-y', '-ff', 'spans');
    await run('pvremove', '-y', '-ff', storage, `/dev/${two}`);
  }
});
await ask('a saved partition, and a path that fails', async () => {
  const disk = await resolve(map);
  await host.run('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', disk.path], {
    input: 'label: gpt\nstart=1G, size=100M, name="data"\n',
  });
  await room.settle(host, disk);
  const data = room.partitionPath(room.findPartition(await room.readTable(host, disk), { label: 'data' }));
  await host.run('mkfs.ext4', ['-q', '-F', '-L', 'precious', data]);
  await host.run('dmsetup', ['message', 'mpatha', '0', `fail_path ${await numberOf(pathB)}`]);
  const keep = ['--save-partlabel', 'data'];
  await room.releaseDisk(host, disk, { say, coreosInstallerArgs: keep });
  const table = await room.writeImage(host, disk, keep, { say });
  const kept = room.partitionPath(room.findPartition(table, { label: 'data' }));
  return {
    table: table.partitions.map(({ number, label, path }) => [number, label, path !== undefined]),
    label: (await host.text('blkid', ['-p', '-o', 'value', '-s', 'LABEL', kept])).trim(),
  };
});
await ask('a path that is gone', async () => {
  await run('bash', '-c', `echo 1 > /sys/block/${pathB}/device/delete; udevadm settle; sleep 2; udevadm settle`);
  const disk = await resolve(map);
  await room.growRoot(host, disk, say);
  return { description: room.describeDisk(disk), table: await nodesOf(disk) };
});

// from here on by hand: multipathd would see to it that its own idea of these maps wins
await run('bash', '-c', 'multipathd shutdown; while pidof multipathd > /dev/null; do sleep 0.2; done');
await ask('a path that became one since', async () => {
  const disk = await resolve(`/dev/${one}`);
  await using _map = await makeMap('late', 'mpath-late', [one]);
  return (await room.inspectDisk(host, disk)).reasons;
});
await ask('no path works', async () => {
  await using _map = await makeMap('broken', 'mpath-broken', [one]);
  await host.run('dmsetup', ['message', 'broken', '0', `fail_path ${await numberOf(one)}`]);
  return await resolve('/dev/mapper/broken');
});

await ask('paths of two disks', async () => {
  await using _map = await makeMap('wrong', 'mpath-wrong', [one, two]);
  return await resolve('/dev/mapper/wrong');
});
await ask('a linear device', async () => {
  await host.run('dmsetup', ['create', 'linear', '--table', `0 204800 linear ${await numberOf(one)} 2048`]);
  try {
    return await resolve('/dev/mapper/linear');
  } finally {
    await run('udevadm', 'settle');
    await host.run('dmsetup', ['remove', '--retry', 'linear']);
  }
});
await ask('a linear device on the map', async () => {
  const { device } = await resolve(map);
  await run(
    'bash',
    '-c',
    `dmsetup remove --retry /dev/mapper/mpatha-part* ; dmsetup remove --retry /dev/mapper/mpatha[0-9]*; true`,
  );
  await host.run('dmsetup', ['create', 'linear', '--table', `0 204800 linear ${device} 2048`]);
  try {
    return await resolve('/dev/mapper/linear');
  } finally {
    await run('udevadm', 'settle');
    await host.run('dmsetup', ['remove', '--retry', 'linear']);
  }
});

for (const [name, uuid] of [
  ['35000c50000000009', 'mpath-35000c50000000009'],
  ['mpath1', 'mpath-odd1'],
  ['my big disk', 'mpath-odd2'],
  ['über+slash', 'mpath-odd3'],
  ['bootdisc', 'mpath-odd4'],
  ['data-part1', 'mpath-odd5'],
] as const)
  await ask(`named ${name}`, async () => {
    // the subject is the name: a linear device with a map's uuid needs nobody who looks after its path
    await using _map = await makeMap(name, uuid, [one], 'linear');
    const node = (
      await host.text('bash', [
        '-c',
        `for d in /sys/block/dm-*; do [ "$(cat $d/dm/uuid)" = ${uuid} ] && echo /dev/\${d##*/}; done`,
      ])
    ).trim();
    const disk = await resolve(node);
    await host.run('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', '--wipe', 'always', disk.path], {
      input: 'label: gpt\nsize=10M, name="boot"\nsize=100M, name="root"\n',
    });
    await room.settle(host, disk);
    const made = await nodesOf(disk);
    await room.growRoot(host, disk, say);
    const grown = await nodesOf(disk);
    await host.run('wipefs', ['--all', '--force', disk.path]);
    await room.settle(host, disk);
    const left = await host.text('bash', ['-c', `cat /sys/block/dm-*/dm/uuid | grep -c -- '^part.*-${uuid}$' || true`]);
    return {
      path: disk.path,
      name: disk.name,
      warning: room.nameWarning(disk),
      made,
      grown,
      left: Number(left),
    };
  });
