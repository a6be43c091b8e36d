import assert from 'node:assert/strict';
import { test } from 'tap';
import type { FieldPath } from '../edit/json.ts';
import { bytes, pathsOf } from '../edit/test-trees.ts';
import type { Plain, Tree } from '../edit/tree.ts';
import { joined } from './bytes.ts';
import { isByteField } from './fields.ts';
import { objectTree } from './object-tree.ts';
import { rawOf } from './protobuf-object.ts';
import { field, replaceSpan } from './protobuf.ts';
import { kubernetesCbor } from './test-cbor.ts';
import { golden } from './test-golden.ts';

type Members = Record<string, Plain>;
const word = (tree: Tree, name: string): string => tree.textAt([name]) ?? '';
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const isMap = (value: Plain | undefined): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function opened(value: Uint8Array): Tree {
  const tree = objectTree(value);
  assert.ok(tree);
  return tree;
}

/** A protobuf value with a field that nobody knows at the end of its object. */
function withUnknown(value: Uint8Array): Uint8Array {
  const raw = rawOf(value).at(-1);
  assert.ok(raw);
  return replaceSpan(value, [raw], raw.end, raw.end, field(9999, bytes('unknown')));
}

/** Golden values are too long to be shown. */
function sameBytes(one: Uint8Array, other: Uint8Array, message: string): void {
  assert.ok(Buffer.compare(one, other) === 0, message);
}

/** How many places there are at least, so that no test passes by looking at nothing. */
const fewest = {
  pb: { values: 450, items: 150, members: 100 },
  json: { values: 2500, items: 900, members: 2500 },
  cbor: { values: 2500, items: 900, members: 2500 },
};

/** The golden values in one form, with the field nobody knows in protobuf. */
async function* values(form: 'pb' | 'json' | 'cbor'): AsyncGenerator<[name: string, value: Uint8Array]> {
  for (const [name, value] of await golden()) {
    if (form === 'pb' && name.endsWith('.pb')) yield [name, withUnknown(value)];
    if (form === 'json' && name.endsWith('.json')) yield [name, value];
    if (form === 'cbor' && name.endsWith('.json'))
      yield [`${name} as CBOR`, kubernetesCbor(JSON.parse(new TextDecoder().decode(value)))];
  }
}

/** `most` of all, spread over them. */
function some<T>(all: readonly T[], most: number): T[] {
  return all.filter((_, index) => index % Math.ceil(all.length / most) === 0);
}

/** The plain object with the value at a path replaced by what `change` makes of it. */
function plainWith(plain: Plain | undefined, path: FieldPath, change: (old: Plain | undefined) => Plain): Plain {
  const [name, ...rest] = path;
  if (name === undefined) return change(plain);
  if (Array.isArray(plain)) return plain.map((item: Plain, at) => (at === name ? plainWith(item, rest, change) : item));
  assert.ok(isMap(plain));
  return { ...plain, [name]: plainWith(plain[name], rest, change) };
}

/** What may be put into a list or a map of strings; in JSON and CBOR anything may be put anywhere. */
function candidate(tree: Tree, list: FieldPath): Plain | undefined {
  const first = tree.at([...list, 0]);
  if (!isMap(first)) return typeof first === 'string' ? 'new <é>' : undefined;
  const texts = Object.entries(first).filter(
    ([name, value]) => typeof value === 'string' && value !== '' && tree.textAt([...list, 0, name]) === value,
  );
  return texts.length === 0 ? undefined : Object.fromEntries(texts);
}

