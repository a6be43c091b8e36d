import assert from 'node:assert/strict';
import { test } from 'tap';
import type { Place } from './edit.ts';
import { aroundAll, placeText, readAt, writeAll, writeAt } from './edit.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);
const der = (length: number, seed = 0): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 7 + seed) % 256);
const base64 = (value: Uint8Array): string => Buffer.from(value).toString('base64');
const wrap = (value: string, width: number, eol: string): string =>
  (value.match(new RegExp(`.{1,${width}}`, 'g')) ?? []).join(eol);
const pem = (value: Uint8Array, { tag = 'CERTIFICATE', width = 64, eol = '\n' } = {}): string =>
  `-----BEGIN ${tag}-----${eol}${wrap(base64(value), width, eol)}${eol}-----END ${tag}-----`;

/** Writes `fresh`, expects exactly `expected`, and takes it back. */
function changes(document: string, place: Place, fresh: Uint8Array, expected: string): void {
  const before = bytes(document);
  const old = readAt(before, place);
  assert.ok(old, placeText(place));
  assert.equal(writeAt(before, place, old), before, 'the same value is the same document');
  const after = writeAt(before, place, fresh);
  assert.equal(text(after), expected);
  assert.equal(text(writeAt(after, place, old)), document, 'there and back');
}

for (const [name, form] of Object.entries({
  'at 64 columns': {},
  'at 76 columns': { width: 76 },
  'in one long line': { width: 100_000 },
  'with CRLF': { eol: '\r\n' },
  'under an odd label': { tag: 'RSA PUBLIC KEY' },
})) {
  test(`a PEM block ${name} is replaced among comments and other blocks`, async () => {
    const document = (middle: Uint8Array): string =>
      `# first é\n${pem(der(300), form)}\nbetween\n\n${pem(middle, form)}\n${pem(der(301), form)}`;
    changes(document(der(400, 1)), [{ in: 'pem', index: 1 }], der(555, 9), document(der(555, 9)));
  });
}

test('the same PEM block twice in a bundle is replaced at its index only', async () => {
  const block = pem(der(100));
  changes(`${block}\n${block}\n`, [{ in: 'pem', index: 1 }], der(100, 3), `${block}\n${pem(der(100, 3))}\n`);
});

test('a PEM bundle without a final newline stays without, one with blank lines after stays with', async () => {
  changes(pem(der(100)), [{ in: 'pem', index: 0 }], der(130), pem(der(130)));
  changes(`${pem(der(100))}\n\n\n`, [{ in: 'pem', index: 0 }], der(130), `${pem(der(130))}\n\n\n`);
});

test('PEM lines of uneven length and indented PEM keep their layout', async () => {
  const uneven = (value: string): string =>
    `x: |\n  -----BEGIN CERTIFICATE-----\n  ${value.slice(0, 10)}\n  ${value.slice(10, 40)}\n  ${value.slice(40)}\n  -----END CERTIFICATE-----\n`;
  changes(uneven(base64(der(45))), [{ in: 'pem', index: 0 }], der(45, 5), uneven(base64(der(45, 5))));
});

test('comments that are not UTF-8 pass through', async () => {
  const document = Buffer.concat([Buffer.from([0xe9, 0xff, 0x0a]), Buffer.from(pem(der(50)))]);
  const after = writeAt(document, [{ in: 'pem', index: 0 }], der(50, 1));
  assert.deepEqual([...after.subarray(0, 3)], [0xe9, 0xff, 0x0a]);
});

test('broken PEM blocks are counted and not read', async () => {
  const document = bytes(
    [
      '-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----',
      '-----BEGIN A-----\nAAAA\n-----END B-----',
      '-----BEGIN CUT OFF-----\nAAAA',
      pem(der(30)),
    ].join('\n'),
  );
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => readAt(document, [{ in: 'pem', index }])?.length),
    [undefined, undefined, 30, undefined],
  );
  assert.throws(() => writeAt(document, [{ in: 'pem', index: 0 }], der(3)), {
    message: 'nothing can be read at pem block 0',
  });
});

test('a PEM with headers is not read, because its content is encrypted', async () => {
  assert.equal(
    readAt(
      bytes(
        '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n',
      ),
      [{ in: 'pem', index: 0 }],
    ),
    undefined,
  );
});

