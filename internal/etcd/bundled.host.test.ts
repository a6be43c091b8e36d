import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { build } from 'esbuild';
import { etcdDescriptor } from '../../build/etcd-descriptor.ts';
import { startEtcd } from '../../test/cluster/etcd-server.ts';
import { temporaryFolder } from '../host/files.ts';

await using scratch = await temporaryFolder(tmpdir(), 'etcd-bundle-');
const folder = scratch.path;

/** Bundled as the product is. */
async function bundled(name: string, contents: string): Promise<string> {
  const outfile = join(folder, name, 'program.cjs');
  await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    charset: 'ascii',
    plugins: [etcdDescriptor],
  });
  return outfile;
}

const run = async (program: string, ...args: string[]): Promise<string> => {
  const empty = join(folder, 'empty');
  await rm(empty, { recursive: true, force: true });
  await mkdir(empty);
  return execFileSync(process.execPath, [program, ...args], {
    cwd: empty,
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
  });
};

await test('a bundled program, alone in a folder, writes to an etcd, reads it back, and saves a snapshot', async () => {
  await using server = await startEtcd(join(folder, 'etcd'));
  const program = await bundled(
    'alone',
    `
    import { openEtcd } from './etcd.ts';
    async function main([endpoint, snapshot]) {
      await using etcd = await openEtcd(endpoint);
      await etcd.commit([{ kind: 'put', key: '/a', value: Buffer.from([0xd9, 0, 0xff]), was: '0' }]);
      const entry = await etcd.get('/a');
      console.log(Buffer.from(entry.value).toString('hex'), await etcd.snapshot(snapshot) > 0, (await etcd.members()).length);
    }
    main(process.argv.slice(2));
  `,
  );
  assert.deepEqual(await readdir(join(folder, 'alone')), ['program.cjs']);
  assert.equal(await run(program, server.endpoint, join(folder, 'snapshot.db')), 'd900ff true 1\n');
});

await test('gRPC is not loaded before an etcd is opened', async () => {
  const program = await bundled(
    'lazy',
    `
    import { openEtcd } from './etcd.ts';
    const http2 = () => process.moduleLoadList.includes('NativeModule http2');
    async function main() {
      const before = http2();
      await openEtcd('127.0.0.1:1', { budgetMs: 1 }).catch(() => undefined);
      console.log(before, http2());
    }
    main();
  `,
  );
  assert.equal(await run(program), 'false true\n');
});
