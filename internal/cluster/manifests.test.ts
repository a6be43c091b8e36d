import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { asSent, wishFor } from './desired.ts';
import { readManifests, refuseBadManifests, type Manifests } from './manifests.ts';
import type { JsonMap } from './object.ts';

async function reading(
  files: Readonly<Record<string, string | Uint8Array>>,
  more?: (folder: string) => Promise<void>,
): Promise<Manifests> {
  const folder = await mkdtemp(join(tmpdir(), 'manifests-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    await more?.(folder);
    return await readManifests(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const map = (name: string, more = ''): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}${more}}\n`;

test('files are taken in the byte order of their names, whatever they are called', async () => {
  const { manifests } = await reading({
    b: map('b'),
    'B.yaml': map('B'),
    '10.yml': map('ten'),
    '2.json': map('two'),
    'é.yaml': map('e'),
  });
  assert.deepEqual(
    manifests.map(({ file }) => file),
    ['10.yml', '2.json', 'B.yaml', 'b', 'é.yaml'],
  );
});

test('folders, unfinished and empty files are passed over with a warning', async () => {
  const { manifests, warnings, problems } = await reading(
    {
      '.0b3b5c1e-0f6d-4a0e-9b59-2f2b7d0f7a11.tmp': '{"half',
      'empty.yaml': '',
      'remarks.yaml': '# x\n',
      'a.yaml': map('a'),
    },
    (folder) => mkdir(join(folder, 'sub')).then(() => undefined),
  );
  assert.deepEqual(problems, []);
  assert.equal(manifests.length, 1);
  assert.deepEqual(
    warnings.map((line) => line.replace(/of ".*" itself/, 'of it')),
    [
      '".0b3b5c1e-0f6d-4a0e-9b59-2f2b7d0f7a11.tmp" was not written to its end and is passed over',
      '"empty.yaml" is empty and is passed over',
      '"remarks.yaml" is empty and is passed over',
      '"sub" is a folder and is passed over: manifests are files of it',
    ],
  );
});

test('all problems of all files are named together', async () => {
  const read = await reading(
    {
      'a.yaml':
        'kind: X\nmetadata: {name: a}\n---\napiVersion: v1\nmetadata: {name: b}\n---\napiVersion: v1\nkind: Pod\nmetadata: {}\n',
      'b.yaml': 'apiVersion: v1\nkind: List\nitems: [1, {apiVersion: v1, kind: Pod, metadata: {generateName: x-}}]\n',
      'c.yaml': Uint8Array.of(0xff, 0xfe),
      'd.yaml': map('good'),
    },
    (folder) => symlink('/nonexistent', join(folder, 'e.yaml')),
  );
  assert.deepEqual(read.problems, [
    '"a.yaml" document 1 has no "apiVersion"',
    '"a.yaml" document 2 has no "kind"',
    '"a.yaml" document 3 (Pod) has no "metadata.name"',
    '"b.yaml" item 1 is not an object',
    '"b.yaml" item 2 (Pod) has "generateName": each run would make another one; give it a name',
    '"c.yaml" is not UTF-8 text',
    '"e.yaml" cannot be read: ENOENT',
  ]);
  assert.throws(
    () => {
      refuseBadManifests(read);
    },
    { name: 'UsageError', message: /^7 places in ".*" cannot be applied$/, why: read.problems.join('; ') },
  );
});

test('a missing folder is fine where it may be missing', async () => {
  await assert.rejects(
    readManifests('/nonexistent'),
    /failed to read dir for extra manifests in \/nonexistent: ENOENT/,
  );
  assert.deepEqual((await readManifests('/nonexistent', { missingFolderIsFine: true })).manifests, []);
});

test('the apply-type is taken out of the object; one that nobody knows is a warning', async () => {
  const typed = (type: string): string => map('a', `, annotations: {lca.openshift.io/apply-type: ${type}, b: c}`);
  const { manifests, warnings } = await reading({ '1': typed('merge'), '2': typed('replace'), '3': typed('Merge') });
  assert.deepEqual(
    manifests.map(({ applyType }) => applyType),
    ['merge', 'replace', 'keep'],
  );
  assert.deepEqual(
    manifests.map(({ object }) => object['metadata']),
    Array.from({ length: 3 }, () => ({ name: 'a', annotations: { b: 'c' } })),
  );
  assert.deepEqual(warnings, [
    '"3" (ConfigMap "a"): apply-type "Merge" is neither "replace" nor "merge"; the object is created if it is not there, and left alone if it is',
    'ConfigMap "a" stands in "1" and in "2"; the later one counts',
    'ConfigMap "a" stands in "2" and in "3"; the later one counts',
  ]);
});

test('what is sent has a namespace where there are any, and nothing that only a server knows', () => {
  const object = {
    kind: 'X',
    metadata: { name: 'a', uid: 'u', resourceVersion: '1', creationTimestamp: null, managedFields: [] },
  };
  assert.deepEqual(asSent(object, true), { kind: 'X', metadata: { name: 'a', namespace: 'default' } });
  assert.deepEqual(asSent({ ...object, metadata: { name: 'a', namespace: 'n' } }, false), {
    kind: 'X',
    metadata: { name: 'a' },
  });
  return Promise.resolve();
});

const live: JsonMap = {
  kind: 'X',
  metadata: { name: 'a', uid: 'u', resourceVersion: '7', finalizers: ['f'], labels: { l: '1' } },
  spec: { a: '1', b: '2' },
  status: { s: 1 },
};
const wished = (spec: JsonMap, labels: JsonMap = { l: '1' }): JsonMap => ({
  kind: 'X',
  metadata: { name: 'a', labels },
  spec,
});

const wishes: readonly (readonly [
  says: string,
  type: 'replace' | 'merge' | 'keep',
  desired: JsonMap,
  sent: JsonMap | undefined,
])[] = [
  ['replace: the same is not sent', 'replace', wished({ a: '1', b: '2' }), undefined],
  ['replace: null is what is not there', 'replace', wished({ a: '1', b: '2', c: null }), undefined],
  [
    'replace: what is left out goes',
    'replace',
    wished({ a: '1' }),
    { ...wished({ a: '1' }), metadata: { name: 'a', labels: { l: '1' }, finalizers: ['f'] } },
  ],
  ['merge: what is there already is not sent', 'merge', wished({ a: '1' }, {}), undefined],
  ['merge: what is left out stays', 'merge', wished({ a: '2' }, {}), { ...live, spec: { a: '2', b: '2' } }],
  ['keep: what is there stays', 'keep', wished({ a: '2' }), undefined],
];

for (const [says, type, desired, sent] of wishes)
  test(says, async () => {
    assert.deepEqual(wishFor(desired, type, live)?.body, sent);
    assert.deepEqual(wishFor(desired, type, undefined), { verb: 'create', body: desired });
  });
