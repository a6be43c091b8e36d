import assert from 'node:assert/strict';
import { link, lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type Test } from 'tap';
import { gzipSync } from 'node:zlib';
import { CommandError, Failure } from '../errors/errors.ts';
import { openHost } from '../host/host.ts';
import { openLog } from '../log/log.ts';
import { openArchiveTar } from './archive-tar.ts';
import { originOf } from './origin.ts';
import { applyDeletions, placeVar, restoreEtc, restoreOrigin } from './restore.ts';
import { stageSeed } from './stage.ts';
import { finishStaging, isStaged, type Staging } from './staging.ts';
import { archiveOf, chunks, commit, layerOf, seedMembers, type SeedMembers } from './test-seed.ts';

const host = openHost({ log: openLog({ program: 'test', write: () => undefined }), env: process.env });

async function bench(t: Test): Promise<{
  folder: string;
  members: SeedMembers;
  stage: (members: SeedMembers, prefix?: string, ...above: SeedMembers[]) => Promise<Staging>;
}> {
  const top = await mkdtemp(join(tmpdir(), 'seed-'));
  t.after(() => rm(top, { recursive: true, force: true }));
  const folder = join(top, 'staging');
  return {
    folder,
    members: seedMembers(top),
    stage: async (members, prefix, ...above) => {
      await using tar = await openArchiveTar(host, () => undefined);
      const { staging, settled } = await stageSeed(host, {
        reference: 'r/seed@sha256:1',
        layers: await Promise.all([members, ...above].map((one) => layerOf(one, prefix))),
        folder,
        tar,
      });
      await settled;
      return staging;
    },
  };
}

const fails = async (promise: Promise<unknown>, pattern: RegExp): Promise<Failure> => {
  let failure: Failure | undefined;
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Failure, String(error));
    assert.match(
      [error.message, error.why, error.cause instanceof CommandError ? error.cause.stderrTail : ''].join('\n'),
      pattern,
    );
    failure = error;
    return true;
  });
  assert.ok(failure !== undefined);
  return failure;
};

await test('a seed is unpacked with device nodes, fifos, hard links and odd names', async (t) => {
  const { members, folder, stage } = await bench(t);
  const staging = await stage(members);
  assert.equal(await isStaged(folder, 'sha256:1'), false);
  await finishStaging(host, staging, 'sha256:1');
  assert.equal(await isStaged(folder, 'sha256:1'), true);
  assert.equal(await isStaged(folder, 'sha256:2'), false);
  const lib = join(staging.var, 'var/lib');
  assert.ok((await lstat(join(lib, 'pipe'))).isFIFO());
  const device = await lstat(join(lib, 'null'));
  assert.ok(device.isCharacterDevice());
  assert.equal(device.rdev, (1 << 8) | 3);
  assert.equal((await stat(join(lib, 'etcd/hard'))).ino, (await stat(join(lib, 'etcd/data'))).ino);
  const names = await readdir(Buffer.from(lib), { encoding: 'buffer' });
  assert.ok(
    names.some((name) => name.includes(0xff)),
    'the name that is no UTF-8 survives byte for byte',
  );
  assert.equal(await readFile(join(staging.repository, 'objects/ab/cd.file'), 'utf8'), 'object');
  assert.equal(await staging.member('manifest.json'), members['manifest.json']);
});

await test('members are found with "./" and "/" in front of their names', async (t) => {
  const { members, stage } = await bench(t);
  await stage(members, './');
  await stage(members, '/');
});

await test('staging again after a broken attempt leaves nothing of it', async (t) => {
  const { members, folder, stage } = await bench(t);
  await mkdir(join(folder, 'ostree/left'), { recursive: true });
  await stage(members);
  assert.deepEqual((await readdir(join(folder, 'ostree'))).sort(), ['config', 'objects']);
});

for (const name of [
  'containers.list',
  'manifest.json',
  'var.tgz',
  'etc.tgz',
  'etc.deletions',
  'ostree.tgz',
  'rpm-ostree.json',
  'mco-currentconfig.json',
]) {
  await test(`a seed without "${name}" is refused by that name`, async (t) => {
    const { members, stage } = await bench(t);
    await fails(
      stage(Object.fromEntries(Object.entries(members).filter(([member]) => member !== name))),
      new RegExp(`lacks "${name}"|holds no "var/"`),
    );
  });
}

