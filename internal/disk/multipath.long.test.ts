import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'tap';
import { z } from 'zod';
import { liveArguments } from '../../test/vm/artefacts/iso.ts';
import { lab } from '../../test/vm/artefacts/lab.ts';
import { multipathConfiguration, startMultipath } from '../../test/vm/artefacts/multipath.ts';
import { run } from '../../test/vm/command.ts';
import { makeBlankDisk } from '../../test/vm/disks.ts';
import { makePayload } from '../../test/vm/payload.ts';
import { bootMachine } from '../../test/vm/qemu.ts';
import { tempDir } from '../../test/vm/resources.ts';

/*
 * Real dm-multipath, multipathd, kpartx and coreos-installer. The kernels of build hosts often have none of it, so one machine of the lab
 * plays test-multipath-guest.ts, and its answers are judged here.
 */

const answerSchema = z.object({
  name: z.string(),
  said: z.array(z.string()),
  value: z.unknown().optional(),
  kind: z.string().optional(),
  message: z.string().optional(),
  why: z.string().optional(),
  next: z.string().optional(),
});
type Answer = z.infer<typeof answerSchema>;

const bundled = 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);';

/** RHCOS' partitions, small: every MiB that the installer writes takes a tenth of a second here. */
async function makeImage(folder: string): Promise<string> {
  const image = join(folder, 'metal.img');
  await run('truncate', ['--size', '72M', image]);
  await run('sfdisk', ['--quiet', image], {
    input:
      'label: gpt\nstart=1M, size=1M, name="BIOS-BOOT"\nsize=4M, name="EFI-SYSTEM"\nsize=16M, name="boot"\nsize=48M, name="root"\n',
  });
  await run('mke2fs', ['-q', '-t', 'ext4', '-L', 'boot', '-E', `offset=${6 * 2 ** 20}`, image, '16M']);
  await run('mke2fs', ['-q', '-t', 'ext4', '-L', 'root', '-E', `offset=${22 * 2 ** 20}`, image, '48M']);
  await run('zstd', ['-q', image]);
  return `${image}.zst`;
}

async function play(): Promise<Answer[]> {
  const parts = lab((line) => process.stderr.write(`# ${line}\n`));
  await using work = await tempDir('multipath');
  const program = join(work.path, 'guest.mjs');
  await run(join(import.meta.dirname, '../../node_modules/.bin/esbuild'), [
    join(import.meta.dirname, 'test-multipath-guest.ts'),
    ...['--bundle', '--platform=node', '--format=esm', '--log-level=error', `--banner:js=${bundled}`],
    `--outfile=${program}`,
  ]);
  const payload = join(work.path, 'payload.img');
  await makePayload(payload, {
    node: process.execPath,
    'guest.mjs': program,
    'metal.img.zst': await makeImage(work.path),
  });
  const disk = (serial: string, mebibytes: number) =>
    makeBlankDisk(work.path, serial, { sizeBytes: mebibytes * 2 ** 20 });
  await using machine = await bootMachine({
    dir: join(work.path, 'boot'),
    firmware: 'bios',
    iso: await parts.iso([512], 'small'),
    kernel: { ...(await parts.liveKernel()), arguments: `${liveArguments} lab.payload` },
    disks: [
      { ...(await disk('target', 4096)), paths: 2, wwn: '5000c50000000001' },
      { ...(await disk('one', 1024)), paths: 1 },
      { ...(await disk('two', 1024)), paths: 1 },
      { ...(await disk('twin', 512)), paths: 2, wwn: '5000c50000000002' },
      { serial: 'payload', file: payload, readOnly: true },
    ],
    script: `printf '${multipathConfiguration.replaceAll('\n', '\\n')}blacklist {\\n  wwid 35000c50000000002\\n}\\n' > /etc/multipath.conf
${startMultipath}
mount --bind /run/payload/bin/metal.img.zst /run/live/iso/images/metal.img.zst
node /run/payload/bin/guest.mjs $RESULTS
echo LAB-ANSWERED > /dev/console
sync; systemctl poweroff --force --force
`,
  });
  await machine.waitFor(/LAB-ANSWERED/, 400_000);
  await machine.waitForPowerOff(60_000);
  return (await machine.results())
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => answerSchema.parse(JSON.parse(line)));
}

