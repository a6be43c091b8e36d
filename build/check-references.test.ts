import assert from 'node:assert/strict';
import { test } from 'tap';
import { danglingReferences } from './check-references.ts';
import type { Source } from './references/prose.ts';

/** Faults of a single file, without its name. */
function faultsOf(text: string, path = 'internal/room/file.ts', others: readonly Source[] = []): string[] {
  const head = `${path}:`;
  return danglingReferences([{ path, text }, ...others])
    .filter((fault) => fault.startsWith(head))
    .map((fault) => fault.slice(head.length));
}
const cites = (text: string, path?: string): boolean =>
  faultsOf(text, path).some((fault) => fault.includes('state the fact'));

await test('each way to cite a paper is found, in comments, texts and documents', async () => {
  for (const line of [
    '/** Section 6.5.2: name and domain. */',
    ' * What is looked at (its section 3.4).',
    "test('the key id is that of Kubernetes (vector D.1)', async () => {",
    "test('D.7 all rules see the original', async () => {",
    '/** Fixed places (reference I.1). */',
    ' * The commands of the set-up (C.7), in its order.',
    '/** Etcd keys of objects (reference, appendix A). */',
    '/** Defects of renames (reference 13). */',
    "  object('6.5.2 row 17', config('dnses'), edit),",
    "  row: '6.4 files',",
    "test('13.32 a dry run writes nothing', async () => {",
    "test('13.17 PEM of any width', async () => {",
    '/** 6.7 */',
    '  // 3.6: what a person told the cluster to trust.',
    '  // 2, 4, 6: curves that mix.',
    '/** In the Secrets it does not (6.3). */',
    '/** What every run sees to (6.1-6.3, 6.14), is expected. */',
    "  reason: 'somebody made it for himself (6.11 step 4 wants the label)',",
    '/** The table of 6.10 has them. */',
    '/** From one identity to the other: 6.4 row 1, 6.5 rows 7. */',
    ' * see part D of the sheet',
    "const data = new URL('../../../shared/data/pki.json', import.meta.url);",
    "const data = '/work/shared/data/pki.json';",
  ])
    assert.ok(cites(line), line);
  for (const line of [
    'Chosen as in the design page, with these changes.',
    '| `settings.ts` | 6.7, 6.9, 6.10 rows 2-3 | settings |',
    '| `hashes.ts` | D.2-D.4 | hashes |',
    'The first pull (B.6) is left out.',
    '## Where it differs (row 3.2)',
  ])
    assert.ok(cites(line, 'internal/room/README.md'), line);
  assert.ok(cites('# Section 4 of the notes\n', 'build/setup.sh'));
});

await test('versions, addresses, measures, RFCs and public pages are no papers', async () => {
  for (const line of [
    '// Go 1.24 writes it so, Go before 1.22 did not.',
    "const version = '0.27.0';",
    "  ignition: { version: '3.4.0' },",
    "  metadata: '1.2',",
    "const address = '192.168.126.10';",
    '// 192.0.2.1 stands neither in 192.0.2.10 nor in 10.0.0.9',
    '/** 4.15 leaves it empty. */',
    '/** Where the annotation is (4.14). */',
    '// Kubernetes (1.34) leaves the empty time out.',
    '/** RFC 7518, 3.1, as far as service accounts use it. See RFC 5280, section 4.2.1. */',
    ' * takes 2.4 ms for each, this 0.2 ms (1.5 s in all).',
    "  say('1.5 GiB of 2.0 GiB');",
    '// https://example.org/appendices/D.3',
    "const token = 'eyJhbGciOiJSUzI1NiJ9.A.1x';",
    "  within: rule('FieldRef.apiVersion', is('v1'), 0, 2.5),",
    '/** The first row, and the rows behind it. */',
    '/** Sections of an ELF file. */',
    '/** A part of the commit, in part A-priori. */',
  ])
    assert.deepEqual(faultsOf(line), [], line);
  for (const line of [
    '| seed 1× | 3.99 s | 13.51 s | 0.30 | ≤ 0.4 |',
    '| unshaped | 4.6 s | 6.5 s |',
    'A seed without any such file: 5.6 to 6.0 s against 13.7 to 15 s, 0.38 to 0.43.',
    'the work 6.2-6.6 → 5.5-6.4 s of the processors',
    'Spec 3.2.0, the oldest; YAML 1.1 (Go) or 1.2; etcd 3.4.23; podman 5.1 on.',
    'Proved against kube-apiserver 1.34.4.',
  ])
    assert.deepEqual(faultsOf(line, 'internal/room/README.md'), [], line);
});

