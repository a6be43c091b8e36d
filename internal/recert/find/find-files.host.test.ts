import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, test } from 'tap';
import type { Document } from '../document.ts';
import { findFiles, readFiles } from './find-files.ts';

const root = await realpath(await mkdtemp(join(tmpdir(), 'find-')));
after(() => rm(root, { recursive: true }));

async function file(path: string, content = 'x'): Promise<string> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
  return join(root, path);
}

test('files are found by the names of the reference, through dotted and linked folders, each once', async () => {
  const found = [
    'a/tls.crt',
    'a/tls.key',
    'a/x.pem',
    'a/x.pem.mcdorig',
    'a/ca.crt.mcdorig',
    'a/service-account.pub',
    'a/lb-ext.kubeconfig',
    'a/kubeconfig',
    'a/kubeConfig',
    'b/token',
    'b/currentconfig',
    'b/mcs-machine-config-content.json',
    'vol/..2025_01/tls.crt',
    '.hidden/tls.key',
  ];
  const not = [
    'a/.tls.crt',
    'a/TLS.CRT',
    'a/tls.crt.bak',
    'a/tokens',
    'a/kubeconfig.bak',
    'c/kubernetes.io~empty-dir/tls.crt',
    'a/ssh_host_rsa_key',
  ];
  for (const path of [...found, ...not]) await file(join('names', path));
  await symlink('..2025_01', join(root, 'names/vol/..data'));
  await symlink('..data/tls.crt', join(root, 'names/vol/tls.crt')); // the file is a link: found where it stands
  await symlink('..', join(root, 'names/a/circle'));
  await symlink('itself.crt', join(root, 'names/a/itself.crt'));
  await symlink('nowhere', join(root, 'names/a/broken.key'));
  const paths = await findFiles([join(root, 'names'), join(root, 'names/a')], []);
  assert.deepEqual(paths.map((path) => relative(join(root, 'names'), path)).toSorted(), found.toSorted());
});

test('a folder that is a link outside is searched, and its files have their real paths', async () => {
  const outside = await file('elsewhere/deep/tls.crt');
  await mkdir(join(root, 'inside'));
  await symlink('../elsewhere', join(root, 'inside/link'));
  assert.deepEqual(await findFiles([join(root, 'inside')], []), [outside]);
});

test('a single file is taken whatever its name, and once with its folder', async () => {
  const odd = await file('single/proxy.env');
  const crt = await file('single/a.crt');
  assert.deepEqual(await findFiles([join(root, 'single')], [odd, crt]), [crt, odd]);
  await assert.rejects(findFiles([], [join(root, 'single')]), { message: `"${join(root, 'single')}" is not a file` });
});

test('a folder that is not there, or cannot be read, is one clear error with its path', async () => {
  await assert.rejects(findFiles([join(root, 'gone')], []), {
    message: `there is no "${join(root, 'gone')}"`,
    next: 'correct the list of folders and files',
  });
  const closed = join(root, 'closed/inner');
  await mkdir(dirname(closed));
  await mkdir(closed, { mode: 0o000 });
  // Root reads everything, so the question is asked by nobody.
  const script = `import { findFiles } from ${JSON.stringify(new URL('./find-files.ts', import.meta.url).href)}; await findFiles([${JSON.stringify(join(root, 'closed'))}], []).catch((error) => { console.log(error.message); });`;
  execFileSync('chmod', ['755', root]);
  const said = execFileSync(
    'setpriv',
    ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, '--input-type=module', '-e', script],
    { encoding: 'utf8' },
  );
  assert.equal(said.trim(), `the folder "${closed}" cannot be read: EACCES`);
});

test('a file far too large is told of and not read', async () => {
  const large = await file('large/a.key');
  await truncate(large, 40 * 1024 * 1024);
  const facts: string[] = [];
  const documents: Document[] = [];
  for await (const document of readFiles([large, await file('large/b.key', 'b')], (fact) => facts.push(fact)))
    documents.push(document);
  assert.deepEqual(facts, [`file:${large} has 41943040 bytes and was not read`]);
  assert.deepEqual(
    documents.map(({ bytes }) => bytes.length),
    [1],
  );
});
