import assert from 'node:assert/strict';
import { test } from 'tap';
import { stringify } from 'yaml';
import { randomFrom } from '../../test/random.ts';
import type { FieldPath } from './json.ts';
import { bytes, pathsOf, written } from './test-trees.ts';
import { textTree } from './text-tree.ts';
import type { Plain, Tree } from './tree.ts';

const words = [
  'a',
  'b1',
  'true',
  '',
  'x: y',
  'é',
  'line\nline2\n',
  ' lead',
  'https://[fd00::1]:6443',
  '# c',
  '- z',
  '12',
  'null',
  'a\tb',
  '"q"',
  "it's",
  'trail ',
  '\n',
  'x\n\ny',
  '{',
  'yes',
  '0777',
  '~',
  '<&>',
  'k,',
  '*a',
  '&b',
  '!t',
  '%d',
  '@',
  '`',
  '|',
  '>',
  '?',
  '? x',
  ':',
  '-',
  '...',
  '---',
];
const names = ['a', 'b', 'c', 'key', 'x-y', 'x.y/z', 'true', '1', 'é', 'a b', '-x', '#h', 'null', 'y', 'k: v', ''];
const layouts = [
  {},
  { indentSeq: false },
  { indent: 4 },
  { collectionStyle: 'flow' },
  { lineWidth: 30 },
  { flowCollectionPadding: false, collectionStyle: 'flow' },
] as const;

function value(random: (n: number) => number, depth: number): Plain {
  switch (random(depth > 3 ? 4 : 7)) {
    case 0:
      return random(100) - 50;
    case 1:
      return random(2) === 1;
    case 2:
      return null;
    case 3:
      return words[random(words.length)] ?? '';
    case 4:
      return Array.from({ length: random(4) }, () => value(random, depth + 1));
    default:
      return map(random, random(4), depth + 1);
  }
}

function map(random: (n: number) => number, size: number, depth: number): Plain {
  return Object.fromEntries(
    Array.from({ length: size }, () => [names[random(names.length)] ?? '', value(random, depth)] as const),
  );
}

/** A text of some spelling: JSON or YAML, with comments, with other line ends, without the last one. */
function spelled(random: (n: number) => number): string {
  const plain = map(random, 1 + random(4), 0);
  let text =
    random(4) === 0 ? JSON.stringify(plain, null, random(2) * 2) : stringify(plain, layouts[random(layouts.length)]);
  if (random(3) === 0 && !/[|>"{[]/.test(text))
    text = text.replace(/(?<=.)$/gm, () => (random(3) === 0 ? ' # why' : ''));
  if (random(4) === 0) text = text.replace(/\n$/, '');
  return random(5) === 0 ? text.replaceAll('\n', '\r\n') : text;
}

/** The same edit of plain data, by other means. */
function onPlain(
  root: Plain | undefined,
  path: FieldPath,
  edit: (parent: Record<string | number, Plain>, key: string | number) => void,
): Plain {
  const copy = structuredClone(root) ?? null;
  let parent: unknown = copy;
  for (const name of path.slice(0, -1)) parent = (parent as Record<string | number, unknown>)[name]; // the path stands
  edit(parent as Record<string | number, Plain>, path.at(-1) ?? '');
  return copy;
}

test('random edits of random texts read as the same edits of plain data, and what came and goes again leaves the same bytes', async (t) => {
  const share = randomFrom(30);
  const random = (n: number): number => Math.floor(share() * n);
  let edits = 0;
  for (let document = 0; document < 150; document += 1) {
    const opened = textTree(bytes(spelled(random)));
    if (opened === undefined) continue; // a comment in a string of several lines, or a bare scalar
    let tree = opened;
    for (let turn = 0; turn < 6; turn += 1) {
      const paths = pathsOf(tree);
      const path = paths[random(paths.length)] ?? [];
      const here = tree.at(path);
      const fresh = value(random, 1);
      const before = written(tree);
      let next: Tree | undefined;
      let expected: Plain | undefined;
      const turnBack = (back: Tree): void => assert.equal(written(back), before);
      switch (random(5)) {
        case 0:
          if (path.length > 0) {
            expected = onPlain(tree.at([]), path, (parent, key) => {
              parent[key] = fresh;
            });
            next = tree.set(path, fresh);
          }
          break;
        case 1:
          if (path.length > 0) {
            expected = onPlain(tree.at([]), path, (parent, key) => {
              if (Array.isArray(parent)) parent.splice(Number(key), 1);
              else Reflect.deleteProperty(parent, key);
            });
            next = tree.remove(path);
          }
          break;
        case 2:
          if (Array.isArray(here)) {
            const place = [...path, random(here.length + 1)];
            expected = onPlain(tree.at([]), place, (list, key) => {
              if (Array.isArray(list)) list.splice(Number(key), 0, fresh);
            });
            next = tree.insert(place, fresh);
            if (here.length > 0) turnBack(next.remove(place));
          }
          break;
        case 3:
          if (typeof here === 'object' && here !== null && !Array.isArray(here)) {
            const place = [...path, names[random(names.length)] ?? ''];
            const isNew = tree.at(place) === undefined;
            expected = onPlain(tree.at([]), place, (parent, key) => {
              parent[key] = fresh;
            });
            next = tree.set(place, fresh);
            if (isNew && Object.keys(here).length > 0) turnBack(next.remove(place));
          }
          break;
        default:
          if (
            typeof path.at(-1) === 'string' &&
            tree.at([...path.slice(0, -1), `${String(path.at(-1))}2`]) === undefined
          ) {
            expected = onPlain(tree.at([]), path, (parent, key) => {
              parent[`${key}2`] = parent[key] ?? null;
              Reflect.deleteProperty(parent, key);
            });
            next = tree.rename(path, `${String(path.at(-1))}2`);
          }
      }
      if (next === undefined) continue;
      assert.deepEqual(next.at([]), expected, before);
      assert.deepEqual(textTree(next.bytes)?.at([]), expected, before);
      tree = next;
      edits += 1;
    }
  }
  t.comment(`${edits} edits`);
  assert.ok(edits > 300);
});