await test('a seed without an origin file is refused', async (t) => {
  const { members, stage } = await bench(t);
  await fails(
    stage(Object.fromEntries(Object.entries(members).filter(([name]) => !name.endsWith('.origin')))),
    /lacks "ostree-<deployment>.origin"/,
  );
});

await test('the origin file is that of the booted deployment, and one without it is refused before anything is deployed', async (t) => {
  const { members, stage } = await bench(t);
  const name = `ostree-${commit}.1.origin`;
  const other = `ostree-${'cd'.repeat(32)}.0.origin`;
  const { [name]: origin = '', ...rest } = members;
  const both = await stage({ [other]: '[origin]\nrefspec=other\n', ...members });
  assert.equal(await readFile(await originOf(both, 'r'), 'utf8'), origin);
  const asked = async (more: SeedMembers): Promise<string> => originOf(await stage({ ...rest, ...more }), 'r');
  for (const [file, why] of [
    [{ [other]: origin }, `it has "${other}", of a deployment that the seed cluster had not booted`],
    [
      { [`ostree-${commit}.0.origin`]: origin },
      `it has "ostree-${commit}.0.origin", of a deployment that the seed cluster had not booted`,
    ],
  ] as const) {
    const failure = await fails(asked(file), new RegExp(`^seed image "r" lacks "${name}"`));
    assert.equal(failure.why, why);
    assert.equal(
      failure.next,
      'restart the host of the seed cluster, then build the seed image again with lca-cli create',
    );
  }
  for (const [text, why] of [
    ['', 'it is empty'],
    ['\n\n', 'it is empty'],
    ['refspec=x\n', 'it has no group "[origin]" with a key'],
    ['[origin]\n', 'it has no group "[origin]" with a key'],
  ] as const) {
    const failure = await fails(asked({ [name]: text }), new RegExp(`^"${name}" of seed image "r" is no origin file`));
    assert.deepEqual([failure.why, failure.next], [why, 'build the seed image again with lca-cli create']);
  }
  for (const text of [
    '[origin]\nrefspec=x\n',
    '# made by rpm-ostree\n[origin]\n\n# x\ncontainer-image-reference=ostree-unverified-registry:q/x\n',
  ])
    await asked({ [name]: text });
});

await test('a layer above replaces and removes members of the one below', async (t) => {
  const { members, folder, stage } = await bench(t);
  const other = seedMembers(join(folder, '..'), { 'var/only-here': 'x' });
  const staging = await stage(members, '', {
    'var.tgz': other['var.tgz'] ?? '',
    'etc.deletions': '/etc/other\n',
    '.wh.lca-cli': '',
  });
  assert.equal(await staging.member('etc.deletions'), '/etc/other\n');
  assert.deepEqual((await readdir(join(staging.var, 'var'))).sort(), ['lib', 'lock', 'only-here']);
  await stage(members, './', { 'ostree.tgz': other['ostree.tgz'] ?? '', '.wh.ostree.tgz': '' });
  const origin = `ostree-${commit}.1.origin`;
  await fails(stage(members, '', { [`.wh.${origin}`]: '' }), /lacks "ostree-<deployment>.origin"/);
  await fails(stage(members, '', { '.wh.etc.tgz': '' }), /lacks "etc.tgz"/);
  await fails(stage(members, '', { '.wh.var.tgz': '' }), /lacks "var.tgz"/);
  await fails(
    stage(members, '', { '.wh..wh..opq': '', 'etc.deletions': '' }),
    /lacks "containers.list", "manifest.json"/,
  );
});

await test('an archive with corrupt gzip is refused by its name, with the words of tar', async (t) => {
  const { members, stage } = await bench(t);
  const archive = Buffer.from(members['ostree.tgz'] as Buffer);
  archive.fill(0x5a, Math.floor(archive.length / 2), Math.floor(archive.length / 2) + 40);
  await fails(stage({ ...members, 'ostree.tgz': archive }), /seed archive "ostree.tgz" cannot be unpacked[\s\S]*gzip/);
});

