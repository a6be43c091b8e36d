import assert from 'node:assert/strict';
import { test } from 'tap';
import { bytes, edited, opened, written } from './test-trees.ts';
import { textTree } from './text-tree.ts';
import type { Tree } from './tree.ts';

test('compact JSON stays compact, and a new member stands where the names are in order', async () => {
  const text = '{"a":{"x":1,"z":[]},"b":"t","d":[1,2]}';
  assert.equal(
    edited(text, (tree) => tree.set(['c'], { list: [1, { k: null }], empty: {}, none: [] })),
    '{"a":{"x":1,"z":[]},"b":"t","c":{"list":[1,{"k":null}],"empty":{},"none":[]},"d":[1,2]}',
  );
  assert.equal(
    edited(text, (tree) => tree.set(['a', 'y'], true)),
    '{"a":{"x":1,"y":true,"z":[]},"b":"t","d":[1,2]}',
  );
  assert.equal(
    edited(text, (tree) => tree.set(['e'], 1.5)),
    '{"a":{"x":1,"z":[]},"b":"t","d":[1,2],"e":1.5}',
  );
  assert.equal(
    edited(text, (tree) => tree.set(['0'], '')),
    '{"0":"","a":{"x":1,"z":[]},"b":"t","d":[1,2]}',
  );
  assert.equal(
    edited(text, (tree) => tree.set(['a', 'z'], ['n'])),
    '{"a":{"x":1,"z":["n"]},"b":"t","d":[1,2]}',
  );
  assert.equal(
    edited(text, (tree) => tree.insert(['d', 1], 9).insert(['d', 3], 8).remove(['d', 0])),
    '{"a":{"x":1,"z":[]},"b":"t","d":[9,2,8]}',
  );
  assert.equal(
    edited(text, (tree) => tree.remove(['d', 0]).remove(['d', 0]).remove(['b']).remove(['d']).remove(['a', 'x'])),
    '{"a":{"z":[]}}',
  );
});

test('a new member goes to the end where the names were in no order', async () => {
  assert.equal(
    edited('{"kind":"X","apiVersion":"v1"}', (tree) => tree.set(['b'], 1)),
    '{"kind":"X","apiVersion":"v1","b":1}',
  );
  assert.equal(
    edited('{"kind":"X","apiVersion":"v1"}', (tree) => tree.rename(['kind'], 'zone')),
    '{"zone":"X","apiVersion":"v1"}',
  );
});

test('pretty JSON keeps its indent, its line ends and the layout of each container', async () => {
  const text = '{\n    "a": {\n        "x": 1\n    },\n    "l": [],\n    "o": {},\n    "s": [1, 2]\n}\n';
  assert.equal(
    edited(text, (tree) => tree.set(['l'], [{ k: 1, e: {} }])),
    '{\n    "a": {\n        "x": 1\n    },\n    "l": [\n        {\n            "k": 1,\n            "e": {}\n        }\n    ],\n    "o": {},\n    "s": [1, 2]\n}\n',
  );
  assert.equal(
    edited(text, (tree) => tree.set(['o', 'k'], 'v')),
    text.replace('"o": {}', '"o": {\n        "k": "v"\n    }'),
  );
  assert.equal(
    edited(text, (tree) => tree.insert(['s', 2], 3)),
    text.replace('[1, 2]', '[1, 2, 3]'),
  );
  assert.equal(
    edited(text, (tree) => tree.set(['a', 'y'], 2)),
    text.replace('"x": 1', '"x": 1,\n        "y": 2'),
  );
  assert.equal(
    edited(text, (tree) => tree.set(['a', 'b'], 2)),
    text.replace('"x": 1', '"b": 2,\n        "x": 1'),
  );
  assert.equal(
    edited(text, (tree) => tree.remove(['a', 'x'])),
    text.replace('{\n        "x": 1\n    }', '{}'),
  );
  assert.equal(
    edited(text.replaceAll('\n', '\r\n'), (tree) => tree.set(['o', 'k'], [1])),
    text.replace('"o": {}', '"o": {\n        "k": [\n            1\n        ]\n    }').replaceAll('\n', '\r\n'),
  );
  assert.equal(
    edited('{"a": 1, "b": {}}', (tree) => tree.set(['b', 'c'], { d: 1, e: 2 })),
    '{"a": 1, "b": {"c": {"d": 1, "e": 2}}}',
  );
});

test('what is new is spelled as Go spells it, but in a document that shows the plain habit', async () => {
  assert.equal(
    edited('{"a":"b"}', (tree) => tree.set(['c'], '<é\u2028&>"\\\n')),
    '{"a":"b","c":"\\u003cé\\u2028\\u0026\\u003e\\"\\\\\\n"}',
  );
  assert.equal(
    edited('{"a":"<b>"}', (tree) => tree.set(['c'], { '<': '&>' })),
    '{"a":"<b>","c":{"<":"&>"}}',
  );
  assert.equal(
    edited('{"a":"\\u00e9\\/x"}', (tree) => tree.set(['a'], 'é/y')),
    '{"a":"\\u00e9\\/y"}',
  );
});

