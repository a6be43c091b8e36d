import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { startEtcd } from '../../../test/cluster/etcd-server.ts';
import { Failure, Refusal } from '../../errors/errors.ts';
import { openEtcd } from '../../etcd/etcd.ts';
import { commit, type CommitInput } from './commit.ts';
import { refuseMixture, repair } from './repair.ts';
import {
  assertTidy,
  attributesOf,
  clear,
  fileCount,
  fileDocument,
  filesOf,
  generationsIn,
  keyCount,
  keyName,
  openWorld,
  planTo,
  quietHost,
  stateOf,
  valueOf,
  write,
  type World,
} from './test-world.ts';

await test('commit() writes everything, keeps what belongs to the files, and leaves no copy', async () => {
  await using world = await openWorld();
  const [first = '', second = '', third = ''] = filesOf(world.tree);
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', first]);
  execFileSync('setfattr', ['-n', 'security.selinux', '-v', 'system_u:object_r:kubernetes_file_t:s0', first]);
  execFileSync('setfacl', ['-m', 'u:65534:r', second]);
  execFileSync('chown', ['12:34', third]);
  chmodSync(third, 0o444);
  const before = filesOf(world.tree).map(attributesOf);
  const lines: string[] = [];
  const written = await write(world, { replacements: await planTo(2, world.etcd, world.tree) }, lines);
  assert.deepEqual(written, { keys: keyCount, transactions: 3, files: fileCount });
  assert.deepEqual(generationsIn(await stateOf(world.etcd, world.tree)), [2]);
  assert.deepEqual(filesOf(world.tree).map(attributesOf), before);
  assert.match(before[0] ?? '', /security\.selinux="system_u:object_r:kubernetes_file_t:s0".*user\.note="kept"/);
  assert.deepEqual(lines, ['the copies of the originals, which held private keys, are removed']);
  assert.equal(statSync(world.state).mode & 0o777, 0o700);
  assert.equal(statSync(join(world.state, 'journal.json')).mode & 0o777, 0o600);
  assertTidy(world);
});

await test('a plan that changes nothing writes nothing', async () => {
  await using world = await openWorld();
  const revision = await world.etcd.revision();
  assert.deepEqual(await write(world, { replacements: await planTo(1, world.etcd, world.tree) }), {
    keys: 0,
    transactions: 0,
    files: 0,
  });
  assert.equal(await world.etcd.revision(), revision);
});

await test('values are sealed, removed and created in the same transactions', async () => {
  await using world = await openWorld();
  const plan = (await planTo(2, world.etcd, world.tree)).slice(0, 2);
  const [changed, removed] = plan;
  assert.ok(changed?.kind === 'changed' && removed?.kind === 'changed');
  const created = '/kubernetes.io/secrets/ns-1/new';
  await write(world, {
    replacements: [
      changed,
      { kind: 'removed', document: removed.document },
      { kind: 'created', in: 'etcd', key: created, after: Buffer.from('new') },
    ],
    seal: (key, value) => Buffer.concat([Buffer.from(`sealed ${key}:`), value]),
  });
  assert.equal(
    Buffer.from((await world.etcd.get(keyName(0)))?.value ?? [])
      .toString()
      .slice(0, 44),
    `sealed ${keyName(0)}:gene`,
  );
  assert.deepEqual(
    [await world.etcd.get(keyName(7)), Buffer.from((await world.etcd.get(created))?.value ?? []).toString()],
    [undefined, `sealed ${created}:new`],
  );
});

await test('a file and a key move, the new file keeps mode, owner and label of the old one, and the member gets its address', async () => {
  await using world = await openWorld();
  const [file = ''] = filesOf(world.tree);
  execFileSync('setfattr', ['-n', 'security.selinux', '-v', 'system_u:object_r:kubernetes_file_t:s0', file]);
  execFileSync('chown', ['12:34', file]);
  const attributes = attributesOf(file);
  const [moved, member] = [join(world.tree, 'd0', 'moved.key'), (await world.etcd.members())[0]];
  const document = fileDocument(file);
  const written = await write(world, {
    replacements: [
      { kind: 'removed', document },
      { kind: 'created', in: 'file', path: moved, after: document.bytes, like: file },
    ],
    member: { id: member?.id ?? '', before: member?.peerUrls ?? [], after: ['https://[2001:db8::1]:2380'] },
  });
  assert.deepEqual(written, { keys: 0, transactions: 0, files: 2 });
  assert.deepEqual(
    [existsSync(file), attributesOf(moved), readFileSync(moved).equals(document.bytes)],
    [false, attributes, true],
  );
  assert.deepEqual((await world.etcd.members())[0]?.peerUrls, ['https://[2001:db8::1]:2380']);
  assertTidy(world);
});

