import assert from 'node:assert/strict';
import { test } from 'tap';
import { readManifestStream, type Json } from './manifest-stream.ts';

const values = (text: string): Json[] => readManifestStream(text).documents.map(({ value }) => value);

const good: readonly (readonly [says: string, text: string, values: readonly Json[]])[] = [
  ['one YAML document', 'a: 1\n', [{ a: 1 }]],
  ['documents between separators', 'a: 1\n---\nb: 2\n', [{ a: 1 }, { b: 2 }]],
  ['a leading separator makes no document', '---\na: 1\n', [{ a: 1 }]],
  ['several leading separators make none', '---\n---\n\n---\na: 1\n', [{ a: 1 }]],
  ['a trailing separator makes none', 'a: 1\n---\n', [{ a: 1 }]],
  ['a remark behind a separator', '--- # the first\na: 1\n---  \t\nb: 2\n', [{ a: 1 }, { b: 2 }]],
  ['a heading of remarks', '# licence\n\n---\na: 1\n', [{ a: 1 }]],
  ['Windows line ends', 'a: 1\r\n---\r\nb: 2\r\n', [{ a: 1 }, { b: 2 }]],
  ['a byte order mark', '\uFEFFa: 1\n', [{ a: 1 }]],
  ['three dashes inside a text, further to the right', 'a: |\n  x\n  --- y\n', [{ a: 'x\n--- y\n' }]],
  ['JSON', '{"a":1}', [{ a: 1 }]],
  ['JSON objects without anything between', '{"a":1}{"b":2}\n\n {"c":3}', [{ a: 1 }, { b: 2 }, { c: 3 }]],
  ['braces and quotes inside JSON texts', '{"a":"}\\"{"} {"b":{"c":"\\\\"}}', [{ a: '}"{' }, { b: { c: '\\' } }]],
  ['JSON with a comma too many is YAML', '{"a": 1, "b": [2,],}', [{ a: 1, b: [2] }]],
  ['JSON objects between separators are YAML', '{"a":1}\n---\n{"b":2}\n', [{ a: 1 }, { b: 2 }]],
  ['YAML in braces', '{a: 1, b: two}', [{ a: 1, b: 'two' }]],
  [
    'words that are true and false for Go',
    'a: yes\nb: off\nc: True\nd: "yes"\n',
    [{ a: true, b: false, c: true, d: 'yes' }],
  ],
  ['octal numbers, as modes of files are written', 'mode: 0644\nother: 0o644\n', [{ mode: 420, other: '0o644' }]],
  [
    'what looks like a time is a text',
    'a: 2026-01-01T00:00:00Z\nb: 12:30\n',
    [{ a: '2026-01-01T00:00:00Z', b: '12:30' }],
  ],
  ['anchors and merges', 'a: &x {p: 1}\nb: {<<: *x, q: 2}\n', [{ a: { p: 1 }, b: { p: 1, q: 2 } }]],
  ['keys that are no texts', '1: a\ntrue: b\n', [{ '1': 'a', true: 'b' }]],
  ['bytes', 'a: !!binary aGVsbG8=\n', [{ a: 'hello' }]],
  ['null stays', 'a: null\nb: ~\nc:\n', [{ a: null, b: null, c: null }]],
  ['a key of JavaScript is a key', '__proto__: {a: 1}\n', [Object.fromEntries([['__proto__', { a: 1 }]])]],
];

for (const [says, text, expected] of good)
  test(`a manifest stream reads ${says}`, async () => {
    const stream = readManifestStream(text);
    assert.deepEqual(stream.problems, []);
    assert.deepEqual(
      stream.documents.map(({ value }) => value),
      expected,
    );
  });

const bad: readonly (readonly [says: string, text: string, problems: readonly string[], readable: number])[] = [
  [
    'words behind a separator',
    'a: 1\n--- x\nb: 2\n',
    ['line 2: invalid Yaml document separator: only blanks or a comment may follow "---"'],
    2,
  ],
  [
    'a certificate at the left edge',
    'a: |\n-----BEGIN CERTIFICATE-----\n',
    ['line 2: invalid Yaml document separator: only blanks or a comment may follow "---"'],
    1,
  ],
  ['a list', '- a\n', ['line 1: it is a list, not an object'], 0],
  ['a word', 'hello\n', ['line 1: it is a single value, not an object'], 0],
  ['broken YAML after a good document', 'a: 1\n---\nb: [\n', ['line 4: it is no YAML (BAD_INDENT)'], 1],
  ['a third JSON object that is broken', '{"a":1}\n{"b":2}\n{"c":}\n', ['line 3: object 3 is no JSON'], 2],
  ['JSON that is cut off', '{"a": {"b": 1', ['line 1: it is no YAML (BAD_INDENT)'], 0],
  ['an alias of nothing', 'a: *b\n', ['line 1: it unfolds to too much'], 0],
];

for (const [says, text, problems, readable] of bad)
  test(`a manifest stream refuses ${says}, by its line, and reads the rest`, async () => {
    const stream = readManifestStream(text);
    assert.deepEqual(stream.problems, problems);
    assert.equal(stream.documents.length, readable);
  });

test('documents of remarks alone are told by their lines, and count among the documents', async () => {
  const stream = readManifestStream('a: 1\n---\n# nothing\n---\nb: 2\n');
  assert.deepEqual(stream.empty, [3]);
  assert.deepEqual(
    stream.documents.map(({ index, line }) => [index, line]),
    [
      [1, 1],
      [3, 5],
    ],
  );
  assert.deepEqual(values(''), []);
  assert.deepEqual(values('# nothing\n'), []);
});

test('a key that stands twice is a warning, and the last counts', async () => {
  const stream = readManifestStream('x: 0\n---\na: 1\na: 2\n');
  assert.deepEqual(stream.warnings, ['line 4: a key stands there twice; the last one counts']);
  assert.deepEqual(values('a: 1\na: 2\n'), [{ a: 2 }]);
});