test('a value that is there already changes no byte, whatever its spelling', async () => {
  const text = ' {"a":"\\u0062\\/", "n": 1.0e1, "o":{"y":[ ],"x":1} }\n';
  const tree = opened(text);
  for (const [path, value] of [
    [['a'], 'b/'],
    [['n'], 10],
    [['o'], { x: 1, y: [] }],
    [['o', 'y'], []],
  ] as const)
    assert.equal(tree.set(path, value), tree);
  assert.equal(tree.rename(['o'], 'o'), tree);
});

test('of a list that is set, the items at both ends that stay keep their bytes', async () => {
  assert.equal(
    edited('{"l":[ 1.0,{"b":1 , "a":2},"\\u0063",4e0 ]}', (tree) => tree.set(['l'], [1, 'new', 'c', 4])),
    '{"l":[ 1.0,"new","\\u0063",4e0 ]}',
  );
  assert.equal(
    edited('{"l":[ 1.0,2 ]}', (tree) => tree.set(['l'], [])),
    '{"l":[]}',
  );
});

test('a name goes where the names are in order, its value keeps its bytes, and the way back gives the same document', async () => {
  const text = '{"data":{\n "api.x":"1",\n "apps.old" :  [ 1.0 ],\n "z":3},"k":1}';
  const there = opened(text).rename(['data', 'apps.old'], 'zz<');
  assert.equal(written(there), '{"data":{\n "api.x":"1",\n "z":3,\n "zz\\u003c" :  [ 1.0 ]},"k":1}');
  assert.equal(written(there.rename(['data', 'zz<'], 'apps.old')), text);
});

test('of a duplicated name the last one counts, and none shows through after a removal or a rename', async () => {
  const text = '{"a":1,"b":2,"a":3}';
  assert.equal(opened(text).at(['a']), 3);
  assert.deepEqual(opened(text).keysAt([]), ['a', 'b']);
  assert.equal(
    edited(text, (tree) => tree.set(['a'], 4)),
    '{"a":1,"b":2,"a":4}',
  );
  assert.equal(
    edited(text, (tree) => tree.remove(['a'])),
    '{"b":2}',
  );
  assert.equal(
    edited(text, (tree) => tree.rename(['a'], 'c')),
    '{"c":1,"b":2,"c":3}',
  );
});

test('each thing that cannot be done is one error that names the path and no value', async () => {
  const tree = opened('{"a":{"s":"secret"},"l":["secret"]}');
  const refused: [() => Tree, string][] = [
    [() => tree.set([], 'secret'), 'the text is not replaced as a whole'],
    [() => tree.remove([]), 'the text is not removed as a whole'],
    [() => tree.set(['x', 'y'], 'secret'), 'the text has no map at "x"'],
    [() => tree.set(['a', 's', 'y'], 'secret'), 'the text has no map at "a/s"'],
    [() => tree.set(['l', 1], 'secret'), 'the text has no place "l/1": the list has 1 items'],
    [() => tree.set(['l', 'x'], 'secret'), 'the text has no place "l/x": the list has 1 items'],
    [() => tree.insert(['l', 2], 'secret'), 'the text has no place "l/2": the list has 1 items'],
    [() => tree.insert(['a', 0], 'secret'), 'the text has no list at "a"'],
    [() => tree.remove(['l', -1]), 'the text has no place "l/-1": the list has 1 items'],
    [() => tree.remove(['a', 't']), 'the text has nothing at "a/t"'],
    [() => tree.rename(['a', 't'], 'u'), 'the text has nothing at "a/t"'],
    [() => tree.rename(['l', 0], 'u'), 'the text has no name at "l/0"'],
    [() => tree.rename(['a'], 'l'), 'the text already has "l"'],
    [() => tree.rename(['a'], '\ud800'), 'the new name of "a" of the text cannot be written'],
    [() => tree.set(['a', 's'], '\ud800'), 'the value for "a/s" of the text cannot be written as JSON'],
    [() => tree.set(['a', 's'], Number.NaN), 'the value for "a/s" of the text cannot be written as JSON'],
  ];
  for (const [edit, message] of refused) assert.throws(edit, { name: 'Failure', message });
});

test('what is no text of a map or a list is not opened', async () => {
  for (const text of ['"word"', '12', '', 'word', '[1', '{"a"']) assert.equal(textTree(bytes(text)), undefined, text);
  assert.equal(textTree(Uint8Array.of(0x7b, 0xff, 0x7d)), undefined);
});

test('twenty edits of a 300 kB JSON text take less than a second', async () => {
  let tree = opened(
    JSON.stringify({
      metadata: {},
      spec: {
        files: Array.from({ length: 300 }, (_, index) => ({
          path: `/etc/file-${index}`,
          source: `data:,${'x%0A'.repeat(250)}`,
        })),
      },
    }),
  );
  const before = performance.now();
  for (let index = 0; index < 20; index += 1)
    tree = tree
      .set(['spec', 'files', index * 10, 'source'], `data:,${index}`)
      .set(['spec', 'files', index, 'mode'], 420);
  assert.equal(opened(written(tree)).at(['spec', 'files', 190, 'source']), 'data:,19');
  assert.ok(performance.now() - before < 1000, `${performance.now() - before} ms`);
});