await test('a file that the plan makes and that is there already stops the run before anything is written', async () => {
  await using world = await openWorld();
  const [file = '', other = ''] = filesOf(world.tree);
  const before = await stateOf(world.etcd, world.tree);
  await assert.rejects(
    write(world, { replacements: [{ kind: 'created', in: 'file', path: other, after: Buffer.from('x'), like: file }] }),
    { message: `the file "${other}" is there already, and the plan makes it` },
  );
  assert.deepEqual(await stateOf(world.etcd, world.tree), before);
});

await test("a write that fails takes moved files and the member's address back, too", async () => {
  await using world = await openWorld();
  const [file = ''] = filesOf(world.tree);
  const before = await stateOf(world.etcd, world.tree);
  const [document, member, blocked] = [
    fileDocument(file),
    (await world.etcd.members())[0],
    filesOf(world.tree)[9] ?? '',
  ];
  execFileSync('chattr', ['+i', blocked]);
  try {
    await assert.rejects(
      write(world, {
        replacements: [
          { kind: 'removed', document },
          { kind: 'created', in: 'file', path: join(world.tree, 'd0', 'moved.key'), after: document.bytes, like: file },
          { kind: 'removed', document: fileDocument(blocked) },
        ],
        member: { id: member?.id ?? '', before: member?.peerUrls ?? [], after: ['https://[2001:db8::1]:2380'] },
      }),
      (error) => error instanceof Failure && error.message.includes(blocked),
    );
  } finally {
    execFileSync('chattr', ['-i', blocked]);
  }
  assert.deepEqual(await stateOf(world.etcd, world.tree), before);
});

await test('a file that has two paths in the plan is written once, hard links stay one file, a link stays a link', async () => {
  await using world = await openWorld();
  const [file = ''] = filesOf(world.tree);
  const viaLink = join(world.tree, '..data', 'f0.key');
  const hard = join(world.tree, 'hard.key');
  const stranger = join(world.tree, 'stranger.key');
  linkSync(file, hard);
  linkSync(file, stranger);
  await symlink('hard.key', join(world.tree, 'soft.key'));
  const after = Buffer.from('new');
  const lines: string[] = [];
  const written = await write(
    world,
    {
      replacements: [file, viaLink, hard, join(world.tree, 'soft.key')].map((path) => ({
        kind: 'changed',
        document: fileDocument(path),
        after,
      })),
    },
    lines,
  );
  assert.equal(written.files, 2);
  assert.deepEqual(
    [statSync(file).ino, readFileSync(join(world.tree, 'soft.key'), 'utf8'), statSync(stranger).nlink],
    [statSync(hard).ino, 'new', 1],
  );
  assert.equal(lines[0], `"${file}" has 1 more name outside the plan, which keeps the old content`);
  await assert.rejects(
    write(world, {
      replacements: [
        { kind: 'changed', document: fileDocument(file), after: Buffer.from('a') },
        { kind: 'changed', document: fileDocument(hard), after: Buffer.from('b') },
      ],
    }),
    { message: `"${hard}" and "${file}" are the same file, and the plan wants them different` },
  );
});

await test('what changed since the plan was made stops the run before anything is written', async () => {
  await using world = await openWorld();
  const plan = await planTo(2, world.etcd, world.tree);
  await world.etcd.commit([{ kind: 'put', key: keyName(5), value: Buffer.from('other') }]);
  await assert.rejects(write(world, { replacements: plan }), {
    message: `the etcd key "${keyName(5)}" changed while the plan was made`,
  });
  const again = await planTo(2, world.etcd, world.tree);
  const [file = ''] = filesOf(world.tree);
  writeFileSync(file, 'other');
  const before = await stateOf(world.etcd, world.tree);
  await assert.rejects(write(world, { replacements: again }), {
    message: `the file "${file}" changed while the plan was made`,
  });
  assert.deepEqual(await stateOf(world.etcd, world.tree), before);
  assertTidy(world);
});