test('a PEM inside base64 inside a kubeconfig is replaced and the YAML around it stays', async () => {
  const kubeconfig = (data: string): string =>
    `# note\napiVersion:   v1\nclusters:\n- cluster: {server: 'https://x:6443', "certificate-authority-data": ${data}}\n  name: "a"   # odd\nusers: []\n`;
  const place: Place = [
    { in: 'yaml', path: ['clusters', 0, 'cluster', 'certificate-authority-data'] },
    { in: 'base64' },
    { in: 'pem', index: 1 },
  ];
  const bundle = (value: Uint8Array): string => base64(bytes(`# c\n${pem(der(90))}\n${pem(value)}\n`));
  changes(kubeconfig(bundle(der(500))), place, der(620, 4), kubeconfig(bundle(der(620, 4))));
});

test('a PEM in a data URL is escaped as the machine-config operator does', async () => {
  const url = (value: Uint8Array): string => `data:,${encodeURIComponent(`${pem(value)}\n`)}`;
  const machineConfig = (value: Uint8Array): string =>
    JSON.stringify({
      spec: { config: { storage: { files: [{ contents: { source: url(value) }, path: '/a.crt' }] } } },
    });
  changes(
    machineConfig(der(300)),
    [
      { in: 'json', path: ['spec', 'config', 'storage', 'files', 0, 'contents', 'source'] },
      { in: 'data-url' },
      { in: 'pem', index: 0 },
    ],
    der(333, 8),
    machineConfig(der(333, 8)),
  );
});

test('a data URL that escapes less, or in lower case, keeps its spelling where the value stays', async () => {
  changes(
    'data:text/plain;charset=utf-8,# a%2fb c/d%0a-old-',
    [{ in: 'data-url' }],
    bytes('# a/b c/d\n-n/w-'),
    'data:text/plain;charset=utf-8,# a%2fb c/d%0a-n%2fw-',
  );
  changes(`data:;base64,${base64(der(20))}`, [{ in: 'data-url' }], der(40), `data:;base64,${base64(der(40))}`);
});

test('JSON keeps blanks, order, numbers, duplicates and escapes around the value', async () => {
  changes(
    '{ "b" : 1.0e2,\t"a":["\\u00e9\\/x","old\\n"] , "b":{}}\n',
    [{ in: 'json', path: ['a', 1] }],
    bytes('<new>\n'),
    '{ "b" : 1.0e2,\t"a":["\\u00e9\\/x","\\u003cnew\\u003e\\n"] , "b":{}}\n',
  );
  changes('{"a":"<plain>","c":"old"}', [{ in: 'json', path: ['c'] }], bytes('&'), '{"a":"<plain>","c":"&"}');
});

test('a pair of escaped surrogates is never cut, and half a pair is not opened', async () => {
  const place: Place = [{ in: 'json', path: ['a'] }];
  assert.equal(text(writeAt(bytes('{"a":"x\\ud83d\\ude00y"}'), place, bytes('x\u{1F601}y'))), '{"a":"x\u{1F601}y"}');
  assert.equal(readAt(bytes('{"a":"\\ud83d"}'), place), undefined);
});

test('a token in a JSON document in a YAML block keeps every escape around it', async () => {
  const document = (token: string): string => `pod.yaml: |-\n    {"x":"\\u003ca\\/","t":"${token}"}\nother: 1\n`;
  changes(
    document('aaa.bbb.ccc'),
    [{ in: 'yaml', path: ['pod.yaml'] }, { in: 'json', path: ['t'] }, { in: 'jwt' }],
    bytes('aaa.bbb.dddddd'),
    document('aaa.bbb.dddddd'),
  );
});

test('blanks around a token stay', async () => {
  changes('  aaa.bbb.ccc\n\n', [{ in: 'jwt' }], bytes('x.y.z'), '  x.y.z\n\n');
  assert.equal(readAt(bytes('a.b'), [{ in: 'jwt' }]), undefined);
});

test('YAML keeps the style of the value it replaces', async () => {
  const value: Place = [{ in: 'yaml', path: ['a'] }];
  changes("a: 'it''s'  # why\nb: 1\n", value, bytes("isn't"), "a: 'isn''t'  # why\nb: 1\n");
  changes('a: "x\\ty"\n', value, bytes('x\t"z'), 'a: "x\\t\\"z"\n');
  changes('{"a": plain, b: [1]}', value, bytes('other'), '{"a": other, b: [1]}');
  changes(
    'a: |\n   one\n\n   two\nb: |+\n  keep\n\n',
    value,
    bytes('one\n\nthree\nfour\n'),
    'a: |\n   one\n\n   three\n   four\nb: |+\n  keep\n\n',
  );
  changes(
    'a: |-\r\n  one\r\n  two\r\nb: 1\r\n',
    value,
    bytes('1st\n2nd\n3rd'),
    'a: |-\r\n  1st\r\n  2nd\r\n  3rd\r\nb: 1\r\n',
  );
});

