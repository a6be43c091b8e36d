import assert from 'node:assert/strict';
import { test } from 'tap';
import { means, merged } from './merge.ts';
import type { Json } from './object.ts';
import { sameQuantity } from './quantity.ts';

type Row = readonly [says: string, template: Json, existing: Json, result: Json];

const rows: readonly Row[] = [
  // scalars
  ['the template counts for texts', 'a', 'b', 'a'],
  ['the template counts for numbers', 1, 2, 1],
  ['false is a value', false, true, false],
  ['an empty text is a value', '', 'b', ''],
  ['another type replaces', { a: 1 }, 'b', { a: 1 }],
  ['a text replaces a map', 'b', { a: 1 }, 'b'],
  ['null leaves a map', null, { a: 1 }, { a: 1 }],
  ['null replaces a text', null, 'a', null],
  ['null replaces a list', null, [1], null],
  ['a map over null', { a: 1 }, null, { a: 1 }],
  // maps
  ['keys of both', { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
  ['the template wins for a key of both', { a: 1 }, { a: 2, b: 2 }, { a: 1, b: 2 }],
  ['maps in maps', { a: { b: 1 } }, { a: { c: 2 }, d: 3 }, { a: { b: 1, c: 2 }, d: 3 }],
  ['an empty map takes nothing away', { a: {} }, { a: { b: 1 } }, { a: { b: 1 } }],
  ['null in a map leaves a map', { a: null }, { a: { b: 1 } }, { a: { b: 1 } }],
  ['null in a map replaces a scalar', { a: null }, { a: 1 }, { a: null }],
  ['a key that only the template has', { a: { b: { c: 1 } } }, {}, { a: { b: { c: 1 } } }],
  ['a key that JavaScript knows is absent', { constructor: 1 }, { a: 1 }, { constructor: 1, a: 1 }],
  // lists of scalars
  ['an existing item without counterpart is kept behind', ['a'], ['b'], ['a', 'b']],
  ['an item of both stands once', ['a'], ['a', 'b'], ['a', 'b']],
  ['the order of the template', ['b', 'a'], ['a', 'b'], ['b', 'a']],
  ['what stands twice and is asked for once stands twice', ['a'], ['a', 'a'], ['a', 'a']],
  ['what is asked for twice and stands once stands twice', ['a', 'a'], ['a'], ['a', 'a']],
  ['three against two', ['a', 'a'], ['a', 'a', 'a'], ['a', 'a', 'a']],
  ['an empty template list keeps all', [], ['a'], ['a']],
  ['an empty existing list', ['a'], [], ['a']],
  ['a number and its text are the same', [1], ['1'], [1]],
  ['quantities are the same by amount', ['1Gi'], ['1024Mi'], ['1Gi']],
  ['other amounts are not', ['1Gi'], ['1000Mi'], ['1Gi', '1000Mi']],
  ['true and its text', ['true'], [true], ['true']],
  // lists of maps
  ['items of the same name are merged', [{ name: 'x', a: 1 }], [{ name: 'x', b: 2 }], [{ name: 'x', a: 1, b: 2 }]],
  ['items of other names are kept', [{ name: 'x' }], [{ name: 'y' }], [{ name: 'x' }, { name: 'y' }]],
  [
    'the name goes before what fits',
    [{ a: 1 }, { name: 'x', a: 1 }],
    [{ name: 'x', a: 1, c: 1 }],
    [{ a: 1 }, { name: 'x', a: 1, c: 1 }],
  ],
  ['an item that fits in an existing one is that one', [{ a: 1 }], [{ a: 1, b: 2 }], [{ a: 1, b: 2 }]],
  ['an item that contradicts is another', [{ a: 1 }], [{ a: 2, b: 2 }], [{ a: 1 }, { a: 2, b: 2 }]],
  [
    'an empty name is none',
    [{ name: '', a: 1 }],
    [{ name: '', a: 2 }],
    [
      { name: '', a: 1 },
      { name: '', a: 2 },
    ],
  ],
  [
    'a name that is a number is none',
    [{ name: 1, a: 1 }],
    [{ name: 1, a: 2 }],
    [
      { name: 1, a: 1 },
      { name: 1, a: 2 },
    ],
  ],
  ['a quantity inside an item', [{ limit: '1Gi' }], [{ limit: '1024Mi', x: 1 }], [{ limit: '1Gi', x: 1 }]],
  ['what is missing is what is empty', [{ a: { b: false } }], [{ a: {}, c: 1 }], [{ a: { b: false }, c: 1 }]],
  ['a list in another order inside an item', [{ l: [1, 2] }], [{ l: [2, 1], x: 1 }], [{ l: [1, 2], x: 1 }]],
  ['a scalar and a map are nothing to each other', ['a'], [{ a: 1 }], ['a', { a: 1 }]],
  [
    'named items: two existing, one asked for',
    [{ name: 'b', v: 1 }],
    [
      { name: 'a', v: 0 },
      { name: 'b', v: 0 },
    ],
    [
      { name: 'b', v: 1 },
      { name: 'a', v: 0 },
    ],
  ],
  ['one existing item answers one of the template', [{ a: 1 }, { a: 1 }], [{ a: 1, b: 1 }], [{ a: 1, b: 1 }, { a: 1 }]],
  ['lists in lists', [[1]], [[1], [2]], [[1], [2]]],
  ['null among items', [null], [null, 'a'], [null, 'a']],
  [
    'a list in a map in a list',
    { containers: [{ name: 'c', env: [{ name: 'A', value: '1' }] }] },
    { containers: [{ name: 'c', image: 'i', env: [{ name: 'B', value: '2' }] }], replicas: 1 },
    {
      containers: [
        {
          name: 'c',
          image: 'i',
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
        },
      ],
      replicas: 1,
    },
  ],
];

for (const [says, template, existing, result] of rows)
  test(`merge: ${says}`, async () => {
    assert.deepEqual(merged(template, existing), result);
    const again = merged(template, result);
    assert.deepEqual(again, result, 'a second time changes nothing');
  });

const amounts: readonly (readonly [string, string, boolean])[] = [
  ['1Gi', '1024Mi', true],
  ['1Gi', '1G', false],
  ['1G', '1000M', true],
  ['0.5', '500m', true],
  ['.5', '0.50', true],
  ['1e3', '1k', true],
  ['1E3', '1000', true],
  ['1E', '1000P', true],
  ['1500m', '1.5', true],
  ['1u', '1000n', true],
  ['1Ki', '1024', true],
  ['-1', '-1000m', true],
  ['+1', '1', true],
  ['0', '0Gi', true],
  ['1Ei', '1152921504606846976', true],
  ['1Ei', '1152921504606846977', false],
  ['a', 'a', false],
  ['', '', false],
  ['1 Gi', '1Gi', false],
  ['1K', '1000', false],
  ['1e999999', '1', false],
  ['192.0.2.1', '192.0.2.1', false],
];

for (const [one, other, expected] of amounts)
  test(`"${one}" and "${other}" ${expected ? 'are' : 'are not'} the same quantity`, async () => {
    assert.equal(sameQuantity(one, other), expected);
    assert.equal(sameQuantity(other, one), expected);
  });

test('means(): missing and empty are the same in maps, and not in lists', async () => {
  assert.equal(means({ a: 0 }, {}), true);
  assert.equal(means({ a: [] }, { a: null }), true);
  assert.equal(means({ a: { b: '' } }, {}), true);
  assert.equal(means({ a: 1 }, {}), false);
  assert.equal(means([0], []), false);
  assert.equal(means({}, []), false);
});