await test('a truncated archive is refused', async (t) => {
  const { members, stage } = await bench(t);
  const archive = members['var.tgz'] as Buffer;
  await fails(
    stage({ ...members, 'var.tgz': archive.subarray(0, archive.length - 50) }),
    /seed archive "var.tgz" cannot be unpacked/,
  );
});

await test('an empty archive is refused', async (t) => {
  const { members, stage } = await bench(t);
  await fails(stage({ ...members, 'var.tgz': '' }), /seed archive "var.tgz"/);
});

await test('an archive that climbs out by ".." is refused and leaves nothing outside', async (t) => {
  const { members, folder, stage } = await bench(t);
  await fails(
    stage({
      ...members,
      'var.tgz': await archiveOf([
        { name: 'var/a', text: 'x' },
        { name: 'var/../../../escaped', text: 'x' },
      ]),
    }),
    /cannot be unpacked[\s\S]*'\.\.'|outside/,
  );
  await assert.rejects(stat(join(folder, '../escaped')));
});

await test('an absolute name does not leave the staging folder', async (t) => {
  const { members, stage } = await bench(t);
  const path = join(tmpdir(), `seed-absolute-${process.pid}`);
  await fails(stage({ ...members, 'var.tgz': await archiveOf([{ name: path, text: 'x' }]) }), /outside "var\/"/);
  await assert.rejects(stat(path));
});

await test('a link followed by a member below it does not lead outside', async (t) => {
  const { members, folder, stage } = await bench(t);
  const target = join(folder, '../elsewhere');
  await mkdir(target, { recursive: true });
  await fails(
    stage({
      ...members,
      'var.tgz': await archiveOf([
        { name: 'var/x', type: 'symlink', linkname: target },
        { name: 'var/x/planted', text: 'x' },
      ]),
    }),
    /cannot be unpacked/,
  );
  assert.deepEqual(await readdir(target), []);
});

await test('folders of objects are made ahead of the archive, and look as it says', async (t) => {
  const { members, stage } = await bench(t);
  const staging = await stage({
    ...members,
    'ostree.tgz': await archiveOf([
      { name: './objects/', type: 'directory', mode: 0o751 },
      { name: './objects/cd/', type: 'directory', mode: 0o711, uid: 7 },
      { name: './objects/cd/ef.file', text: 'object' },
    ]),
  });
  const seen = await stat(join(staging.repository, 'objects/cd'));
  assert.deepEqual([seen.mode & 0o7777, seen.uid], [0o711, 7]);
  assert.equal((await stat(join(staging.repository, 'objects'))).mode & 0o7777, 0o751);
});

await test('an object that the disk has keeps its bytes and its place, whatever the archive holds under its name; others are unpacked', async (t) => {
  const { members, folder } = await bench(t);
  const own = join(folder, '../own');
  await writeFile(own, 'of the disk', { mode: 0o640 });
  const putObjects = async (repository: string): Promise<void> => {
    await mkdir(join(repository, 'objects/ab'), { recursive: true });
    await link(own, join(repository, 'objects/ab/cd.file'));
  };
  const archive = await archiveOf([
    { name: './objects/', type: 'directory' },
    { name: './objects/ab/', type: 'directory' },
    { name: './objects/ab/cd.file', text: 'of the archive', mode: 0o777 },
    { name: './objects/ab/ce.file', type: 'link', linkname: './objects/ab/cd.file' },
    { name: './objects/ab/cf.file', text: 'new' },
  ]);
  await using tar = await openArchiveTar(host, () => undefined);
  const { staging, settled } = await stageSeed(host, {
    reference: 'r',
    layers: [await layerOf({ ...members, 'ostree.tgz': archive })],
    folder,
    tar,
    putObjects,
  });
  await settled;
  const object = (name: string): string => join(staging.repository, 'objects/ab', name);
  assert.deepEqual(await Promise.all(['cd.file', 'ce.file', 'cf.file'].map((name) => readFile(object(name), 'utf8'))), [
    'of the disk',
    'of the disk',
    'new',
  ]);
  const [before, after] = [await stat(own), await stat(object('cd.file'))];
  assert.deepEqual([after.ino, after.mode & 0o7777, before.nlink], [before.ino, 0o640, 3]);
});

