import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHost } from '../host/host.ts';
import { openLog } from '../log/log.ts';
import { deploy } from './deploy.ts';
import { moveRefs, refName, refsOf } from './refs.ts';
import { shareObjects } from './share-objects.ts';
import { takeOver } from './take-over.ts';

const host = openHost({ log: openLog({ program: 'test', write: () => undefined }), env: process.env });
const ostree = (...args: string[]): string =>
  execFileSync('ostree', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

const imageRef = 'ostree/container/image/docker_3A__2F__2F_quay_2E_example_2F_os_3A_1';
const layerRef = (name: string): string => `ostree/container/blob/sha256_3A_${name.repeat(16)}`;

type Bench = {
  readonly sysroot: string;
  readonly own: string;
  /** A repository in mode bare, as a seed brings it, and the commit that it booted. */
  readonly seed: string;
  readonly commit: string;
  /** A copy of the disk's repository, for the other program. */
  readonly twin: string;
  /** The same repository in another mode. */
  inMode(mode: string): Promise<string>;
};

/**
 * A stock system, and the seed of an operating system that came as a container image: base and layers are commits with a ref each, the
 * merged commit is the one that runs. Two objects are in both.
 */
async function bench(t: Test, { files = 20 } = {}): Promise<Bench> {
  const top = await mkdtemp(join(tmpdir(), 'take-over-'));
  t.after(async () => {
    spawnSync('chattr', ['-R', '-f', '-i', top]);
    await rm(top, { recursive: true, force: true });
  });
  const sysroot = join(top, 'sysroot');
  const own = join(sysroot, 'ostree/repo');
  const seed = join(sysroot, 'ostree/.ibi/seed');
  await mkdir(sysroot);
  ostree('admin', 'init-fs', '--modern', sysroot);
  ostree('config', `--repo=${own}`, 'set', 'sysroot.bootloader', 'none');
  await mkdir(seed, { recursive: true });
  ostree('init', `--repo=${seed}`, '--mode=bare');
  for (const repo of [own, seed]) ostree('config', `--repo=${repo}`, 'set', 'core.fsync', 'false');
  const commitOf = async (repo: string, marker: string, ...more: string[]): Promise<string> => {
    const tree = join(top, 'tree', marker);
    for (const folder of [
      'usr/etc',
      'usr/lib/modules/6.1',
      'usr/lib/many',
      'boot',
      'dev',
      'proc',
      'sys',
      'run',
      'sysroot',
      'var',
      'tmp',
    ])
      await mkdir(join(tree, folder), { recursive: true });
    const put = (path: string, text: string): Promise<void> => writeFile(join(tree, path), text);
    await put('usr/etc/marker', marker);
    await put('usr/lib/os-release', 'ID=lab\nVERSION_ID=1\nPRETTY_NAME="Lab"\n');
    await put('usr/lib/modules/6.1/vmlinuz', 'kernel');
    await put('usr/lib/modules/6.1/initramfs.img', `initramfs ${marker}`);
    for (let index = 0; index < files; index += 1) await put(`usr/lib/many/${index}`, `${marker} ${index}`);
    await symlink('os-release', join(tree, 'usr/lib/link'));
    return ostree(
      'commit',
      `--repo=${repo}`,
      '--orphan',
      '--no-bindings',
      `--tree=dir=${tree}`,
      '--no-xattrs',
      '-s',
      marker,
      ...more,
    );
  };
  const stock = await commitOf(own, 'stock', '--add-detached-metadata-string=seen=stock');
  ostree('refs', `--repo=${own}`, `--create=${imageRef}`, stock);
  ostree('admin', 'os-init', `--sysroot=${sysroot}`, 'stock');
  ostree('admin', 'deploy', `--sysroot=${sysroot}`, '--os=stock', '--karg=root=LABEL=root', stock);
  const layers: Record<string, string> = { base: '', aaaa: '', bbbb: '' };
  for (const name of Object.keys(layers))
    layers[name] = await commitOf(seed, name, `--add-detached-metadata-string=seen=${name}`);
  const merged = await commitOf(seed, 'merged');
  const named: Record<string, string> = {
    [imageRef]: merged,
    'ostree/0/1/0': merged,
    'ostree/container/baseimage/lca/0': layers['base'] ?? '',
    [layerRef('aaaa')]: layers['aaaa'] ?? '',
    [layerRef('bbbb')]: layers['bbbb'] ?? '',
    'rpmostree/pkg/x/1.0-1.x86__64': layers['aaaa'] ?? '',
  };
  for (const [name, commit] of Object.entries(named)) ostree('refs', `--repo=${seed}`, `--create=${name}`, commit);
  ostree('refs', `--repo=${seed}`, '--alias', '--create=ostree/container/latest', imageRef);
  await commitOf(seed, 'nobody names it');
  const twin = join(top, 'twin');
  execFileSync('cp', ['-a', sysroot, twin]);
  return {
    sysroot,
    own,
    seed,
    commit: merged,
    twin: join(twin, 'ostree/repo'),
    inMode: (mode) => {
      const other = join(sysroot, 'ostree/.ibi', mode);
      ostree('init', `--repo=${other}`, `--mode=${mode}`);
      ostree('pull-local', `--repo=${other}`, seed);
      return Promise.resolve(other);
    },
  };
}

/** What a repository shows to ostree itself. */
function shown(repo: string): Record<string, unknown> {
  const refs = ostree('refs', `--repo=${repo}`).split('\n').sort();
  const commits = refs.map((ref) => ostree('rev-parse', `--repo=${repo}`, ref));
  return {
    refs,
    commits,
    notes: commits.map((commit) => {
      const asked = ['show', `--repo=${repo}`, '--print-detached-metadata-key=seen', commit];
      return spawnSync('ostree', asked, { encoding: 'utf8' }).stdout;
    }),
    trees: commits.map((commit) => ostree('ls', `--repo=${repo}`, '-R', '-C', commit)),
    fsck: ostree('fsck', `--repo=${repo}`, '--quiet'),
    partial: spawnSync('ls', [join(repo, 'state')], { encoding: 'utf8' }).stdout,
  };
}

for (const mode of ['bare', 'bare-user', 'archive', 'bare-user-only']) {
  await test(`the disk has the refs, commits and objects of a seed in mode "${mode}" that ostree pull-local brings`, async (t) => {
    const it = await bench(t);
    const repository = mode === 'bare' ? it.seed : await it.inMode(mode);
    ostree('pull-local', `--repo=${it.twin}`, repository);
    const taken = await takeOver(host, it.sysroot, repository, it.commit);
    assert.deepEqual(shown(it.own), shown(it.twin));
    assert.deepEqual([taken.refs.length, taken.commits, taken.missing], [7, 4, []]);
    assert.equal(ostree('rev-parse', `--repo=${it.own}`, imageRef), it.commit, 'a ref of the stock system gave way');
    await takeOver(host, it.sysroot, repository, it.commit);
    assert.deepEqual(shown(it.own), shown(it.twin), 'again, and nothing is lost');
    const deployed = await deploy(host, {
      sysroot: it.sysroot,
      stateroot: 'lab_1',
      commit: it.commit,
      kernelArguments: [],
    });
    assert.equal(deployed.commit, it.commit);
    ostree('admin', 'undeploy', `--sysroot=${it.sysroot}`, '1');
    ostree('admin', 'cleanup', `--sysroot=${it.sysroot}`);
    for (const name of ['aaaa', 'bbbb'])
      assert.match(
        ostree('ls', `--repo=${it.own}`, layerRef(name), '/usr/etc/marker'),
        /marker$/,
        'pruning spares layers',
      );
    ostree('fsck', `--repo=${it.own}`, '--quiet');
  });
}

await test('objects are moved, not copied, for all commits of the seed', async (t) => {
  const it = await bench(t);
  const inodes = async (repo: string): Promise<Map<string, number>> =>
    new Map(
      await Promise.all(
        (await readdir(join(repo, 'objects'), { recursive: true }))
          .filter((name) => /\.(?:commit|dirtree|dirmeta|commitmeta)$/.test(name))
          .map(async (name) => [name, (await stat(join(repo, 'objects', name))).ino] as const),
      ),
    );
  const [before, ofStock] = [await inodes(it.seed), await inodes(it.own)];
  await takeOver(host, it.sysroot, it.seed, it.commit);
  const after = await inodes(it.own);
  const moved = [...after].filter(([name]) => !ofStock.has(name));
  assert.ok(moved.length > 10, String(moved.length));
  for (const [name, inode] of moved) assert.equal(inode, before.get(name), name);
});

await test('with objects shared beforehand the outcome is the same, and what is noted beside a commit is as in the seed', async (t) => {
  const it = await bench(t);
  // The seed ran the very commit that the stock system is, and has signed it since.
  const stock = ostree('rev-parse', `--repo=${it.own}`, imageRef);
  ostree('pull-local', `--repo=${it.seed}`, it.own, stock);
  ostree('refs', `--repo=${it.seed}`, '--create=ostree/container/baseimage/stock', stock);
  const notes = join('objects', stock.slice(0, 2), `${stock.slice(2)}.commitmeta`);
  const other = join('objects', it.commit.slice(0, 2), `${it.commit.slice(2)}.commitmeta`);
  const layer = ostree('rev-parse', `--repo=${it.seed}`, layerRef('aaaa'));
  await rm(join(it.seed, notes));
  await cp(join(it.seed, 'objects', layer.slice(0, 2), `${layer.slice(2)}.commitmeta`), join(it.seed, notes));
  await rm(join(it.seed, other), { force: true });
  const staged = join(it.sysroot, 'ostree/.ibi/staged');
  await mkdir(join(staged, 'objects/00'), { recursive: true });
  await shareObjects(host, it.sysroot, staged);
  execFileSync('sh', ['-c', 'tar -c -C "$0" . | tar -x -C "$1" --skip-old-files', it.seed, staged]);
  ostree('pull-local', `--repo=${it.twin}`, it.seed);
  await takeOver(host, it.sysroot, staged, it.commit);
  assert.deepEqual(shown(it.own), shown(it.twin));
  assert.match(ostree('show', `--repo=${it.own}`, '--print-detached-metadata-key=seen', stock), /aaaa/);
});

for (const mode of ['bare', 'archive']) {
  await test(`killed at any moment and begun again it ends the same, mode "${mode}"`, async (t) => {
    const it = await bench(t, { files: 150 });
    const repository = mode === 'bare' ? it.seed : await it.inMode(mode);
    ostree('pull-local', `--repo=${it.twin}`, repository);
    const program = `
      import { openHost } from ${JSON.stringify(join(import.meta.dirname, '../host/host.ts'))};
      import { openLog } from ${JSON.stringify(join(import.meta.dirname, '../log/log.ts'))};
      import { takeOver } from ${JSON.stringify(join(import.meta.dirname, 'take-over.ts'))};
      const host = openHost({ log: openLog({ program: 'test', write: () => undefined }), env: process.env });
      process.stdout.write('begins');
      await takeOver(host, ...${JSON.stringify([it.sysroot, repository, it.commit])});
    `;
    const objects = async (): Promise<number> => (await readdir(join(it.own, 'objects'), { recursive: true })).length;
    const seen = new Set([await objects()]);
    for (let afterMs = 0, ended = false; !ended; afterMs = afterMs * 2 + 2) {
      const words = ['--input-type=module', '--eval', program];
      const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
      const exit = once(child, 'exit');
      await once(child.stdout, 'data');
      await sleep(afterMs);
      child.kill('SIGKILL');
      ended = (await exit)[0] === 0;
      seen.add(await objects());
    }
    assert.ok(seen.size > 1, 'it was done at last');
    await takeOver(host, it.sysroot, repository, it.commit);
    assert.deepEqual(shown(it.own), shown(it.twin));
  });
}

await test('a ref whose commit the seed lacks is named and left out, and ostree finds nothing wrong', async (t) => {
  const it = await bench(t);
  await mkdir(join(it.seed, 'refs/heads/ostree/container/blob'), { recursive: true });
  await writeFile(join(it.seed, 'refs/heads/ostree/container/blob/gone'), `${'ab'.repeat(32)}\n`);
  const taken = await takeOver(host, it.sysroot, it.seed, it.commit);
  assert.deepEqual(taken.missing.map(refName), ['ostree/container/blob/gone']);
  assert.equal(taken.refs.length, 7);
  ostree('fsck', `--repo=${it.own}`, '--quiet');
});

await test('a commit of which the seed has a part only arrives marked as such', async (t) => {
  const it = await bench(t);
  const layer = ostree('rev-parse', `--repo=${it.seed}`, layerRef('bbbb'));
  const listed = ostree('ls', `--repo=${it.seed}`, '-C', layer, '/usr/etc/marker');
  const checksum = /[0-9a-f]{64}/.exec(listed)?.[0] ?? '';
  await rm(join(it.seed, 'objects', checksum.slice(0, 2), `${checksum.slice(2)}.file`));
  await writeFile(join(it.seed, 'state', `${layer}.commitpartial`), '');
  await takeOver(host, it.sysroot, it.seed, it.commit);
  assert.equal(ostree('rev-parse', `--repo=${it.own}`, layerRef('bbbb')), layer);
  assert.match(ostree('fsck', `--repo=${it.own}`), /1 partial commits not verified/);
});

await test('refs of remotes and collections are refs as well, and links that leave the repository are none', async (t) => {
  const it = await bench(t);
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(join(it.seed, 'refs', path, '..'), { recursive: true });
    await writeFile(join(it.seed, 'refs', path), text);
  };
  await put('remotes/rhel/stable/x', `${it.commit}\n`);
  await put('mirrors/org.example.Os/stable/y', `${it.commit}\n`);
  await put('heads/.hidden', `${it.commit}\n`);
  await put('heads/no-commit', 'xx');
  await symlink(join(it.seed, '../outside'), join(it.seed, 'refs/heads/outside'));
  await writeFile(join(it.seed, '../outside'), `${it.commit}\n`);
  await symlink('nowhere', join(it.seed, 'refs/heads/dangling'));
  const names = refsOf(it.seed).map(refName);
  assert.deepEqual(
    names.filter((name) => !/^(?:ostree|rpmostree)\//.test(name)),
    ['(org.example.Os, stable/y)', 'rhel:stable/x'],
  );
  await takeOver(host, it.sysroot, it.seed, it.commit);
  assert.ok(ostree('refs', `--repo=${it.own}`).split('\n').includes('rhel:stable/x'));
  assert.match(ostree('refs', `--repo=${it.own}`, '--collections'), /\(org\.example\.Os, stable\/y\)/);
});

await test('a repository whose refs are a link brings none', async (t) => {
  const it = await bench(t);
  const elsewhere = join(it.sysroot, 'elsewhere');
  await cp(join(it.seed, 'refs'), elsewhere, { recursive: true });
  await rm(join(it.seed, 'refs'), { recursive: true });
  await symlink(elsewhere, join(it.seed, 'refs'));
  assert.deepEqual(refsOf(it.seed), []);
  moveRefs(it.seed, it.own, []);
});
