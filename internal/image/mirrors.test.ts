import assert from 'node:assert/strict';
import { test } from 'tap';
import { mirrorSources, parseMirrorRules, resolvePlaces, type MirrorRules } from './mirrors.ts';
import { parseReference, printReference } from './reference.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

function rulesOf(...texts: string[]): MirrorRules {
  const [main, ...dropIns] = texts.map((text, index) => ({ path: `/etc/containers/${index}.conf`, text }));
  return parseMirrorRules(main, dropIns);
}

function places(rules: MirrorRules, text: string): string[] {
  return resolvePlaces(rules, parseReference(text)).map(
    ({ reference, insecure }) => `${printReference(reference)}${insecure ? ' insecure' : ''}`,
  );
}

/** As the installer writes it. */
const installer = `
additional-layer-store-auth-helper = ""
credential-helpers = []
short-name-mode = ""
unqualified-search-registries = []

[[registry]]
  location = "quay.io/openshift-release-dev/ocp-release"
  mirror-by-digest-only = true
  prefix = ""

  [[registry.mirror]]
    location = "mirror.lab:5000/ocp/release"

[[registry]]
  blocked = true
  location = "registry.redhat.io"
  mirror-by-digest-only = true
  prefix = ""

  [[registry.mirror]]
    location = "mirror.lab:5000/rh"
`;

test('a digest is looked for at the mirror and then at its source', async () => {
  assert.deepEqual(places(rulesOf(installer), `quay.io/openshift-release-dev/ocp-release@${digest}`), [
    `mirror.lab:5000/ocp/release@${digest}`,
    `quay.io/openshift-release-dev/ocp-release@${digest}`,
  ]);
});

test('a tag goes past a mirror that is for digests only', async () => {
  assert.deepEqual(places(rulesOf(installer), 'quay.io/openshift-release-dev/ocp-release:4.16'), [
    'quay.io/openshift-release-dev/ocp-release:4.16',
  ]);
});

test('a blocked source is never asked, its mirror is', async () => {
  assert.deepEqual(places(rulesOf(installer), `registry.redhat.io/a/b@${digest}`), [
    `mirror.lab:5000/rh/a/b@${digest}`,
  ]);
});

test('a blocked source without a usable mirror is an error that names it', async () => {
  assert.throws(() => places(rulesOf(installer), 'registry.redhat.io/a/b:1'), {
    message:
      'registry "registry.redhat.io" is blocked in registries.conf and has no mirror for "registry.redhat.io/a/b:1"',
  });
});

test('a prefix covers whole path segments only', async () => {
  const rules = rulesOf('[[registry]]\nprefix = "quay.io/a"\nlocation = "m.lab/x"');
  assert.deepEqual(places(rules, 'quay.io/a/b:1'), ['m.lab/x/b:1']);
  assert.deepEqual(places(rules, 'quay.io/a:1'), ['m.lab/x:1']);
  assert.deepEqual(places(rules, 'quay.io/ab:1'), ['quay.io/ab:1']);
});

test('the longest prefix wins, whatever the order', async () => {
  const rules = rulesOf(
    '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "all.lab"\n[[registry]]\nlocation = "quay.io/a"\n[[registry.mirror]]\nlocation = "a.lab/a"',
  );
  assert.deepEqual(places(rules, 'quay.io/a/b:1'), ['a.lab/a/b:1', 'quay.io/a/b:1']);
  assert.deepEqual(places(rules, 'quay.io/c:1'), ['all.lab/c:1', 'quay.io/c:1']);
});

test('a wildcard covers every host below a domain and not the domain itself', async () => {
  const rules = rulesOf('[[registry]]\nprefix = "*.example.com"\nlocation = "m.lab/ex"');
  assert.deepEqual(places(rules, 'a.b.example.com/x:1'), ['m.lab/ex/x:1']);
  assert.deepEqual(places(rules, 'example.com/x:1'), ['example.com/x:1']);
  assert.deepEqual(places(rules, 'other.com/a.example.com:1'), ['other.com/a.example.com:1']);
  assert.deepEqual(places(rulesOf('[[registry]]\nprefix = "*.example.com"\ninsecure = true'), 'a.example.com/x:1'), [
    'a.example.com/x:1 insecure',
  ]);
});

