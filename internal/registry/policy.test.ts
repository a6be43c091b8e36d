import assert from 'node:assert/strict';
import { test } from 'tap';
import { parseReference } from '../image/reference.ts';
import { parsePolicy } from './policy.ts';

const accept = [{ type: 'insecureAcceptAnything' }];
const signed = [{ type: 'sigstoreSigned', keyPath: '/k' }];
const demandOf = (text: string | undefined, image = 'quay.io/a/b:1'): string | undefined =>
  parsePolicy(text, '/p.json').demandFor(parseReference(image));
const demand = (policy: unknown, image: string): string | undefined => demandOf(JSON.stringify(policy), image);

test('accepting anything demands nothing', async () => {
  assert.equal(demand({ default: accept }, 'quay.io/a/b:1'), undefined);
});

test('the most specific scope decides', async () => {
  const policy = {
    default: [{ type: 'reject' }],
    transports: {
      docker: {
        'quay.io': accept,
        'quay.io/release': signed,
        'quay.io/release/open': accept,
        '*.lab.example': signed,
        '': accept,
      },
    },
  };
  assert.equal(demand(policy, 'quay.io/a/b:1'), undefined);
  assert.equal(
    demand(policy, 'quay.io/release/b:1'),
    'signature policy "/p.json" asks for "sigstoreSigned" (scope "quay.io/release")',
  );
  assert.equal(demand(policy, 'quay.io/release/open:1'), undefined);
  assert.equal(
    demand(policy, 'r.lab.example:5000/x'),
    'signature policy "/p.json" asks for "sigstoreSigned" (scope "*.lab.example")',
  );
  assert.equal(demand(policy, 'other.io/x'), undefined);
  assert.equal(
    demand({ default: [{ type: 'reject' }] }, 'other.io/x'),
    'signature policy "/p.json" asks for "reject" (scope "default")',
  );
});

test('a policy that is missing or broken demands something of every image', async () => {
  assert.equal(demandOf(undefined), 'signature policy "/p.json" does not exist');
  assert.equal(demandOf('{'), 'signature policy "/p.json" is not JSON');
  assert.equal(demandOf('{}'), 'signature policy "/p.json" has an unexpected form (at default)');
  assert.equal(demandOf('{"default":[]}'), 'signature policy "/p.json" has an unexpected form (at default)');
});