await test('an archive that puts a link in the place of "objects" is refused, and nothing is made behind the link', async (t) => {
  const { members, folder, stage } = await bench(t);
  const target = join(folder, '../elsewhere');
  await mkdir(target, { recursive: true });
  await fails(
    stage({ ...members, 'ostree.tgz': await archiveOf([{ name: 'objects', type: 'symlink', linkname: target }]) }),
    /cannot be unpacked/,
  );
  assert.deepEqual(await readdir(target), []);
});

await test('members beside "var/" are refused by name', async (t) => {
  const { members, stage } = await bench(t);
  await fails(
    stage({
      ...members,
      'var.tgz': await archiveOf([
        { name: 'var/a', text: 'x' },
        { name: 'usr/bin/evil', text: 'x' },
      ]),
    }),
    /holds "usr" outside "var\/"/,
  );
});

await test('a layer that is no gzip, or no tar, is refused by its digest', async (t) => {
  const { folder } = await bench(t);
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  const stage = async (bytes: Buffer): Promise<unknown> => {
    await using tar = await openArchiveTar(host, () => undefined);
    return await stageSeed(host, {
      reference: 'r/seed@sha256:1',
      layers: [{ digest: 'sha256:abc', mediaType, open: () => Readable.from(chunks(bytes), { objectMode: false }) }],
      folder,
      tar,
    });
  };
  await fails(
    stage(Buffer.from('this is not gzip')),
    /layer sha256:abc of seed image "r\/seed@sha256:1" cannot be inflated/,
  );
  await fails(
    stage(gzipSync(Buffer.alloc(5000, 'no tar'))),
    /layer sha256:abc of seed image "r\/seed@sha256:1" is no tar archive/,
  );
  const whole = (await layerOf({ 'manifest.json': 'x'.repeat(100_000) })).bytes;
  await fails(stage(whole.subarray(0, whole.length - 30)), /layer sha256:abc/);
});