test("pull-from-mirror decides per mirror, and insecure is the mirror's own", async () => {
  const rules = rulesOf(
    '[[registry]]\nlocation = "q.io"\n[[registry.mirror]]\nlocation = "d.lab"\npull-from-mirror = "digest-only"\ninsecure = true\n[[registry.mirror]]\nlocation = "t.lab"\npull-from-mirror = "tag-only"',
  );
  assert.deepEqual(places(rules, 'q.io/x:1'), ['t.lab/x:1', 'q.io/x:1']);
  assert.deepEqual(places(rules, `q.io/x@${digest}`), [`d.lab/x@${digest} insecure`, `q.io/x@${digest}`]);
});

test('a later file replaces the rule of the same prefix and the lists it sets', async () => {
  const rules = rulesOf(
    'unqualified-search-registries = ["a.io"]\n[[registry]]\nlocation = "q.io"\nblocked = true',
    '[[registry]]\nlocation = "q.io"',
    'unqualified-search-registries = ["b.io"]',
  );
  assert.deepEqual(rules.unqualifiedSearch, ['b.io']);
  assert.deepEqual(places(rules, 'q.io/x:1'), ['q.io/x:1']);
});

test('mirrorSources() are the hosts of all locations', async () => {
  assert.deepEqual(mirrorSources(rulesOf(installer)), ['quay.io', 'registry.redhat.io']);
  assert.deepEqual(
    mirrorSources(rulesOf('unqualified-search-registries = ["docker.io"]\nshort-name-mode = "enforcing"')),
    [],
  );
});

test('broken files are named', async () => {
  assert.throws(() => rulesOf('[[registry'), { name: 'UsageError', message: '"/etc/containers/0.conf" is not TOML' });
  assert.throws(() => rulesOf('registry = 3'), {
    message: '"/etc/containers/0.conf" is not a registries.conf that podman reads',
  });
  assert.throws(() => rulesOf('[[registry]]\nblocked = true'), {
    message: '"/etc/containers/0.conf" has a registry with neither prefix nor location',
  });
  assert.throws(
    () =>
      rulesOf(
        '[[registry]]\nlocation = "q.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m"\npull-from-mirror = "all"',
      ),
    {
      message: '"/etc/containers/0.conf" sets both mirror-by-digest-only and pull-from-mirror for "q.io"; keep one',
    },
  );
});

test('version 1 is read as podman reads it, and has no mirrors', async () => {
  const rules = rulesOf(
    '[registries.search]\nregistries = ["a.io"]\n[registries.insecure]\nregistries = ["p.lab:5000"]\n[registries.block]\nregistries = ["b.lab/"]',
  );
  assert.deepEqual(rules.unqualifiedSearch, ['a.io']);
  assert.deepEqual(places(rules, 'p.lab:5000/x:1'), ['p.lab:5000/x:1 insecure']);
  assert.throws(() => places(rules, 'b.lab/x:1'), {
    message: 'registry "b.lab" is blocked in registries.conf and has no mirror for "b.lab/x:1"',
    next: 'take "b.lab" out of the blocked ones in "/etc/containers/0.conf", or give it a mirror',
  });
  assert.deepEqual(mirrorSources(rules), []);
});

test('a later file adds aliases, replaces them and takes them back', async () => {
  const rules = rulesOf('[aliases]\na = "x.io/a"\nb = "x.io/b"\nC = "x.io/c"', '[aliases]\na = "y.io/a"\nb = ""');
  assert.deepEqual(
    [...rules.aliases],
    [
      ['a', 'y.io/a'],
      ['C', 'x.io/c'],
    ],
  );
});