const table = '# Room\n\n| id | place |\n|---|---|\n| `domain/dns` | DNS |\n| `defect/late` | late |\n';

await test('an id that no README defines is found, in code, labels and documents', async () => {
  const readme = { path: 'internal/room/README.md', text: table };
  assert.deepEqual(
    faultsOf("object('domain/dns', a);\nobject('domain/dsn', b);\n/** See defect/late, defect/early. */\n", undefined, [
      readme,
    ]),
    [
      '2: the id "domain/dsn" stands in no table of a README',
      '3: the id "defect/early" stands in no table of a README',
    ],
  );
  assert.deepEqual(faultsOf("  { row: 'ip/dns domain/dns' },", undefined, [readme]), [
    '1: the id "ip/dns" stands in no table of a README',
  ]);
  assert.deepEqual(faultsOf('Sees to `domain/dsn`.', 'cmd/README.md', [readme]), [
    '1: the id "domain/dsn" stands in no table of a README',
  ]);
});

await test('what only looks like an id is none', async () => {
  const readme = { path: 'internal/room/README.md', text: table };
  const paths = [
    '/etc/domain/dns2',
    '../domain/other.ts',
    'domain/other.json',
    'my-domain/x',
    '*/domain/x',
    'domain/a/b',
    'domain/',
  ];
  for (const path of paths) assert.deepEqual(faultsOf(`const at = '${path}';`, undefined, [readme]), [], path);
});

await test('an id that is defined twice is found, with both places', async () => {
  const [one, other] = ['internal/one/README.md', 'internal/other/README.md'];
  assert.deepEqual(
    danglingReferences([
      { path: one, text: table },
      { path: other, text: table.replace('defect/late', 'defect/soon') },
    ]),
    [`${other}:5: the id "domain/dns" is defined in ${one}:5, too`],
  );
});

await test('a link or a name of a file that leads nowhere is found', async () => {
  const others = [
    { path: 'internal/room/steps/one.ts', text: '' },
    { path: 'internal/other/README.md', text: '# Other\n\n## The list, in full\n' },
    { path: 'cmd/main.ts', text: '' },
  ];
  const document = [
    '[the list](../other/README.md#the-list-in-full) and [the room](../other), [RFC](https://www.rfc-editor.org/rfc/rfc5280#section-4)',
    '[gone](../gone/README.md), [renamed](../other/README.md#the-list)',
    '`one.ts`, `steps/one.ts`, `internal/room/steps/one.ts`, `other/README.md`, `cmd/main.ts`, `steps/*.ts`, `cmd/<program>/flow.ts`',
    '`two.ts`, `rooms/one.ts`, `internal/gone/steps`',
  ].join('\n');
  assert.deepEqual(faultsOf(document, 'internal/room/README.md', others), [
    '2: the link "../gone/README.md" leads nowhere',
    '2: the link "../other/README.md#the-list" leads nowhere',
    '4: "two.ts" is no file of the repository, as seen from here',
    '4: "rooms/one.ts" is no file of the repository, as seen from here',
    '4: "internal/gone/steps" is no file of the repository, as seen from here',
  ]);
  const code =
    "import './never-looked-at.ts';\n/** As `steps/one.ts` has it. */\n// and steps/two.ts, recert.md\nconst text = 'a.ts';\n";
  assert.deepEqual(faultsOf(code, undefined, others), [
    '3: "steps/two.ts" is no file of the repository, as seen from here',
    '3: "recert.md" is no file of the repository, as seen from here',
  ]);
});
