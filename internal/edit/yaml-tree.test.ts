import assert from 'node:assert/strict';
import { test } from 'tap';
import { bytes, edited, opened, written } from './test-trees.ts';
import { textTree } from './text-tree.ts';
import type { Tree } from './tree.ts';

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority-data: Y2E=
    server: https://api-int.seed.example.com:6443  # inside
  name: seed
contexts:
- context:
    cluster: seed
    user: kubelet
  name: kubelet
current-context: kubelet
preferences: {}
users:
- name: kubelet
  user:
    token: 'abc'
`;

const installConfig = `# written by a person

additionalTrustBundlePolicy: Proxyonly
apiVersion: v1
baseDomain: example.com   # the base
controlPlane:
  hyperthreading: Enabled
  platform: {}
metadata:
  creationTimestamp: null
  name: "seed"

networking:
  # the machines
  machineNetwork:
    - cidr: 192.168.126.0/24  # one
    # between
    - cidr: 10.0.0.0/16

  serviceNetwork: [172.30.0.0/16, 'fd02::/112']
sshKey: |
  ssh-rsa AAAA
  ssh-rsa BBBB
`;

test('a scalar of YAML is set in its style, and what stands around it stays', async () => {
  assert.equal(
    edited(kubeconfig, (tree) =>
      tree.set(['clusters', 0, 'cluster', 'server'], 'https://api-int.new.example.com:6443'),
    ),
    kubeconfig.replace('api-int.seed', 'api-int.new'),
  );
  assert.equal(
    edited(kubeconfig, (tree) => tree.set(['users', 0, 'user', 'token'], "it's")),
    kubeconfig.replace("'abc'", "'it''s'"),
  );
  assert.equal(
    edited(installConfig, (tree) => tree.set(['metadata', 'name'], 'new')),
    installConfig.replace('"seed"', '"new"'),
  );
  assert.equal(
    edited(installConfig, (tree) => tree.set(['metadata', 'creationTimestamp'], 12)),
    installConfig.replace('null', '12'),
  );
  assert.equal(
    edited(installConfig, (tree) => tree.set(['sshKey'], 'ssh-rsa CCCC\nssh-rsa BBBB\n')),
    installConfig.replace('AAAA', 'CCCC'),
  );
  assert.equal(
    edited('a: b\n', (tree) => tree.set(['a'], true)),
    'a: true\n',
  );
  assert.equal(
    edited('a: |\n  text\n\nb: 1\n', (tree) => tree.set(['a'], 5)),
    'a: 5\n\nb: 1\n',
  );
  assert.equal(
    edited('a: # why\nb: 1', (tree) => tree.set(['a'], 'x')),
    'a: x # why\nb: 1',
  );
});

test('a string that a reader of YAML would take for something else gets quotes', async () => {
  for (const [value, spelling] of [
    ['true', "'true'"],
    ['1', "'1'"],
    ['', "''"],
    ['null', "'null'"],
    ['~', "'~'"],
    ['a: b', "'a: b'"],
    ['*', "'*'"],
    ['a # c', "'a # c'"],
    [' x', "' x'"],
    ['@x', "'@x'"],
    ['- x', "'- x'"],
    ['0x1f', "'0x1f'"],
    ['x:', "'x:'"],
    ['yes', "'yes'"],
    ['a\tb', '"a\\tb"'],
    ['é', 'é'],
    ['https://[fd00::1]:2379', 'https://[fd00::1]:2379'],
    ['fd00::1', 'fd00::1'],
    ['[fd00::1]', "'[fd00::1]'"],
    ["it's", "it's"],
    ['{x', "'{x'"],
  ] as const) {
    assert.equal(
      edited('a: 1\n', (tree) => tree.set(['b'], value)),
      `a: 1\nb: ${spelling}\n`,
    );
    assert.equal(opened(edited('a: [1]\n', (tree) => tree.insert(['a', 0], value))).at(['a', 0]), value);
  }
  assert.equal(
    edited('a: [w]\n', (tree) => tree.insert(['a', 1], 'x, y')),
    "a: [w, 'x, y']\n",
  );
  assert.equal(
    edited('a: 1\n', (tree) => tree.set(['b: c'], 'd').set(['1'], 'e')),
    "'1': e\na: 1\n'b: c': d\n",
  );
});

test('a list is set in block style with the dashes as they stand, and items that stay keep their lines', async () => {
  assert.equal(
    edited(installConfig, (tree) =>
      tree.set(['networking', 'machineNetwork'], [{ cidr: '192.168.127.0/24' }, { cidr: '10.0.0.0/16' }]),
    ),
    installConfig.replace('126.0/24', '127.0/24'),
  );
  assert.equal(
    edited(installConfig, (tree) =>
      tree.set(['networking', 'machineNetwork'], [{ cidr: 'fd00::/64', more: [1, { k: [] }] }]),
    ),
    installConfig.replace(
      / {4}- cidr: 192[^]*10.0.0.0\/16\n/,
      '    - cidr: fd00::/64\n      more:\n        - 1\n        - k: []\n',
    ),
  );
  assert.equal(
    edited(installConfig, (tree) => tree.set(['networking', 'serviceNetwork'], ['172.30.0.0/16', '10.1.0.0/16'])),
    installConfig.replace("'fd02::/112'", '10.1.0.0/16'),
  );
  assert.equal(
    edited(installConfig, (tree) => tree.set(['networking', 'clusterNetwork'], [{ cidr: 'x', hostPrefix: 23 }])),
    installConfig.replace(
      '  # the machines',
      '  clusterNetwork:\n    - cidr: x\n      hostPrefix: 23\n  # the machines',
    ),
  );
  assert.equal(
    edited(kubeconfig, (tree) => tree.set(['extra'], ['a', { b: { c: 'd' } }])),
    kubeconfig + 'extra:\n- a\n- b:\n    c: d\n',
  );
  assert.equal(
    edited('a: []\n', (tree) => tree.set(['a'], ['x'])),
    'a:\n- x\n',
  );
  assert.equal(
    edited('a: text # why\nb: 1\n', (tree) => tree.set(['a'], ['x', 'z'])),
    'a: # why\n- x\n- z\nb: 1\n',
  );
  assert.equal(
    edited('a:\n- x # one\n- y\nb: 1\n', (tree) => tree.set(['a'], [])),
    'a: []\nb: 1\n',
  );
  assert.equal(
    edited('a: # why\n- x\nb: 1', (tree) => tree.set(['a'], 'text')),
    'a: text # why\nb: 1',
  );
});

test('a map is set in block style, in flow style where the old value was flow', async () => {
  assert.equal(
    edited('a:\n    b: 1\nc: {d: 1}\n', (tree) => tree.set(['a'], { x: { k: 'z' }, l: [1] })),
    'a:\n    x:\n        k: z\n    l:\n    - 1\nc: {d: 1}\n',
  );
  assert.equal(
    edited('a:\n    b: 1\nc: {d: 1}\n', (tree) => tree.set(['c'], { e: [1, { f: 'true' }] })),
    "a:\n    b: 1\nc: {e: [1, {f: 'true'}]}\n",
  );
  assert.equal(
    edited('c: {"d": 1}\n', (tree) => tree.set(['c', 'e'], 'x').set(['c', 'd'], 'y')),
    'c: {"d": "y", "e": "x"}\n',
  );
  assert.equal(
    edited('c: { d: 1 }\n', (tree) => tree.set(['c', 'e'], 'x').rename(['c', 'd'], 'z').remove(['c', 'e'])),
    'c: { z: 1 }\n',
  );
  assert.equal(
    edited('c: {d: 1}\n', (tree) => tree.remove(['c', 'd'])),
    'c: {}\n',
  );
  assert.equal(
    edited(installConfig, (tree) => tree.set(['controlPlane', 'platform', 'none'], {})),
    installConfig.replace('platform: {}', 'platform:\n    none: {}'),
  );
  assert.equal(
    edited('- a: 1\n- b\n', (tree) => tree.set([1], { c: 1, d: { e: 2 } }).set([0], 'x')),
    '- x\n- c: 1\n  d:\n    e: 2\n',
  );
});

test('a text of several lines becomes a literal block', async () => {
  assert.equal(
    edited('a: 1\n', (tree) => tree.set(['b'], 'x\n\n y\n')),
    'a: 1\nb: |\n  x\n\n   y\n',
  );
  assert.equal(
    edited('a: 1', (tree) => tree.set(['b'], 'x\ny')),
    'a: 1\nb: |-\n  x\n  y',
  );
  assert.equal(
    edited('a: plain # why\nb: 1\n', (tree) => tree.set(['a'], 'x\ny\n')),
    'a: |\n  x\n  y\nb: 1\n',
  );
  assert.equal(
    edited('l:\n- a\n', (tree) => tree.insert(['l', 1], ' x\ny\n\n')),
    'l:\n- a\n- |2+\n   x\n  y\n\n',
  );
});

test('members and items come and go as lines, and their way back gives the same bytes', async () => {
  for (const text of [
    kubeconfig,
    installConfig,
    kubeconfig.replaceAll('\n', '\r\n'),
    kubeconfig.trimEnd(),
    installConfig.trimEnd(),
    `---\n${kubeconfig}...\n`,
  ]) {
    const tree = opened(text);
    const check = (there: Tree, back: (tree: Tree) => Tree): void => assert.equal(written(back(there)), text);
    const maps =
      text.includes('Config\n') || text.includes('Config\r')
        ? [[], ['clusters', 0], ['clusters', 0, 'cluster'], ['preferences'], ['users', 0, 'user']]
        : [
            [],
            ['controlPlane'],
            ['controlPlane', 'platform'],
            ['metadata'],
            ['networking'],
            ['networking', 'machineNetwork', 1],
          ];
    for (const path of maps) {
      for (const name of ['aa', 'mm', 'zz']) {
        check(tree.set([...path, name], 'x'), (more) => more.remove([...path, name]));
        check(tree.set([...path, name], { k: ['v', { w: 1 }], t: 'x\ny\n' }), (more) => more.remove([...path, name]));
      }
      for (const name of tree.keysAt(path))
        check(tree.rename([...path, name], `${name}x`), (more) => more.rename([...path, `${name}x`], String(name)));
    }
    for (const path of [['clusters'], ['users'], ['networking', 'machineNetwork'], ['networking', 'serviceNetwork']]) {
      const { length } = tree.keysAt(path);
      if (length === 0) continue;
      for (const item of ['word', 'x\ny\n', { a: { b: 1 }, c: 'd' }, ['p', ['q']]])
        for (const at of [0, length]) check(tree.insert([...path, at], item), (more) => more.remove([...path, at]));
    }
    check(tree.set(['zz'], []).insert(['zz', 0], 'a').insert(['zz', 1], { b: 1 }), (more) =>
      more.remove(['zz', 1]).remove(['zz', 0]).remove(['zz']),
    );
  }
});

test('comments, blank lines and order stay where lines come and go', async () => {
  assert.equal(
    edited(installConfig, (tree) => tree.insert(['networking', 'machineNetwork', 1], { cidr: 'x' })),
    installConfig.replace('# one\n', '# one\n    - cidr: x\n'),
  );
  assert.equal(
    edited(installConfig, (tree) => tree.remove(['networking', 'machineNetwork', 0])),
    installConfig.replace('    - cidr: 192.168.126.0/24  # one\n', ''),
  );
  assert.equal(
    edited(installConfig, (tree) => tree.remove(['networking', 'machineNetwork', 1])),
    installConfig.replace('    - cidr: 10.0.0.0/16\n', ''),
  );
  assert.equal(
    edited(kubeconfig, (tree) => tree.remove(['users', 0, 'name'])),
    kubeconfig.replace('- name: kubelet\n  user:', '- user:'),
  );
  assert.equal(
    edited(kubeconfig, (tree) => tree.rename(['users', 0, 'name'], 'who')),
    kubeconfig.replace("- name: kubelet\n  user:\n    token: 'abc'\n", "- user:\n    token: 'abc'\n  who: kubelet\n"),
  );
  assert.equal(
    edited('b: |\n  t\n\na: 1\n', (tree) => tree.rename(['b'], 'c').set(['d'], 1)),
    'c: |\n  t\n\na: 1\nd: 1\n',
  );
  assert.equal(
    edited('a: 1', (tree) => tree.set(['b'], 1).remove(['a'])),
    'b: 1',
  );
  assert.equal(
    edited('a: 1\r\nl:\r\n- x\r\n', (tree) => tree.insert(['l', 1], { k: 'v', m: 'w' })),
    'a: 1\r\nl:\r\n- x\r\n- k: v\r\n  m: w\r\n',
  );
});

test('a value that is there already changes no byte of a YAML text', async () => {
  const tree = opened(installConfig);
  for (const path of [
    ['networking'],
    ['metadata', 'name'],
    ['sshKey'],
    ['networking', 'serviceNetwork'],
    ['controlPlane', 'platform'],
    ['metadata', 'creationTimestamp'],
  ]) {
    const value = tree.at(path);
    assert.ok(value !== undefined);
    assert.equal(tree.set(path, value), tree);
  }
});

test('aliases are read; what stands in two places of the tree is not edited', async () => {
  const text = 'base: &b\n  k: &w v\n  l: [1]\nuse: *b\nword: *w\nlone: &x 1\n';
  const tree = opened(text);
  assert.deepEqual(tree.at(['use']), { k: 'v', l: [1] });
  assert.deepEqual(tree.keysAt(['use']), ['k', 'l']);
  const refused: [() => Tree, string][] = [
    [() => tree.set(['use', 'k'], 'x'), 'the text has an alias at "use", and what it stands for is written elsewhere'],
    [() => tree.set(['use'], 'x'), 'the text has an alias at "use", and what it stands for is written elsewhere'],
    [() => tree.set(['base', 'k'], 'x'), 'the text has an anchor at "base", and aliases stand for it elsewhere'],
    [() => tree.remove(['base']), 'the text has an anchor below "base", and aliases stand for it elsewhere'],
    [() => tree.set(['base'], {}), 'the text has an anchor at "base", and aliases stand for it elsewhere'],
  ];
  for (const [edit, message] of refused) assert.throws(edit, { name: 'Failure', message });
  assert.equal(written(tree.remove(['lone']).set(['zz'], [])), text.replace('lone: &x 1', 'zz: []'));
  assert.equal(written(tree.set(['lone'], 2)), text.replace('&x 1', '&x 2'));
  assert.equal(written(tree.remove(['word'])), text.replace('word: *w\n', ''));
});

test('what cannot be written so that it reads back is an error and no document', async () => {
  const message = (path: string): string => `the text cannot be edited at "${path}" so that it reads back`;
  assert.throws(() => opened('a: !!str 12\n').set(['a'], 13), { message: message('a') });
  assert.throws(() => opened('? a\n: b\n').set(['c'], 'x'), {
    message: 'the text is written at its root in a way that cannot be edited',
  });
});

test('a text of several documents, of a bare word or with a name twice is not opened', async () => {
  for (const text of ['a: 1\n---\nb: 2\n', 'word', '# nothing\n', 'a: 1\na: 2\n', 'a: *none\n', 'a: .inf\n', '\t- x'])
    assert.equal(textTree(bytes(text)), undefined, text);
});
