import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Test } from 'tap';
import { Failure } from '../errors/errors.ts';
import { openHost } from '../host/host.ts';
import { openLog } from '../log/log.ts';
import { bootBytesOf, bootFileBytes, requireBootSpace } from './boot-space.ts';
import { deploy, findDeployment, pullLocal, removeUnfinished } from './deploy.ts';
import { deploymentsOf } from './deployments.ts';
import { moveObjects } from './move-objects.ts';
import { readBack } from './read-back.ts';
import { isBare } from './repository-mode.ts';
import { shareObjects } from './share-objects.ts';
import { initStateroot, staterootName, stateroots } from './stateroot.ts';
import { dropOtherDeployments, standsAlone } from './undeploy.ts';

const host = openHost({ log: openLog({ program: 'test', write: () => undefined }), env: process.env });
const ostree = (...args: string[]): string =>
  execFileSync('ostree', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** A sysroot with a stock system in stateroot "stock", and a seed repository on the same file system. */
async function bench(t: Test): Promise<{ sysroot: string; seed: string; commit: string; stock: string }> {
  const top = await mkdtemp(join(tmpdir(), 'ostree-'));
  t.after(async () => {
    spawnSync('chattr', ['-R', '-f', '-i', top]);
    await rm(top, { recursive: true, force: true });
  });
  const sysroot = join(top, 'sysroot');
  const seed = join(top, 'sysroot/ostree/.ibi/repo');
  await mkdir(sysroot);
  ostree('admin', 'init-fs', '--modern', sysroot);
  ostree('config', `--repo=${sysroot}/ostree/repo`, 'set', 'sysroot.bootloader', 'none');
  await mkdir(seed, { recursive: true });
  ostree('init', `--repo=${seed}`, '--mode=bare');
  const commitTree = async (repo: string, branch: string, marker: string): Promise<string> => {
    const tree = join(top, `tree-${branch}`);
    for (const folder of [
      'usr/etc',
      'usr/lib/modules/6.1',
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
    await writeFile(join(tree, 'usr/etc/marker'), marker);
    await writeFile(join(tree, 'usr/etc/os-release'), 'ID=lab\nVERSION_ID=1\nPRETTY_NAME="Lab"\n');
    execFileSync('ln', ['-sf', '../etc/os-release', join(tree, 'usr/lib/os-release')]);
    await writeFile(join(tree, 'usr/lib/modules/6.1/vmlinuz'), `kernel ${marker}`);
    await writeFile(join(tree, 'usr/lib/modules/6.1/initramfs.img'), `initramfs ${marker}`);
    return ostree('commit', `--repo=${repo}`, '-b', branch, `--tree=dir=${tree}`, '--no-xattrs');
  };
  const commit = await commitTree(seed, 'seed', 'seed');
  const stockCommit = await commitTree(join(sysroot, 'ostree/repo'), 'stock', 'stock');
  ostree('admin', 'os-init', `--sysroot=${sysroot}`, 'stock');
  ostree('admin', 'deploy', `--sysroot=${sysroot}`, '--os=stock', '--karg=root=LABEL=root', stockCommit);
  return { sysroot, seed, commit, stock: stockCommit };
}

const karguments = ['tsc=nowatchdog', 'cgroup_no_v1="all"', 'a=1', 'a=2', 'odd=<&>$HOME`x`'];

await test('the stateroot of a version has its dashes replaced', async () => {
  assert.deepEqual(['4.16.0', '4.17.0-0.nightly-2024-08-01-012345', '4.15.0-rc.1'].map(staterootName), [
    'rhcos_4.16.0',
    'rhcos_4.17.0_0.nightly_2024_08_01_012345',
    'rhcos_4.15.0_rc.1',
  ]);
});

await test('a seed is deployed as the default with its kernel arguments to the letter, and its objects are links', async (t) => {
  const { sysroot, seed, commit } = await bench(t);
  await pullLocal(host, sysroot, seed, [commit]);
  const object = (await readdir(join(seed, 'objects'), { recursive: true, withFileTypes: true })).find(
    (entry) => entry.name.endsWith('.file') && entry.isFile(),
  );
  assert.ok(object !== undefined);
  assert.ok((await stat(join(object.parentPath, object.name))).nlink > 1, 'pull-local links');
  const deployment = await deploy(host, { sysroot, stateroot: 'rhcos_1', commit, kernelArguments: karguments });
  assert.equal(deployment.name, `${commit}.0`);
  assert.equal(await readFile(join(deployment.path, 'etc/marker'), 'utf8'), 'seed');
  assert.ok(deployment.entry.options.startsWith(`${karguments.join(' ')} ostree=`), deployment.entry.options);
  assert.deepEqual(
    (await deploymentsOf(sysroot)).map(({ stateroot }) => stateroot),
    ['rhcos_1', 'stock'],
  );
});

await test('moved objects are what ostree would have linked: it deploys them and finds every one sound', async (t) => {
  const { sysroot, seed, commit } = await bench(t);
  const objectsOf = async (repo: string): Promise<string[]> =>
    (await readdir(join(repo, 'objects'), { recursive: true }))
      .filter((name) => /\.(?:file|dirtree|dirmeta|commit)$/.test(name))
      .sort();
  const own = join(sysroot, 'ostree/repo');
  const [ofStock, ofSeed] = [await objectsOf(own), await objectsOf(seed)];
  const [shared] = ofStock.filter((name) => ofSeed.includes(name));
  assert.ok(shared !== undefined, 'both have some in common');
  const before = (await stat(join(own, 'objects', shared))).ino;
  await writeFile(join(seed, 'objects', shared.slice(0, 2), 'passwd'), 'x');
  assert.equal(await moveObjects(sysroot, seed, [commit]), true);
  assert.equal(await moveObjects(sysroot, seed, [commit]), true);
  assert.deepEqual(await objectsOf(own), [...new Set([...ofStock, ...ofSeed])].sort());
  assert.deepEqual(
    await objectsOf(seed),
    ofSeed.filter((name) => ofStock.includes(name)),
  );
  assert.equal((await stat(join(own, 'objects', shared))).ino, before, 'an object that is there stays');
  assert.ok(!(await readdir(join(own, 'objects', shared.slice(0, 2)))).includes('passwd'));
  const deployment = await deploy(host, { sysroot, stateroot: 'rhcos_1', commit, kernelArguments: [] });
  assert.equal(await readFile(join(deployment.path, 'etc/marker'), 'utf8'), 'seed');
  assert.match(ostree('fsck', `--repo=${own}`, '--delete=false'), /object fsck of 2 commits completed successfully/);
});

await test('objects of the disk are shared with the repository that the archive of a seed fills, and the seed deploys whole', async (t) => {
  const { sysroot, seed, commit } = await bench(t);
  const [own, staged] = [join(sysroot, 'ostree/repo'), join(sysroot, 'ostree/.ibi/staged')];
  const archive = join(sysroot, '../seed.tar');
  execFileSync('tar', ['-cf', archive, '-C', seed, '.']);
  await mkdir(join(staged, 'objects/00'), { recursive: true });
  assert.deepEqual([await isBare(own), await isBare(staged)], [true, false]);
  await shareObjects(host, sysroot, staged);
  execFileSync('tar', ['-xf', archive, '-C', staged, '--skip-old-files']);
  assert.equal(await isBare(staged), true);
  const inodes = async (repository: string): Promise<Map<string, number>> =>
    new Map(
      await Promise.all(
        (await readdir(join(repository, 'objects'), { recursive: true }))
          .filter((name) => name.endsWith('.file'))
          .map(async (name) => [name, (await lstat(join(repository, 'objects', name))).ino] as const),
      ),
    );
  const [ofDisk, ofSeed, ofStaged] = [await inodes(own), await inodes(seed), await inodes(staged)];
  const shared = [...ofSeed.keys()].filter((name) => ofDisk.has(name));
  assert.ok(shared.length > 0 && shared.length < ofSeed.size, "the lab's two systems have files in common, and others");
  for (const name of shared) assert.equal(ofStaged.get(name), ofDisk.get(name), name);
  assert.equal(await bootBytesOf(host, staged, commit), 'kernel seed'.length + 'initramfs seed'.length);
  assert.equal(await moveObjects(sysroot, staged, [commit]), true);
  await rm(staged, { recursive: true });
  ostree('fsck', `--repo=${own}`, '--quiet');
  assert.equal((await deploy(host, { sysroot, stateroot: 'rhcos_1', commit, kernelArguments: [] })).commit, commit);
});

await test('a commit that the repository does not hold is named when its kernel is looked for', async (t) => {
  const { seed } = await bench(t);
  await assert.rejects(
    bootBytesOf(host, seed, 'ab'.repeat(32)),
    (error) =>
      error instanceof Failure &&
      error.message === `the repository "${seed}" holds no commit "${'ab'.repeat(32)}" with a kernel` &&
      error.why !== undefined,
  );
});

await test('a move that was cut off is continued; until its end ostree does not take the commit for whole', async (t) => {
  const { sysroot, seed, commit } = await bench(t);
  const own = join(sysroot, 'ostree/repo');
  const names = (await readdir(join(seed, 'objects'))).sort();
  const blocked = names.at(-1) ?? '';
  await rm(join(own, 'objects', blocked), { recursive: true, force: true });
  await writeFile(join(own, 'objects', blocked), ''); // the last folder cannot be filled
  await assert.rejects(moveObjects(sysroot, seed, [commit]), /EEXIST|ENOTDIR/);
  assert.throws(() => ostree('show', `--repo=${own}`, commit));
  await rm(join(own, 'objects', blocked));
  assert.equal(await moveObjects(sysroot, seed, [commit]), true);
  assert.equal((await deploy(host, { sysroot, stateroot: 'rhcos_1', commit, kernelArguments: [] })).commit, commit);
});

await test('objects kept in another way than as plain files are left to ostree', async (t) => {
  const { sysroot, seed, commit } = await bench(t);
  const archive = join(sysroot, 'archive');
  ostree('init', `--repo=${archive}`, '--mode=archive');
  ostree('pull-local', `--repo=${archive}`, seed, commit);
  const own = await readdir(join(sysroot, 'ostree/repo/objects'), { recursive: true });
  assert.equal(await moveObjects(sysroot, archive, [commit]), false);
  assert.deepEqual(await readdir(join(sysroot, 'ostree/repo/objects'), { recursive: true }), own);
  await pullLocal(host, sysroot, archive, [commit]);
  assert.equal((await deploy(host, { sysroot, stateroot: 'rhcos_1', commit, kernelArguments: [] })).commit, commit);
});

await test('deploying again finds the deployment instead of making another', async (t) => {
  const { sysroot, seed, commit } = await bench(t);
  await pullLocal(host, sysroot, seed, [commit]);
  await initStateroot(host, sysroot, 'rhcos_1');
  await initStateroot(host, sysroot, 'rhcos_1');
  await deploy(host, { sysroot, stateroot: 'rhcos_1', commit, kernelArguments: [] });
  assert.equal((await findDeployment(sysroot, 'rhcos_1', commit))?.serial, 0);
  assert.equal(await findDeployment(sysroot, 'rhcos_2', commit), undefined);
});

await test('what a killed deploy left behind is removed, deployed systems stay', async (t) => {
  const { sysroot, seed, commit } = await bench(t);
  await pullLocal(host, sysroot, seed, [commit]);
  await initStateroot(host, sysroot, 'rhcos_1');
  const half = join(sysroot, 'ostree/deploy/rhcos_1/deploy', `${commit}.0`);
  await mkdir(join(half, 'usr'), { recursive: true });
  await removeUnfinished(host, sysroot, 'rhcos_1');
  await assert.rejects(stat(half));
  assert.equal((await deploymentsOf(sysroot)).length, 1);
  await pullLocal(host, sysroot, seed, [commit]);
  assert.equal((await deploy(host, { sysroot, stateroot: 'rhcos_1', commit, kernelArguments: [] })).serial, 0);
});

await test('dropping the others removes stock deployments and stateroots whatever their names and places, and only them', async (t) => {
  const { sysroot, seed, commit, stock } = await bench(t);
  ostree('admin', 'os-init', `--sysroot=${sysroot}`, 'fedora-coreos');
  ostree('admin', 'deploy', `--sysroot=${sysroot}`, '--os=fedora-coreos', '--no-prune', stock);
  await pullLocal(host, sysroot, seed, [commit]);
  await deploy(host, { sysroot, stateroot: 'rhcos_1', commit, kernelArguments: karguments });
  ostree('admin', 'deploy', `--sysroot=${sysroot}`, '--os=stock', '--no-prune', '--not-as-default', stock);
  const kept = { stateroot: 'rhcos_1', commit };
  assert.equal(await standsAlone(sysroot, kept), false);
  const facts = await dropOtherDeployments(host, sysroot, kept);
  assert.ok(
    facts.includes('stateroot "stock" removed') && facts.includes('stateroot "fedora-coreos" removed'),
    facts.join('\n'),
  );
  assert.deepEqual(await stateroots(sysroot), ['rhcos_1']);
  assert.deepEqual(
    (await deploymentsOf(sysroot)).map(({ name }) => name),
    [`${commit}.0`],
  );
  assert.equal(await standsAlone(sysroot, kept), true);
  assert.deepEqual(await dropOtherDeployments(host, sysroot, kept), []);
});

await test('nothing is dropped when the one to keep has no boot entry', async (t) => {
  const { sysroot } = await bench(t);
  await assert.rejects(
    dropOtherDeployments(host, sysroot, { stateroot: 'rhcos_1', commit: 'ab'.repeat(32) }),
    /has no boot entry/,
  );
  assert.deepEqual(await stateroots(sysroot), ['stock']);
});

await test('reading back proves entry, kernel, initramfs and arguments, and names what does not hold', async (t) => {
  const { sysroot, seed, commit } = await bench(t);
  await pullLocal(host, sysroot, seed, [commit]);
  const deployment = await deploy(host, { sysroot, stateroot: 'rhcos_1', commit, kernelArguments: karguments });
  const wanted = { stateroot: 'rhcos_1', commit, kernelArguments: karguments };
  const read = await readBack(sysroot, wanted);
  assert.match(read.kernel.sha256, /^[0-9a-f]{64}$/);
  await assert.rejects(readBack(sysroot, { ...wanted, kernelArguments: ['missing=1'] }), {
    message: 'kernel argument "missing=1" is missing in the boot entry',
  });
  await assert.rejects(
    readBack(sysroot, { ...wanted, stateroot: 'rhcos_2' }),
    /the default boot entry leads to stateroot "rhcos_1"/,
  );
  const kernel = read.kernel.path;
  await rm(kernel); // here it is a link to the deployment's, as boot is no file system of its own
  await writeFile(kernel, 'damaged');
  await assert.rejects(readBack(sysroot, wanted), {
    message: 'the kernel on the boot file system differs from the one of the deployment',
  });
  await rm(kernel);
  await assert.rejects(
    readBack(sysroot, wanted),
    (error) => error instanceof Failure && error.message.includes('cannot be read'),
  );
  execFileSync('chattr', ['-i', deployment.path]);
  await rm(deployment.path, { recursive: true });
  await assert.rejects(readBack(sysroot, wanted), /leads to no deployment/);
});

await test('room for kernel and initramfs is looked for before the deployment', async (t) => {
  const { sysroot, seed, commit } = await bench(t);
  await pullLocal(host, sysroot, seed, [commit]);
  assert.match(
    await requireBootSpace(sysroot, await bootBytesOf(host, join(sysroot, 'ostree/repo'), commit)),
    /^kernel and initramfs need 1 kB of [\d,]+ MB free on the boot file system$/,
  );
  assert.equal(
    bootFileBytes(
      'd00755 0 0      0 /usr/lib/modules/6.1\n-00644 0 0 100 /usr/lib/modules/6.1/vmlinuz\n-00644 0 0 20 /usr/lib/modules/6.1/initramfs.img\n-00644 0 0 7 /usr/lib/modules/6.1/modules.dep',
    ),
    120,
  );
});