for (const form of ['pb', 'json', 'cbor'] as const) {
  test(`${form}: each golden value set to what it is keeps its bytes`, async (t) => {
    let places = 0;
    for await (const [name, value] of values(form)) {
      const tree = opened(value);
      const [apiVersion, kind] = [word(tree, 'apiVersion'), word(tree, 'kind')];
      const all = pathsOf(tree);
      const holdsBytes = (path: FieldPath): boolean =>
        all.some((other) => isByteField(apiVersion, kind, other) && path.every((part, at) => other[at] === part));
      for (const path of some(all.slice(1), 60)) {
        const now = holdsBytes(path) ? tree.textAt(path) : tree.at(path);
        if (now === undefined) continue;
        assert.equal(tree.set(path, now), tree, `${name} ${path.join('/')}`);
        places += 1;
      }
      sameBytes(tree.bytes, value, name);
    }
    t.comment(`${places} places`);
    assert.ok(places > fewest[form].values);
  });

  test(`${form}: an item put into a list of a golden value is read there, and its removal gives the same bytes`, async (t) => {
    let places = 0;
    for await (const [name, value] of values(form)) {
      const tree = opened(value);
      for (const path of some(
        pathsOf(tree).filter((path) => Array.isArray(tree.at(path))),
        15,
      )) {
        const item = candidate(tree, path);
        if (item === undefined) continue;
        const { length } = tree.keysAt(path);
        for (const at of new Set([0, length])) {
          const more = tree.insert([...path, at], item);
          assert.deepEqual(
            more.at([]),
            plainWith(tree.at([]), path, (old) => (old as Plain[]).toSpliced(at, 0, item)),
            `${name} ${path.join('/')}`,
          );
          sameBytes(more.remove([...path, at]).bytes, value, `${name} ${path.join('/')} ${at}`);
          places += 1;
        }
      }
    }
    t.comment(`${places} places`);
    assert.ok(places > fewest[form].items);
  });

  test(`${form}: a member put into a map of a golden value is read there, its removal gives the same bytes, and so does a rename there and back`, async (t) => {
    let places = 0;
    for await (const [name, value] of values(form)) {
      const tree = opened(value);
      const isOpen = (path: FieldPath): boolean =>
        isMap(tree.at(path)) &&
        (form !== 'pb' ||
          (['labels', 'annotations', 'data', 'binaryData'].includes(String(path.at(-1))) &&
            tree.keysAt(path)[0] !== 'raw'));
      for (const path of some(pathsOf(tree).filter(isOpen), 15)) {
        const [apiVersion, kind] = [word(tree, 'apiVersion'), word(tree, 'kind')];
        for (const fresh of ['!first', 'zz-last']) {
          const more = tree.set([...path, fresh], 'value <é>');
          const stored = isByteField(apiVersion, kind, [...path, fresh])
            ? Buffer.from('value <é>').toString('base64')
            : 'value <é>';
          assert.equal(more.textAt([...path, fresh]), 'value <é>');
          assert.deepEqual(
            more.at([]),
            plainWith(tree.at([]), path, (old) => ({ ...(old as Members), [fresh]: stored })),
            `${name} ${path.join('/')}`,
          );
          sameBytes(more.remove([...path, fresh]).bytes, value, `${name} ${path.join('/')}`);
          places += 1;
        }
        if (path.length === 0) continue; // without its kind an object has other fields
        for (const old of some(tree.keysAt(path), 3)) {
          // A name near the old one: names that were in no order must not fall in order by it, or the way back would sort them.
          const other = form === 'cbor' ? `${String(old).slice(0, -1)}!` : `${String(old)}!`;
          const there = tree.rename([...path, old], other);
          assert.deepEqual(there.at([...path, other]), tree.at([...path, old]));
          assert.equal(there.at([...path, old]), undefined);
          sameBytes(there.rename([...path, other], String(old)).bytes, value, `${name} ${path.join('/')} ${old}`);
          places += 1;
        }
      }
    }
    t.comment(`${places} places`);
    assert.ok(places > fewest[form].members);
  });
}

test('the known fields of each golden protobuf value read as the JSON of the same object has them', async () => {
  const files = await golden();
  for (const [name, value] of files) {
    if (!name.endsWith('.pb')) continue;
    const [protobuf, json] = [opened(value), opened(files.get(name.replace(/pb$/, 'json')) ?? value)];
    for (const path of pathsOf(protobuf)) {
      if (path.at(-1) === 'raw' || typeof protobuf.at(path) !== 'string') continue;
      assert.deepEqual(
        [protobuf.at(path), protobuf.textAt(path)],
        [json.at(path), json.textAt(path)],
        `${name} ${path.join('/')}`,
      );
    }
  }
});

/** A protobuf object of a kind. */
function stored(apiVersion: string, kind: string, ...fields: readonly Uint8Array[]): Uint8Array {
  return joined(
    bytes('k8s\0'),
    field(1, joined(field(1, bytes(apiVersion)), field(2, bytes(kind)))),
    field(2, joined(...fields)),
    field(3, bytes('')),
    field(4, bytes('')),
  );
}
const texts = (...pairs: readonly (readonly [number, string])[]): Uint8Array =>
  joined(...pairs.map(([number, text]) => field(number, bytes(text))));
