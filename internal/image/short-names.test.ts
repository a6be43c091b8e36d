import assert from 'node:assert/strict';
import { test } from 'tap';
import { fullName } from './short-names.ts';

const aliases = new Map([['seed', 'quay.io/lab/seed']]);

test('a name with a registry stays as it is', async () => {
  for (const image of ['quay.io/lab/seed:1', 'localhost/seed', 'registry:5000/seed@sha256:' + 'ab'.repeat(32)])
    assert.equal(fullName({ aliases, unqualifiedSearch: ['a.lab', 'b.lab'] }, image), image);
});

test('an alias comes before the one registry to search', async () => {
  const rules = { aliases, unqualifiedSearch: ['a.lab:5000'] };
  assert.equal(fullName(rules, 'seed'), 'quay.io/lab/seed');
  assert.equal(fullName(rules, 'seed:1'), 'quay.io/lab/seed:1');
  assert.equal(fullName(rules, `seed@sha256:${'ab'.repeat(32)}`), `quay.io/lab/seed@sha256:${'ab'.repeat(32)}`);
  assert.equal(fullName(rules, 'lab/seed:1'), 'a.lab:5000/lab/seed:1');
});

test('without one answer the name is refused', async () => {
  assert.throws(() => fullName({ aliases, unqualifiedSearch: [] }, 'lab/seed:1'), {
    name: 'UsageError',
    message: '"lab/seed:1" names no registry',
    why: 'registries.conf has neither an alias for it nor a registry to search',
    next: 'write the image name in full, such as quay.io/lab/seed:1',
  });
  assert.throws(() => fullName({ aliases, unqualifiedSearch: ['a.lab', 'docker.io'] }, 'lab/seed:1'), {
    why: 'registries.conf has several registries to search: a.lab, docker.io',
    next: 'write the image name in full, such as a.lab/lab/seed:1',
  });
});
