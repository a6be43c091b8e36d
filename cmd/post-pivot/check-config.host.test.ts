import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type Test } from 'tap';
import { exampleSeed } from '../../internal/site/test-example.ts';
import { mediumOf } from './test-host.ts';

const top = dirname(dirname(import.meta.dirname));

type Said = { readonly code: number; readonly out: string; readonly err: string };

function postPivot(...words: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['cmd/main.ts', 'post-pivot', ...words], { cwd: top }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

async function folder(t: Test, files: Readonly<Record<string, string>>): Promise<{ site: string; seed: string }> {
  const path = await mkdtemp(join(tmpdir(), 'check-config-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, 'site', name)), { recursive: true });
    await writeFile(join(path, 'site', name), content);
  }
  await writeFile(join(path, 'seed.json'), JSON.stringify(exampleSeed));
  return { site: join(path, 'site'), seed: join(path, 'seed.json') };
}

await test('a folder and the ISO made of it are checked against a seed, with no host', async (t) => {
  const { site, seed } = await folder(t, mediumOf());
  const good = await postPivot('check-config', site, '--seed-manifest', seed);
  assert.equal(good.code, 0, good.err);
  assert.match(good.out, /^the site config ".*" fits the seed: cluster "site1.edge.example.org"\n$/);
  const iso = join(dirname(site), 'config.iso');
  await new Promise((resolve) =>
    execFile(
      'xorriso',
      ['-as', 'mkisofs', '-quiet', '-rational-rock', '-V', 'cluster-config', '-o', iso, site],
      resolve,
    ),
  );
  const same = await postPivot('check-config', iso, '--seed-manifest', seed);
  assert.equal(same.code, 0, same.err);
  assert.equal((await postPivot('check-config', iso, '--seed-manifest', seed, '--json')).out, '{"state":"good"}\n');
});

await test('all problems of a config are told, with what to do, and no secret', async (t) => {
  const { site, seed } = await folder(t, {
    ...mediumOf({ api_version: 3, proxy: undefined, pull_secret: 'canary-secret', hostnam: 'x' }),
    'extra-manifests/b.yaml': 'kind: [\n',
    'extra-manifests/c.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n',
  });
  const { code, err } = await postPivot('check-config', site, '--seed-manifest', seed);
  assert.equal(code, 2);
  for (const problem of [
    /what: {4}unsupported seed reconfiguration version 3/,
    /proxy configuration mismatch/,
    /pull_secret is not JSON/,
    /warning: .*unknown key "hostnam", nearest known key is "hostname"/,
    /b\.yaml/,
    /c\.yaml/,
    /leaves: {2}nothing was changed/,
  ])
    assert.match(err, problem);
  assert.doesNotMatch(err, /canary/);
});

await test('what cannot be read is said by its name', async (t) => {
  const { site, seed } = await folder(t, { 'a.txt': 'x' });
  for (const [words, says] of [
    [
      ['check-config', site, '--seed-manifest', seed],
      /"cluster-configuration\/manifest.json" of "\S+" cannot be read: ENOENT/,
    ],
    [['check-config', '/nowhere', '--seed-manifest', seed], /"\/nowhere" cannot be read: ENOENT/],
    [['check-config', join(site, 'a.txt'), '--seed-manifest', seed], /is no ISO image/],
    [['check-config', site, '--seed-manifest', '/nowhere.json'], /"\/nowhere.json" cannot be read/],
    [['check-config', site, '--seed-manifest', join(site, 'a.txt')], /the seed manifest in "\S+a.txt" cannot be read/],
    [['check-config', '--seed-manifest', seed], /there is no site config to check/],
    [['check-config', site], /--seed-manifest is missing/],
  ] as const) {
    const { code, err } = await postPivot(...words);
    assert.notEqual(code, 0, words.join(' '));
    assert.match(err, says, words.join(' '));
  }
});