const entry = (number: number, key: string, value: string): Uint8Array => field(number, texts([1, key], [2, value]));

/** A Deployment with one container with some environment. */
function deployment(...env: readonly Uint8Array[]): Uint8Array {
  const container = joined(
    texts([1, 'router'], [2, 'image']),
    ...env.map((variable) => field(7, variable)),
    field(14, bytes('pull')),
  );
  return stored(
    'apps/v1',
    'Deployment',
    field(1, texts([1, 'name'])),
    field(2, field(3, field(2, field(2, container)))),
  );
}
const envPath = ['spec', 'template', 'spec', 'containers', 0, 'env'] as const;
const valueFrom = joined(texts([1, 'POD_IP'], [2, '']), field(3, bytes('\u0012\u0001x')));

test('an environment is set as a whole, and a variable that stays keeps what is unknown of it', async () => {
  const tree = opened(deployment(texts([1, 'A'], [2, 'a']), valueFrom, texts([1, 'B'], [2, ''])));
  assert.deepEqual(tree.at(envPath), [{ name: 'A', value: 'a' }, { name: 'POD_IP', valueFrom: {} }, { name: 'B' }]);
  const fresh = tree.set(envPath, [{ name: 'POD_IP', valueFrom: {} }, { value: 'n', name: 'NEW' }, { name: 'EMPTY' }]);
  assert.equal(hex(fresh.bytes), hex(deployment(valueFrom, texts([1, 'NEW'], [2, 'n']), texts([1, 'EMPTY'], [2, '']))));
  assert.equal(
    hex(tree.insert([...envPath, 2], { name: 'HTTP_PROXY', value: 'x' }).bytes),
    hex(deployment(texts([1, 'A'], [2, 'a']), valueFrom, texts([1, 'HTTP_PROXY'], [2, 'x']), texts([1, 'B'], [2, '']))),
  );
  assert.equal(
    hex(tree.set([...envPath, 2, 'value'], 'b').bytes),
    hex(deployment(texts([1, 'A'], [2, 'a']), valueFrom, texts([1, 'B'], [2, 'b']))),
  );
  assert.equal(hex(tree.set(envPath, []).bytes), hex(deployment()));
  assert.equal(
    hex(opened(deployment()).set(envPath, [{ name: 'A', value: 'a' }]).bytes),
    hex(deployment(texts([1, 'A'], [2, 'a']))),
  );
  assert.equal(
    hex(opened(deployment()).insert([...envPath, 0], { name: 'A', value: 'a' }).bytes),
    hex(deployment(texts([1, 'A'], [2, 'a']))),
  );
});

test('a new field stands where field numbers are in order, a new entry where keys are', async () => {
  const map = (...entries: readonly Uint8Array[]): Uint8Array =>
    stored('v1', 'ConfigMap', field(1, texts([1, 'name'])), ...entries, entry(3, 'bin', 'b'));
  assert.equal(hex(opened(map()).set(['data', 'a'], '').bytes), hex(map(entry(2, 'a', ''))));
  assert.equal(
    hex(opened(map(entry(2, 'a', '1'), entry(2, 'c', '3'))).set(['data', 'b'], 'text').bytes),
    hex(map(entry(2, 'a', '1'), entry(2, 'b', 'text'), entry(2, 'c', '3'))),
  );
  assert.equal(
    hex(opened(map(entry(2, 'c', '1'), entry(2, 'a', '3'))).set(['data', 'b'], 'text').bytes),
    hex(map(entry(2, 'c', '1'), entry(2, 'a', '3'), entry(2, 'b', 'text'))),
  );
  assert.equal(
    hex(opened(map(entry(2, 'a', '1'))).set(['binaryData', 'x'], 'é').bytes),
    hex(
      joined(
        stored(
          'v1',
          'ConfigMap',
          field(1, texts([1, 'name'])),
          entry(2, 'a', '1'),
          entry(3, 'bin', 'b'),
          entry(3, 'x', 'é'),
        ),
      ),
    ),
  );
  assert.equal(
    hex(opened(map()).set(['metadata', 'labels', 'l'], 'v').bytes),
    hex(stored('v1', 'ConfigMap', field(1, joined(texts([1, 'name']), entry(11, 'l', 'v'))), entry(3, 'bin', 'b'))),
  );
  assert.equal(
    hex(opened(map(entry(2, 'apps.old', 'v'), entry(2, 'z', ''))).rename(['data', 'apps.old'], 'apps.new').bytes),
    hex(map(entry(2, 'apps.new', 'v'), entry(2, 'z', ''))),
  );
  assert.equal(
    hex(opened(map(entry(2, 'a', 'v'), entry(2, 'b', ''))).rename(['data', 'a'], 'c').bytes),
    hex(map(entry(2, 'b', ''), entry(2, 'c', 'v'))),
  );
  assert.equal(
    hex(opened(map(entry(2, 'a', 'v'), entry(2, 'b', ''))).set(['data'], { z: '1', b: '', a: 'w' }).bytes),
    hex(map(entry(2, 'a', 'w'), entry(2, 'b', ''), entry(2, 'z', '1'))),
  );
});