test('YAML falls back to double quotes where the style cannot hold the value', async () => {
  for (const fresh of ['true', 'a: b', '# x', '', 'line\nline', '1e3', '- x']) {
    const after = writeAt(bytes('a: plain # c\nb: 2\n'), [{ in: 'yaml', path: ['a'] }], bytes(fresh));
    assert.equal(text(after), `a: ${JSON.stringify(fresh)} # c\nb: 2\n`);
  }
});

test('YAML that is broken, has several documents or an alias is not written', async () => {
  assert.equal(readAt(bytes('a: [1\n'), [{ in: 'yaml', path: ['a'] }]), undefined);
  assert.equal(readAt(bytes('a: b\n---\na: c\n'), [{ in: 'yaml', path: ['a'] }]), undefined);
  const alias = bytes('x: &k secret-value\na: *k\n');
  assert.equal(text(readAt(alias, [{ in: 'yaml', path: ['a'] }])), 'secret-value');
  assert.throws(
    () => writeAt(alias, [{ in: 'yaml', path: ['a'] }], bytes('b')),
    (error: Error) => error.message === 'the value at yaml "a" cannot be written so that it reads back',
  );
});

test('base64 keeps alphabet, padding and wrapping', async () => {
  const place: Place = [{ in: 'base64' }];
  changes('-_-_\n', place, Buffer.from('fbff', 'hex'), '-_8=\n');
  changes('YQ', place, bytes('bc'), 'YmM');
  changes(`${wrap(base64(der(120)), 76, '\n')}\n`, place, der(150), `${wrap(base64(der(150)), 76, '\n')}\n`);
  assert.equal(readAt(bytes('a$b='), place), undefined);
});

test('any value goes there and back through every part (500 random documents)', async () => {
  let seed = 20_261_121;
  const random = (limit: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >> 8) % limit;
  };
  const letters = Array.from('abcXYZ019 _-/é€😀"\\<&>\'#:\n\t%+=');
  const word = (): string => Array.from({ length: 1 + random(12) }, () => letters[random(letters.length)]).join('');
  for (let round = 0; round < 500; round += 1) {
    const [one, other] = [der(60 + random(400), random(256)), der(60 + random(400), random(256))];
    const bundle = bytes(
      `${word()}\n${pem(one, { width: [64, 76, 48][random(3)] ?? 64, eol: ['\n', '\r\n'][random(2)] ?? '\n' })}\n${word()}`,
    );
    const quoted = JSON.stringify(`${word()}${text(bundle) ?? ''}`);
    const url = `data:,${encodeURIComponent(text(bundle) ?? '')}`;
    const cases: [string, Place][] = [
      [
        `{"k":[${JSON.stringify(word())},${quoted}]}`,
        [
          { in: 'json', path: ['k', 1] },
          { in: 'pem', index: 0 },
        ],
      ],
      [
        `k:\n- x\n- ${quoted} # c\n`,
        [
          { in: 'yaml', path: ['k', 1] },
          { in: 'pem', index: 0 },
        ],
      ],
      [
        `k: ${base64(bundle)}\nz: ${JSON.stringify(word())}\n`,
        [{ in: 'yaml', path: ['k'] }, { in: 'base64' }, { in: 'pem', index: 0 }],
      ],
      [`{"s":"${url}"}`, [{ in: 'json', path: ['s'] }, { in: 'data-url' }, { in: 'pem', index: 0 }]],
    ];
    for (const [document, place] of cases) {
      const before = bytes(document);
      assert.deepEqual(readAt(before, place), one);
      const after = writeAt(before, place, other);
      assert.deepEqual(readAt(after, place), other);
      assert.equal(text(writeAt(after, place, one)), document);
    }
  }
});

test('hostile PEM text takes no time to look through', async () => {
  const before = performance.now();
  for (const hostile of [
    '-----BEGIN A-----'.repeat(60_000),
    `${'-----BEGIN A-----'.repeat(60_000)}-----END B-----`,
    `-----BEGIN A-----\n${' a:b\n'.repeat(200_000)}-----END A-----`,
    `-----BEGIN A-----\n${'a:b\n c\n'.repeat(150_000)}-----END A-----`,
    `-----BEGIN ${'-a'.repeat(400_000)}`,
    `-----BEGIN A-----${'AAAA'.repeat(300_000)}!-----END A-----`,
  ])
    readAt(bytes(hostile), [{ in: 'pem', index: 0 }]);
  assert.ok(performance.now() - before < 5000);
});

