import assert from 'node:assert/strict';
import { test } from 'tap';
import type { Edit } from './document.ts';
import { documentName } from './document.ts';
import { overlay } from './overlay.ts';
import { configMap, contentAt, file } from './test-documents.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const document = configMap('a/b', { one: '{"x":"1","y":"2"}', two: 'zwei' });
const documents = new Map([[documentName(document), document]]);
const edit = (name: string, value: string, reason: string, path?: string, buildsOn?: Edit): Edit => ({
  place: {
    document: documentName(document),
    field: ['data', name],
    within: path === undefined ? [] : [{ in: 'json', path: [path] }],
  },
  value: bytes(value),
  reason,
  ...(buildsOn === undefined ? {} : { buildsOn }),
});
const field = (edits: readonly Edit[], name: string): string => {
  const [replacement] = overlay(documents, edits);
  assert.ok(replacement?.kind === 'changed');
  return Buffer.from(contentAt({ ...document, bytes: replacement.after }, ['data', name]) ?? []).toString();
};

test('all edits of a document are folded into one replacement', async () => {
  const edits = [edit('one', 'longer', 'a', 'x'), edit('two', 'two', 'b'), edit('one', 'Y', 'c', 'y')];
  assert.equal(overlay(documents, edits).length, 1);
  assert.equal(field(edits, 'one'), '{"x":"longer","y":"Y"}');
  assert.equal(field(edits, 'two'), 'two');
});

test('two edits of one place are an error that names both, and one that builds on the other takes its place', async () => {
  const [first, second] = [edit('two', 'x', 'the certificate'), edit('two', 'y', 'the rename')];
  assert.throws(() => overlay(documents, [first, second]), {
    message:
      'two changes of one place: "the certificate" and "the rename" at "etcd:/kubernetes.io/configmaps/a/b" data/two, the whole text',
  });
  assert.equal(field([first, edit('two', 'xy', 'the rename', undefined, first)], 'two'), 'xy');
});

test('an edit that changes nothing yields no replacement, and one of nothing an error with the place', async () => {
  assert.deepEqual(overlay(documents, [edit('two', 'zwei', 'a')]), []);
  assert.throws(() => overlay(documents, [edit('three', 'x', 'a')]), {
    message: '"etcd:/kubernetes.io/configmaps/a/b" has no value at "data/three"',
  });
  assert.throws(() => overlay(new Map(), [edit('two', 'x', 'a')]), {
    message: 'there is no document "etcd:/kubernetes.io/configmaps/a/b" to edit',
  });
  const text = file('/x', 'no json');
  assert.throws(
    () =>
      overlay(new Map([[documentName(text), text]]), [
        {
          place: { document: documentName(text), field: [], within: [{ in: 'json', path: ['a'] }] },
          value: bytes('x'),
          reason: 'a',
        },
      ]),
    { message: 'file:/x cannot be changed: nothing can be read at json "a"' },
  );
});

test('a value behind a YAML alias is an error with the document and the place, because writing there would change another place', async () => {
  const text = file('/x.kubeconfig', 'a: &v one\nb: *v\n');
  assert.throws(
    () =>
      overlay(new Map([[documentName(text), text]]), [
        {
          place: { document: documentName(text), field: [], within: [{ in: 'yaml', path: ['b'] }] },
          value: bytes('x'),
          reason: 'a',
        },
      ]),
    {
      message: 'file:/x.kubeconfig cannot be changed: the value at yaml "b" cannot be written so that it reads back',
      next: 'rewrite this file or object in plain form, or leave it out',
    },
  );
});