test('a list that is set has its place where the first old item stood, and what stood between stays', async () => {
  const client = (...fields: readonly Uint8Array[]): Uint8Array =>
    stored('oauth.openshift.io/v1', 'OAuthClient', field(1, texts([1, 'c'])), ...fields);
  const old = client(texts([5, 'https://one'], [6, 'auto'], [5, 'https://two']), field(7, bytes('?')));
  assert.equal(
    hex(opened(old).set(['redirectURIs'], ['https://three']).bytes),
    hex(client(texts([5, 'https://three'], [6, 'auto']), field(7, bytes('?')))),
  );
  assert.equal(
    hex(opened(old).set(['redirectURIs'], ['https://one', 'x', 'https://two']).bytes),
    hex(client(texts([5, 'https://one'], [6, 'auto'], [5, 'x'], [5, 'https://two']), field(7, bytes('?')))),
  );
});

test('a field whose inside is unknown is removed by its number, and a text that Go writes empty stays when it is emptied', async () => {
  const route = (...fields: readonly Uint8Array[]): Uint8Array =>
    stored(
      'route.openshift.io/v1',
      'Route',
      field(1, texts([1, 'r'])),
      field(2, texts([1, 'a.b'], [2, ''])),
      ...fields,
    );
  const tree = opened(route(field(3, field(1, field(3, bytes('?'))))));
  assert.deepEqual(tree.at(['spec']), { host: 'a.b' });
  assert.equal(hex(tree.remove(['status']).bytes), hex(route()));
  assert.equal(hex(tree.set(['spec', 'path'], '/p').set(['spec', 'path'], '').bytes), hex(tree.bytes));
});

test('an entry that stands twice goes as one, and one without a value gets it', async () => {
  const map = (...entries: readonly Uint8Array[]): Uint8Array => stored('v1', 'ConfigMap', ...entries);
  const twice = opened(map(entry(2, 'a', '1'), entry(2, 'a', '2'), field(2, field(1, bytes('b')))));
  assert.deepEqual(twice.at(['data']), { a: '2', b: '' });
  assert.equal(hex(twice.remove(['data', 'a']).bytes), hex(map(field(2, field(1, bytes('b'))))));
  assert.equal(twice.rename(['data', 'a'], 'c').at(['data', 'a']), undefined);
  assert.equal(
    hex(twice.set(['data', 'b'], 'x').bytes),
    hex(map(entry(2, 'a', '1'), entry(2, 'a', '2'), entry(2, 'b', 'x'))),
  );
});

test('CBOR counts what a container holds, in heads as wide as they were, and keeps endless ones endless', async () => {
  const of = (text: string): Uint8Array => Uint8Array.from(Buffer.from(`d9d9f7${text.replaceAll(' ', '')}`, 'hex'));
  // {'a': [1], 'bb': {_ "x": -1}} with a list head of nine bytes
  const value = of('a2 4161 9b0000000000000001 01 426262 bf 6178 20 ff');
  const tree = opened(value);
  assert.deepEqual(tree.at([]), { a: [1], bb: { x: -1 } });
  assert.equal(
    hex(tree.insert(['a', 0], { b: 1.5, a: true }).bytes),
    hex(of('a2 4161 9b0000000000000002 a2 4161 f5 4162 fb3ff8000000000000 01 426262 bf 6178 20 ff')),
  );
  assert.equal(
    hex(tree.set(['bb', 'y'], '1').bytes),
    hex(of('a2 4161 9b0000000000000001 01 426262 bf 6178 20 4179 4131 ff')),
  );
  assert.equal(
    hex(tree.set(['c'], 70_000).bytes),
    hex(of('a3 4161 9b0000000000000001 01 4163 1a00011170 426262 bf 6178 20 ff')),
  );
  assert.equal(
    hex(tree.rename(['bb', 'x'], 'zz').bytes),
    hex(of('a2 4161 9b0000000000000001 01 426262 bf 627a7a 20 ff')),
  );
  assert.equal(hex(tree.remove(['a']).bytes), hex(of('a1 426262 bf 6178 20 ff')));
});