await test('a stream that breaks in the middle of an archive fails with its own error, not with that of tar', async (t) => {
  const { members, folder } = await bench(t);
  const layer = await layerOf(members);
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield layer.bytes.subarray(0, Math.floor(layer.bytes.length / 2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    throw new Failure('blob sha256:abc has the wrong digest');
  };
  await using tar = await openArchiveTar(host, () => undefined);
  await fails(
    stageSeed(host, {
      reference: 'r',
      layers: [{ ...layer, open: () => Readable.from(broken(), { objectMode: false }) }],
      folder,
      tar,
    }),
    /^blob sha256:abc has the wrong digest/,
  );
});

await test('a small member of unlikely size is refused before it fills the memory', async (t) => {
  const { members, stage } = await bench(t);
  await fails(
    stage({ ...members, 'manifest.json': Buffer.alloc(65 * 1024 * 1024) }),
    /"manifest.json" of seed image "r\/seed@sha256:1" has 68157440 bytes/,
  );
});

await test('a missing or failing tar is named', async (t) => {
  const { members, folder } = await bench(t);
  const bin = join(folder, '../bin');
  await mkdir(bin);
  await writeFile(join(bin, 'tar'), '#!/bin/sh\necho "tar: no space left" >&2\nexit 2\n');
  await chmod(join(bin, 'tar'), 0o755);
  const poor = openHost({
    log: openLog({ program: 'test', write: () => undefined }),
    env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
  });
  await using tar = await openArchiveTar(poor, () => undefined);
  await fails(
    stageSeed(poor, { reference: 'r', layers: [await layerOf(members)], folder, tar }),
    /cannot be unpacked[\s\S]*no space left/,
  );
});

await test('/var is put in place by rename, and what ostree had made there stays; doing it twice changes nothing', async (t) => {
  const { members, folder, stage } = await bench(t);
  const staging = await stage(members);
  const stateroot = join(folder, '../stateroot');
  await mkdir(join(stateroot, 'var/tmp'), { recursive: true });
  await writeFile(join(stateroot, 'var/.ostree-selabeled'), '');
  await placeVar(staging, stateroot);
  await placeVar(staging, stateroot);
  assert.deepEqual((await readdir(join(stateroot, 'var'))).sort(), ['.ostree-selabeled', 'lib', 'lock', 'tmp']);
});

await test('/etc of the seed replaces files of the deployment, and the origin is copied', async (t) => {
  const { members, folder, stage } = await bench(t);
  const staging = await stage(members);
  const deployment = join(folder, '../deployment.0');
  await mkdir(join(deployment, 'etc'), { recursive: true });
  await writeFile(join(deployment, 'etc/kept'), 'old\n');
  await writeFile(join(deployment, 'etc/other'), 'stays\n');
  await using tar = await openArchiveTar(host, () => undefined);
  await restoreEtc(tar, staging, deployment);
  await restoreOrigin(staging, deployment, 'r');
  assert.equal(await readFile(join(deployment, 'etc/kept'), 'utf8'), 'new\n');
  assert.equal(await readFile(join(deployment, 'etc/other'), 'utf8'), 'stays\n');
  assert.equal(await readFile(`${deployment}.origin`, 'utf8'), members[`ostree-${commit}.1.origin`]);
});

for (const [what, entries, message] of [
  [
    'a member outside',
    [{ name: 'usr/bin/evil', text: 'x' }],
    'seed archive "etc.tgz" holds "usr/bin/evil" outside "etc/"',
  ],
  [
    'a member that climbs',
    [{ name: 'etc/../usr/evil', text: 'x' }],
    'seed archive "etc.tgz" holds "etc/../usr/evil" outside "etc/"',
  ],
  [
    'a hard link outside',
    [{ name: 'etc/x', type: 'link', linkname: 'usr/bin/sudo' }],
    'seed archive "etc.tgz" holds "etc/x", a hard link to "usr/bin/sudo" outside "etc/"',
  ],
] as const) {
  await test(`etc.tgz with ${what} is refused before anything of it is unpacked`, async (t) => {
    const { members, folder, stage } = await bench(t);
    const staging = await stage({
      ...members,
      'etc.tgz': await archiveOf([{ name: 'etc/first', text: 'x' }, ...entries]),
    });
    const deployment = join(folder, '../deployment.0');
    await mkdir(join(deployment, 'etc'), { recursive: true });
    await using tar = await openArchiveTar(host, () => undefined);
    await assert.rejects(restoreEtc(tar, staging, deployment), { message });
    assert.deepEqual(await readdir(join(deployment, 'etc')), []);
  });
}

await test('etc.deletions removes files, links and empty folders; what is gone already is fine', async (t) => {
  const { folder } = await bench(t);
  const etc = join(folder, '../deployment.0/etc');
  await mkdir(join(etc, 'empty'), { recursive: true });
  await writeFile(join(etc, 'file'), '');
  await symlink('file', join(etc, 'link'));
  assert.equal(
    await applyDeletions('/etc/file\n/etc/link\n\n  /etc/empty  \n/etc/gone\n/etc/file/below\n', join(etc, '..')),
    3,
  );
  assert.deepEqual(await readdir(etc), []);
});

for (const [line, why] of [
  ['/etc/../usr/bin/sudo', 'it is not a path below /etc'],
  ['/usr/bin/sudo', 'it is not a path below /etc'],
  ['/etc', 'it is not a path below /etc'],
  ['/etc/out/file', 'a link on the way leads outside /etc'],
  ['/etc/full', 'ENOTEMPTY'],
] as const) {
  await test(`etc.deletions with "${line}" is an error and removes nothing there`, async (t) => {
    const { folder } = await bench(t);
    const deployment = join(folder, '../deployment.0');
    await mkdir(join(deployment, 'etc/full/x'), { recursive: true });
    await mkdir(join(deployment, 'usr'));
    await writeFile(join(deployment, 'usr/file'), '');
    await symlink('../usr', join(deployment, 'etc/out'));
    await assert.rejects(applyDeletions(`${line}\n`, deployment), {
      message: `failed to process etc.deletions: failed to remove ${line}: ${why}`,
    });
    assert.deepEqual(await readdir(join(deployment, 'usr')), ['file']);
    assert.deepEqual((await readdir(join(deployment, 'etc'))).sort(), ['full', 'out']);
  });
}