const answers = new Map((await play()).map((answer) => [answer.name, answer]));
const answer = (name: string): Answer => answers.get(name) ?? assert.fail(`no answer to "${name}"`);
const value = <T extends z.ZodType>(name: string, schema: T): z.infer<T> => {
  const { value: found, message, why } = answer(name);
  assert.equal(message, undefined, why);
  return schema.parse(found);
};
const refused = (name: string): string => answer(name).message ?? assert.fail(`"${name}" was not refused`);

const nodes = z.array(z.tuple([z.number(), z.string(), z.boolean(), z.number()]));
const diskSchema = z.object({
  path: z.string(),
  name: z.string(),
  serial: z.string().optional(),
  wwn: z.string().optional(),
  byId: z.array(z.string()).optional(),
  warning: z.string().optional(),
  description: z.string().optional(),
});
const known = 'mpatha: "QEMU HARDDISK", serial target, WWN 0x5000c50000000001, 4.3 GB, 512-byte sectors';
const stable = '/dev/disk/by-id/dm-uuid-mpath-35000c50000000001';

test('a multipath device is shown once, and its paths are not offered', async () => {
  const lines = value('disks', z.array(z.string()));
  assert.equal(lines.filter((line) => line.startsWith('/dev/mapper/mpatha ')).length, 1);
  assert.match(lines.join('\n'), /^\/dev\/mapper\/mpatha .* target .* 2 paths: \/dev\/sd\w, \/dev\/sd\w$/m);
  const { paths } = value('facts', z.object({ paths: z.array(z.string()) }));
  for (const path of paths) assert.ok(!lines.some((line) => line.startsWith(`/dev/${path} `)), path);
  assert.equal(
    lines.filter((line) => / same WWN as \/dev\/sd\w$/.test(line)).length,
    2,
    'paths that nobody has joined',
  );
});

test('it is found by each of its names, and the stable one is preferred', async () => {
  const disk = value('by name', diskSchema);
  assert.deepEqual([disk.path, disk.name, disk.serial], ['/dev/mapper/mpatha', 'mpatha', 'target']);
  assert.match(disk.description ?? '', new RegExp(`^${known}, 2 paths: /dev/sd\\w, /dev/sd\\w$`));
  assert.equal(
    disk.warning,
    `the name "/dev/mapper/mpatha" may mean another disk after the next start of this machine; prefer "${stable}"`,
  );
  assert.ok(disk.byId?.includes('/dev/disk/by-id/wwn-0x5000c50000000001'));
  for (const name of ['by kernel node', 'by stable link'])
    assert.equal(value(name, diskSchema).path, '/dev/mapper/mpatha');
  assert.equal(value('by stable link', diskSchema).warning, undefined);
});

test('a path and a partition are refused with the name to take', async () => {
  assert.match(
    refused('a path'),
    /^"\/dev\/sd\w" is a path of multipath device "mpatha"; name "\/dev\/mapper\/mpatha"$/,
  );
  assert.match(
    refused('a partition of it'),
    /^"\/dev\/dm-\d+" is partition 4 of disk "mpatha"; name the whole disk "\/dev\/mapper\/mpatha"$/,
  );
  const [reason] = value('a path that became one since', z.array(z.object({ what: z.string(), next: z.string() })));
  assert.match(reason?.what ?? '', /^disk "sd\w" is a path of multipath device "late"$/);
  assert.equal(reason?.next, 'name "/dev/mapper/late" as the disk');
  assert.match(
    value('one of two unjoined paths', z.array(z.string())).at(-1) ?? '',
    /^disk "sd\w" has the same WWN; if both are paths to one disk, start multipathd and name "\/dev\/mapper\/…"$/,
  );
});