test('several places of one document are written at once, and what stands between them keeps its spelling', async () => {
  // é and the needless escapes between the two blocks are not what our writers would choose.
  const json = (one: Uint8Array, two: Uint8Array): string =>
    `{"a":"${pem(one).replaceAll('\n', '\\n')}\\n\\/caf\\u0065\\n${pem(two).replaceAll('\n', '\\n')}","b":"x.y.z"}`;
  const writes = [0, 1].map((index) => ({
    place: [
      { in: 'json', path: ['a'] },
      { in: 'pem', index },
    ] as const,
    value: der(90 + index, 4),
  }));
  const after = writeAll(bytes(json(der(80), der(81))), [
    ...writes,
    { place: [{ in: 'json', path: ['b'] }, { in: 'jwt' }], value: bytes('u.v.w') },
  ]);
  assert.equal(text(after), json(der(90, 4), der(91, 4)).replace('x.y.z', 'u.v.w'));

  const url = (one: Uint8Array, two: Uint8Array): string =>
    `data:,${[one, two].map((block) => encodeURIComponent(pem(block))).join('%0a%2F')}`;
  const inUrl = [0, 1].map((index) => ({
    place: [{ in: 'data-url' }, { in: 'pem', index }] as const,
    value: der(90 + index, 4),
  }));
  const written = text(writeAll(bytes(url(der(80), der(81))), inUrl)) ?? '';
  assert.ok(written.includes('%0a%2F'), 'a lower-case escape beside upper-case ones stays');
});

test('several strings of a YAML text are written at once', async () => {
  const yaml = (one: string, two: string): string =>
    `# kept\nusers:\n- name: a # kept\n  user: {token: "${one}", other: [1, 2]}\n- name: b\n  user:\n    data: ${two}\n`;
  const path = (...names: (string | number)[]): Place => [{ in: 'yaml', path: names }];
  const after = writeAll(bytes(yaml('t', base64(der(30)))), [
    { place: path('users', 0, 'user', 'token'), value: bytes('u') },
    { place: [...path('users', 1, 'user', 'data'), { in: 'base64' }], value: der(60, 2) },
  ]);
  assert.equal(text(after), yaml('u', base64(der(60, 2))));
});

test('two writes of one place, one inside another, and two readings of one text are refused', async () => {
  const document = bytes(JSON.stringify({ a: pem(der(10)) }));
  const a: Place = [{ in: 'json', path: ['a'] }];
  assert.throws(
    () =>
      writeAll(document, [
        { place: a, value: bytes('1') },
        { place: a, value: bytes('2') },
      ]),
    { message: 'two values are to be written at one place' },
  );
  assert.throws(
    () =>
      writeAll(document, [
        { place: a, value: bytes('1') },
        { place: [...a, { in: 'pem', index: 0 }], value: der(3) },
      ]),
    { message: 'two values are to be written at one place' },
  );
  assert.throws(
    () =>
      writeAll(document, [
        { place: a, value: bytes('1') },
        { place: [{ in: 'yaml', path: ['a'] }], value: der(3) },
      ]),
    { message: 'the text at the whole text is to be written in two ways, as json and as yaml' },
  );
});

test('a token is found behind the user name of a dockercfg', async () => {
  const document = (token: string): string =>
    JSON.stringify({
      'registry:5000': { username: '<token>', password: token, auth: base64(bytes(`<token>:${token}`)) },
    });
  changes(
    document('aa.bb.cc'),
    [{ in: 'json', path: ['registry:5000', 'auth'] }, { in: 'base64' }, { in: 'password' }, { in: 'jwt' }],
    bytes('aaaa.bbb.cccccc'),
    JSON.stringify({
      'registry:5000': { username: '<token>', password: 'aa.bb.cc', auth: base64(bytes('<token>:aaaa.bbb.cccccc')) },
    }),
  );
});

test('what stands around some places is the same exactly when nothing else differs', async () => {
  const places: Place[] = [
    [{ in: 'yaml', path: ['a'] }, { in: 'base64' }, { in: 'pem', index: 0 }],
    [{ in: 'yaml', path: ['b'] }],
  ];
  const yaml = (inside: string, b: string, comment = 'c'): Uint8Array =>
    bytes(`a: ${base64(bytes(inside))} # ${comment}\nb: ${b}\n`);
  const before = yaml(`one\n${pem(der(20))}\n`, 'x');
  assert.equal(aroundAll(yaml(`one\n${pem(der(50))}\n`, 'longer'), places), aroundAll(before, places));
  assert.notEqual(
    aroundAll(yaml(`two\n${pem(der(20))}\n`, 'x'), places),
    aroundAll(before, places),
    'a change inside the base64',
  );
  assert.notEqual(
    aroundAll(yaml(`one\n${pem(der(20))}\n`, 'x', 'd'), places),
    aroundAll(before, places),
    'a change of a comment',
  );
  assert.equal(aroundAll(bytes('b: x'), places), undefined);
});