test('a byte field takes a text in each form', async () => {
  const json = opened(bytes('{"kind":"Secret","apiVersion":"v1","data":{"a":"eA=="}}\n'));
  assert.equal(json.textAt(['data', 'a']), 'x');
  assert.equal(
    new TextDecoder().decode(json.set(['data', 'b'], 'é').bytes),
    '{"kind":"Secret","apiVersion":"v1","data":{"a":"eA==","b":"w6k="}}\n',
  );
  assert.equal(json.set(['data'], { a: 'x' }), json);
  const cbor = opened(kubernetesCbor({ kind: 'Secret', apiVersion: 'v1', data: { a: 'eA==' } }));
  assert.equal(cbor.textAt(['data', 'a']), 'x');
  assert.deepEqual(cbor.set(['data', 'a'], 'y').set(['data', 'b'], 'é').at(['data']), { a: 'eQ==', b: 'w6k=' });
  const protobuf = opened(stored('v1', 'Secret', entry(2, 'a', 'x')));
  assert.equal(
    hex(protobuf.set(['data', 'b'], 'é').bytes),
    hex(stored('v1', 'Secret', entry(2, 'a', 'x'), entry(2, 'b', 'é'))),
  );
});

test('each thing that cannot be done to an object is one error that names the path and no value', async () => {
  const map = opened(stored('v1', 'ConfigMap', field(1, texts([1, 'name'])), entry(2, 'a', 'secret')));
  const deploy = opened(deployment(valueFrom));
  const refused: [() => Tree, string, string?][] = [
    [() => map.set(['spec', 'x'], 'secret'), 'ConfigMap has no map at "spec"'],
    [
      () => map.set(['spec'], 'secret'),
      'ConfigMap cannot hold the value for "spec"',
      'the number of its protobuf field is not known',
    ],
    [() => map.set(['kind'], 'secret'), 'ConfigMap cannot hold the value for "kind"', 'the kind of an object is fixed'],
    [() => map.remove(['kind']), 'ConfigMap cannot hold the value for "kind"', 'the kind of an object is fixed'],
    [() => map.set(['data', 'a'], 1), 'ConfigMap cannot hold the value for "data/a"', 'the field is a text'],
    [() => map.set(['data'], ['secret']), 'ConfigMap cannot hold the value for "data"', 'the field is a map'],
    [() => map.set(['metadata'], 'secret'), 'ConfigMap cannot hold the value for "metadata"', 'the field is a message'],
    [() => map.remove(['metadata', 'namespace']), 'ConfigMap has nothing at "metadata/namespace"'],
    [() => map.remove(['metadata', 'labels']), 'ConfigMap has nothing at "metadata/labels"'],
    [
      () => map.rename(['metadata', 'name'], 'x'),
      'ConfigMap has a field at "metadata/name", and fields have fixed names',
    ],
    [
      () => deploy.set(envPath, 'secret'),
      'Deployment cannot hold the value for "spec/template/spec/containers/0/env"',
      'the field is a list',
    ],
    [
      () => deploy.insert([...envPath, 1], { name: 'x', valueFrom: {} }),
      'Deployment cannot hold the value for "spec/template/spec/containers/0/env/1"',
      'the numbers of its protobuf fields are not known',
    ],
    [
      () => deploy.insert([...envPath, 1], { named: 'secret' }),
      'Deployment cannot hold the value for "spec/template/spec/containers/0/env/1"',
      'the number of the protobuf field "named" is not known',
    ],
    [
      () => deploy.insert([...envPath, 3], { name: 'x' }),
      'Deployment has no place "spec/template/spec/containers/0/env/3": the list has 1 items',
    ],
  ];
  for (const [edit, message, why] of refused) assert.throws(edit, { name: 'Failure', message, why });
});

test('what is encrypted or no object is not opened', async () => {
  assert.equal(objectTree(bytes('compact_rev_key')), undefined);
  assert.equal(objectTree(bytes('k8s:enc:aescbc:v1:1:xxxx')), undefined);
});