/** A small ext4 for the files of the world, because space, flags and read-only mounts are of a file system. */
async function onSmallDisk(sizeMib: number, work: (tree: string, mountPoint: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'recert-disk-'));
  try {
    const mountPoint = join(folder, 'mnt');
    execFileSync('truncate', ['-s', `${sizeMib}M`, join(folder, 'img')]);
    execFileSync('mkfs.ext4', ['-q', '-m', '0', join(folder, 'img')]);
    mkdirSync(mountPoint);
    execFileSync('mount', ['-o', 'loop', join(folder, 'img'), mountPoint]);
    try {
      await work(join(mountPoint, 'tree'), mountPoint);
    } finally {
      execFileSync('umount', ['-l', mountPoint]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a plan that must fail, and holds the world before against the world after. */
async function assertNothingChanged(world: World, message: RegExp, input: Partial<CommitInput> = {}): Promise<Failure> {
  const before = await stateOf(world.etcd, world.tree);
  let failure: unknown;
  await assert.rejects(write(world, { replacements: await planTo(2, world.etcd, world.tree), ...input }), (error) => {
    failure = error;
    return true;
  });
  assert.ok(failure instanceof Failure);
  assert.match(failure.message, message);
  assert.ok(failure.next !== undefined || failure.why !== undefined, 'no advice');
  assert.deepEqual(await stateOf(world.etcd, world.tree), before);
  return failure;
}

await test('a full disk is found out before anything is written', async () => {
  await onSmallDisk(8, async (tree, mountPoint) => {
    await using world = await openWorld({ tree });
    execFileSync('sh', ['-c', `head -c 100M /dev/zero > ${mountPoint}/fill || true`], { stdio: 'ignore' });
    await assertNothingChanged(
      world,
      /^(new files cannot be staged: cp: .*No space left on device|the file ".*\/d\d\/f\d+\.key" cannot be staged: ENOSPC)$/,
    );
    assertTidy(world);
  });
});

await test('a full disk under the state folder is found out before anything is written', async () => {
  await onSmallDisk(8, async (_tree, mountPoint) => {
    await using world = await openWorld();
    execFileSync('sh', ['-c', `head -c 100M /dev/zero > ${mountPoint}/fill || true`], { stdio: 'ignore' });
    await assertNothingChanged(
      world,
      /^(the journal ".*" cannot be written|the originals cannot be saved in ".*"|the state folder ".*" cannot be made)$/,
      { stateFolder: join(mountPoint, 'state') },
    );
  });
});

await test('a read-only file system is found out before anything is written', async () => {
  await onSmallDisk(8, async (tree, mountPoint) => {
    await using world = await openWorld({ tree });
    execFileSync('mount', ['-o', 'remount,ro', mountPoint]);
    const { next } = await assertNothingChanged(world, /^the file ".*\/d0\/f0\.key" cannot be staged: EROFS$/);
    assert.equal(next, 'mount its file system read-write');
  });
});

await test('an immutable file is met in the middle of the write, and everything is taken back', async () => {
  await onSmallDisk(8, async (tree) => {
    await using world = await openWorld({ tree });
    const file = filesOf(tree)[12] ?? '';
    execFileSync('chattr', ['+i', file]);
    const failure = await assertNothingChanged(world, /^the file ".*\/f12\.key" cannot be replaced: EPERM$/);
    assert.deepEqual(
      [failure.why, failure.next],
      ['what had been written was taken back: nothing is changed', `take its immutable flag away: chattr -i ${file}`],
    );
    execFileSync('chattr', ['-i', file]);
    assertTidy(world);
  });
});

await test('a file that is a mount point of its own is named', async () => {
  await using world = await openWorld();
  const [file = ''] = filesOf(world.tree);
  execFileSync('mount', ['--bind', file, file]);
  try {
    const { next } = await assertNothingChanged(world, /^the file ".*\/f0\.key" cannot be replaced: EBUSY$/);
    assert.equal(next, 'it is a mount point of its own: mount its folder instead');
  } finally {
    execFileSync('umount', [file]);
  }
});

await test('an etcd that runs out of room has room made, and everything is taken back', async () => {
  await using world = await openWorld({ flags: ['--quota-backend-bytes', '2000000'] });
  for (let generation = 2; ; generation += 1) {
    assert.ok(generation < 12, 'etcd never ran out of room');
    const before = await stateOf(world.etcd, world.tree);
    const error: unknown = await write(world, { replacements: await planTo(generation, world.etcd, world.tree) }).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    if (error === undefined) continue;
    assert.ok(error instanceof Failure);
    assert.match(error.message, /database space exceeded/);
    assert.match(
      error.next ?? '',
      /^stop etcd and start it again on the same data with a larger --quota-backend-bytes/,
    );
    assert.equal(error.why, 'what had been written was taken back: nothing is changed');
    assert.deepEqual(await stateOf(world.etcd, world.tree), before);
    assert.deepEqual((await world.etcd.space()).alarms, []);
    return;
  }
});

await test('an etcd that dies in the middle: files are untouched, the next run puts its values back and writes everything', async () => {
  await using world = await openWorld();
  const before = await stateOf(world.etcd, world.tree);
  const plan = await planTo(2, world.etcd, world.tree);
  // It dies between the first and the second of three transactions: the first is made through a front that kills it then.
  const dying = {
    ...world.etcd,
    commit: async (changes: Parameters<typeof world.etcd.commit>[0]) => {
      await world.etcd.commit(changes.slice(0, 128));
      await world.server.stop('SIGKILL');
      return world.etcd.commit(changes.slice(128));
    },
  };
  await assert.rejects(write(world, { etcd: dying, replacements: plan }), (error) => {
    assert.ok(error instanceof Failure);
    assert.match(
      error.message,
      /^writing 128 keys from "\/kubernetes\.io\/secrets\/.*" on at etcd "127\.0\.0\.1:\d+" failed: /,
    );
    assert.match(
      error.why ?? '',
      /^taking it back failed, too: .*; the originals stand in ".*\/state\/run-[0-9a-f]{12}", and the next run puts them back$/,
    );
    return true;
  });
  await using server = await startEtcd(world.server.dataDir, { port: world.server.port });
  await using etcd = await openEtcd(server.endpoint);
  const between = await stateOf(etcd, world.tree);
  assert.deepEqual(generationsIn(between), [1, 2]);
  await assert.rejects(
    refuseMixture(world.state),
    (error) => error instanceof Refusal && error.next === 'recert run, which puts them back first',
  );
  await assert.rejects(
    repair(quietHost(), undefined, world.state, () => undefined),
    { message: `an interrupted run wrote to etcd "${server.endpoint}"; without it nothing can be taken back` },
  );
  const lines: string[] = [];
  await repair(quietHost(), etcd, world.state, (line) => {
    lines.push(line);
  });
  assert.deepEqual(await stateOf(etcd, world.tree), before);
  assert.equal(lines[1], 'put back: 128 etcd values, 0 files');
  await write(world, { etcd, replacements: await planTo(2, etcd, world.tree) });
  assert.deepEqual(generationsIn(await stateOf(etcd, world.tree)), [2]);
});

await test('after a run was cut off, a place that somebody else changed stops the repair before it touches anything', async () => {
  await using world = await openWorld();
  const dying = {
    ...world.etcd,
    commit: async (changes: Parameters<typeof world.etcd.commit>[0]) => {
      await world.etcd.commit(changes);
      await world.server.stop('SIGKILL');
      throw new Failure('gone');
    },
  };
  await assert.rejects(write(world, { etcd: dying, replacements: await planTo(2, world.etcd, world.tree) }));
  await using server = await startEtcd(world.server.dataDir, { port: world.server.port });
  await using etcd = await openEtcd(server.endpoint);
  const [file = ''] = filesOf(world.tree);
  writeFileSync(file, 'a third content');
  const before = await stateOf(etcd, world.tree);
  await assert.rejects(
    repair(quietHost(), etcd, world.state, () => undefined),
    (error) => {
      assert.ok(error instanceof Refusal);
      assert.equal(error.message, `the file "${file}" is neither as the interrupted run found it nor as it left it`);
      assert.match(
        error.next ?? '',
        /^see who changed it; its original is ".*\/state\/run-[0-9a-f]{12}\/files\/.*f0\.key"$/,
      );
      return true;
    },
  );
  assert.deepEqual(await stateOf(etcd, world.tree), before);
  writeFileSync(file, valueOf(1, 'f0'));
  await etcd.commit([{ kind: 'put', key: keyName(3), value: Buffer.from('a third value') }]);
  await assert.rejects(
    repair(quietHost(), etcd, world.state, () => undefined),
    { message: `the etcd key "${keyName(3)}" is neither as the interrupted run found it nor as it left it` },
  );
});

await test('a damaged journal is refused, not guessed at', async () => {
  await using world = await openWorld();
  mkdirSync(world.state);
  writeFileSync(join(world.state, 'journal.json'), '{"format":1,"phase":"wri');
  await assert.rejects(
    repair(quietHost(), world.etcd, world.state, () => undefined),
    { message: `the journal "${join(world.state, 'journal.json')}" cannot be read` },
  );
});

await test('a state folder in memory is refused', async () => {
  await using world = await openWorld();
  await assert.rejects(write(world, { stateFolder: '/dev/shm/recert-state', replacements: [] }), {
    message: 'the state folder "/dev/shm/recert-state" is in memory, where originals would be lost with the power',
  });
  await rm('/dev/shm/recert-state', { recursive: true, force: true });
});

await test('a request to stop before the first write leaves everything; after it the run ends first', async () => {
  await using world = await openWorld();
  const before = await stateOf(world.etcd, world.tree);
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(
    commit(
      quietHost(stop.signal),
      {
        etcd: world.etcd,
        seal: clear,
        stateFolder: world.state,
        replacements: await planTo(2, world.etcd, world.tree),
      },
      () => undefined,
    ),
    { name: 'Interrupted' },
  );
  assert.deepEqual(await stateOf(world.etcd, world.tree), before);
  assertTidy(world);
  const late = new AbortController();
  await commit(
    quietHost(late.signal),
    {
      etcd: world.etcd,
      seal: clear,
      stateFolder: world.state,
      replacements: await planTo(2, world.etcd, world.tree),
      onWriting: () => {
        late.abort();
      },
    },
    () => undefined,
  );
  assert.deepEqual(generationsIn(await stateOf(world.etcd, world.tree)), [2]);
});
