import assert from 'node:assert/strict';
import { test } from 'tap';
import { overridesSeedRegistry, replaceRegistry } from './seed-registry.ts';

test('the seed registry is overridden by the decision table', async () => {
  const decide = (mirrorSources: string[], seedHasMirrors: boolean): boolean =>
    overridesSeedRegistry({ mirrorSources, seedHasMirrors, seedRegistry: 'seed.lab:5000' });
  assert.equal(decide([], false), false);
  assert.equal(decide([], true), true);
  assert.equal(decide(['quay.io', 'seed.lab:5000'], true), false);
  assert.equal(decide(['quay.io', 'seed.lab:5000'], false), false);
  assert.equal(decide(['quay.io'], false), true);
  assert.equal(decide(['quay.io'], true), true);
});

test('only a whole registry name is replaced', async () => {
  const table: [string, string, string, string][] = [
    ['quay.io/a/b:1', 'quay.io', 'mirror.lab', 'mirror.lab/a/b:1'],
    ['quay.io.example/x', 'quay.io', 'mirror.lab', 'quay.io.example/x'],
    ['quayxio/x', 'quay.io', 'mirror.lab', 'quayxio/x'],
    ['a/quay.io/x', 'quay.io', 'mirror.lab', 'a/quay.io/x'],
    ['quay.io/x', 'quay.io', '$1$&', '$1$&/x'],
    ['quay.io/x', '', 'mirror.lab', 'quay.io/x'],
    ['quay.io/x', 'quay.io', '', 'quay.io/x'],
    ['seed.lab:5000/x@sha256:1', 'seed.lab:5000', 'm/ns', 'm/ns/x@sha256:1'],
  ];
  for (const [image, from, to, result] of table) assert.equal(replaceRegistry(image, from, to), result, image);
});
