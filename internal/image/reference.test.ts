import assert from 'node:assert/strict';
import { test } from 'tap';
import { nameOf, parseReference, pinnedTo, printReference } from './reference.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

test('references print as what they mean', async () => {
  const table: [string, string][] = [
    ['quay.io/openshift-kni/seed-image:4.16.0', 'quay.io/openshift-kni/seed-image:4.16.0'],
    ['quay.io/a/b', 'quay.io/a/b:latest'],
    ['busybox', 'docker.io/library/busybox:latest'],
    ['user/app:1', 'docker.io/user/app:1'],
    ['index.docker.io/library/x', 'docker.io/library/x:latest'],
    ['localhost/x', 'localhost/x:latest'],
    ['registry:5000/x', 'registry:5000/x:latest'],
    ['[2001:db8::1]:5000/lab/seed:1', '[2001:db8::1]:5000/lab/seed:1'],
    ['[::1]/x', '[::1]/x:latest'],
    [`quay.io/a/b@${digest}`, `quay.io/a/b@${digest}`],
    [`quay.io/a/b:1@${digest}`, `quay.io/a/b:1@${digest}`],
    ['Registry.lab:5000/a__b/c--d/e.f', 'Registry.lab:5000/a__b/c--d/e.f:latest'],
  ];
  for (const [text, printed] of table) assert.equal(printReference(parseReference(text)), printed, text);
});

test('printing and parsing again changes nothing', async () => {
  for (const text of ['busybox', '[::1]:5/x:y', `a.b/c@${digest}`]) {
    const once = parseReference(text);
    assert.deepEqual(parseReference(printReference(once)).repository, once.repository);
    assert.equal(printReference(parseReference(printReference(once))), printReference(once));
  }
});

test('a name without registry is told from one with', async () => {
  assert.equal(parseReference('ubi9/ubi').qualified, false);
  assert.equal(parseReference('quay.io/ubi').qualified, true);
});

test('a pinned reference keeps the repository and drops the tag', async () => {
  const reference = parseReference('quay.io/a/b:1');
  assert.equal(nameOf(reference), 'quay.io/a/b');
  assert.equal(pinnedTo(reference, digest), `quay.io/a/b@${digest}`);
});

test('what is not a reference is refused with its reason', async () => {
  const table: [string, string][] = [
    ['', 'image reference is empty; give one such as "quay.io/openshift-kni/seed-image:4.16.0"'],
    ['docker://quay.io/a', 'image reference "docker://quay.io/a" starts with "docker://"; give it without'],
    ['quay.io/a b', 'image reference "quay.io/a b" has a blank in it'],
    [
      'quay.io/A/b',
      'image reference "quay.io/A/b" has upper-case letters in its repository; repositories are lower case',
    ],
    ['quay.io/', 'image reference "quay.io/" has no repository'],
    ['quay.io/a:', 'image reference "quay.io/a:" has the tag ""; a tag has 1 to 128 letters, digits, "_", "." or "-"'],
    ['quay.io/a//b', 'image reference "quay.io/a//b" names the repository "a//b", which is not valid'],
    ['quay.io:/a', 'image reference "quay.io:/a" names the registry "quay.io:", which is not HOST or HOST:PORT'],
    [
      'quay.io/a@sha256:12',
      'image reference "quay.io/a@sha256:12" has the digest "sha256:12", which is not sha256: and 64 lower-case hexadecimal digits',
    ],
    ['quay.io/a@md5:12', 'image reference "quay.io/a@md5:12" has a digest of kind "md5"; known are sha256, sha512'],
    [`quay.io/a@${digest}@${digest}`, `image reference "quay.io/a@${digest}@${digest}" has more than one "@"`],
  ];
  for (const [text, message] of table) assert.throws(() => parseReference(text), { name: 'UsageError', message }, text);
});
