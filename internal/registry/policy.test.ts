import assert from 'node:assert/strict';
import { test } from 'tap';
import { parseReference } from '../image/reference.ts';
import { parsePolicy } from './policy.ts';

const accept = [{ type: 'insecureAcceptAnything' }];
const signed = [{ type: 'sigstoreSigned', keyPath: '/k' }];
const demand = (policy: unknown, image: string): string | undefined => {
  const found = parsePolicy(JSON.stringify(policy), '/etc/containers/policy.json').demandFor(parseReference(image));
  return found === undefined ? undefined : `${found.type} ${found.scope}`;
};

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
  assert.equal(demand(policy, 'quay.io/release/b:1'), 'sigstoreSigned quay.io/release');
  assert.equal(demand(policy, 'quay.io/release/open:1'), undefined);
  assert.equal(demand(policy, 'r.lab.example:5000/x'), 'sigstoreSigned *.lab.example');
  assert.equal(demand(policy, 'other.io/x'), undefined);
  assert.equal(demand({ default: [{ type: 'reject' }] }, 'other.io/x'), 'reject default');
});

test('a broken policy is named', async () => {
  assert.throws(() => parsePolicy('{', '/p'), { message: 'signature policy "/p" is not JSON' });
  assert.throws(() => parsePolicy('{}', '/p'), {
    message: 'signature policy "/p" has an unexpected form',
    why: 'at default',
  });
});