test('it is written, partitioned, grown and mounted', async () => {
  const { written, table, rootBytes, fileSystemBytes, mounted } = value(
    'install',
    z.object({
      written: z.array(z.unknown()),
      table: nodes,
      rootBytes: z.number(),
      fileSystemBytes: z.number(),
      mounted: z.array(z.string()),
    }),
  );
  assert.deepEqual(written, [
    [1, 'BIOS-BOOT', true],
    [2, 'EFI-SYSTEM', true],
    [3, 'boot', true],
    [4, 'root', true],
  ]);
  assert.deepEqual(
    table.map(([number, label, inKernel]) => [number, label, inKernel]),
    [...written, [5, 'var-lib-containers', true]],
  );
  assert.ok(rootBytes > 3e9 && fileSystemBytes > 0.9 * rootBytes, `${rootBytes} ${fileSystemBytes}`);
  for (const number of [3, 4, 5])
    assert.ok(
      mounted.some((line) => new RegExp(` /dev/mapper/mpatha(?:-part|p)?${number} `).test(line)),
      `${number}`,
    );
  assert.ok(answer('install').said.some((fact) => /^root partition 4 of disk "mpatha" has its full size/.test(fact)));
  assert.deepEqual(value('notes of the installed disk', z.array(z.string())), [], 'its paths are no look-alikes');
});

test('what uses it is refused or released as on a plain disk', async () => {
  assert.equal(refused('mounted elsewhere'), 'disk "mpatha" holds mounted file systems: "/run/elsewhere"');
  assert.match(
    refused('mounted in another namespace'),
    /^disk "mpatha" is in use where this mount namespace does not show it: process \d+ \(\w+\)/,
  );
  const { actions } = value('an open volume group on it', z.object({ actions: z.array(z.string()) }));
  assert.deepEqual(actions.slice(0, 4), ['dmsetup', 'vgchange', 'vgremove', 'pvremove']);
  assert.match(
    refused('a volume group over it and another disk'),
    /^volume group "spans" lies on disk "mpatha" and also on "\/dev\/sd\w"$/,
  );
});

test('a path that fails or goes does not matter while another works', async () => {
  const { table, label } = value(
    'a saved partition, and a path that fails',
    z.object({ table: z.array(z.unknown()), label: z.string() }),
  );
  assert.deepEqual([table.length, table.at(-1), label], [5, [5, 'data', true], 'precious']);
  const gone = value('a path that is gone', z.object({ description: z.string(), table: nodes }));
  assert.match(gone.description, new RegExp(`^${known}, 1 path: /dev/sd\\w$`));
  assert.equal(gone.table.find(([number]) => number === 4)?.[3], 1050673152, 'root reaches up to the kept partition');
  assert.equal(refused('no path works'), 'multipath device "broken" has no path that works');
});

test('paths of two disks are refused, and so are other device-mapper devices', async () => {
  assert.match(
    refused('paths of two disks'),
    /^the paths of multipath device "wrong" are not the same disk: "\/dev\/sd\w" has serial number "one" and "\/dev\/sd\w" has "two"$/,
  );
  assert.match(
    refused('a linear device'),
    /^"\/dev\/mapper\/linear" is the device-mapper device "linear", which lies on "\/dev\/sd\w"; name a whole disk$/,
  );
  assert.equal(
    refused('a linear device on the map'),
    '"/dev/mapper/linear" is the device-mapper device "linear", which lies on "/dev/mapper/mpatha"; name a whole disk',
  );
});

test('any name will do', async () => {
  const names = [...answers.keys()].filter((name) => name.startsWith('named '));
  assert.equal(names.length, 6);
  for (const name of names) {
    const { path, made, grown, left } = value(
      name,
      z.object({ path: z.string(), made: nodes, grown: nodes, left: z.number() }),
    );
    assert.match(path, /^\/dev\/mapper\//, name);
    assert.deepEqual(
      made.map(([number, label, inKernel]) => [number, label, inKernel]),
      [
        [1, 'boot', true],
        [2, 'root', true],
      ],
      name,
    );
    assert.ok((grown[1]?.[3] ?? 0) > 1e9, name);
    assert.equal(left, 0, `${name}: partitions go with the table`);
  }
});
