import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { goEnvironment, newEnoughGo } from '../../test/go.ts';
import { certPem, pair } from '../recert/test-documents.ts';
import { readBundle } from './recert-config-bundle.ts';

/* What we take for a bundle of certificates is what Go's readers see, all of it: the real ones are asked. */

const [one, two] = [certPem(await pair('one')), certPem(await pair('two'))];
const lines = one.trimEnd().split('\n');
const cut = (keep: (line: string, at: number) => boolean): string => `${lines.filter(keep).join('\n')}\n`;

const texts: Readonly<Record<string, string>> = {
  'one certificate': one,
  'two certificates': one + two,
  'comments around them': `# ours\n${one}\n\nissued by é\n${two}# end\n`,
  'no line end at the end': (one + two).trimEnd(),
  'Windows line ends': (one + two).replaceAll('\n', '\r\n'),
  'blanks at the end of lines': one.replaceAll('\n', '  \n'),
  'an empty line inside': one.replace('\n', '\n\n'),
  'base64 in one line': `${lines[0] ?? ''}\n${lines.slice(1, -1).join('')}\n${lines.at(-1) ?? ''}\n`,
  'base64 of 76 columns': certPem(await pair('wide'), { width: 76 }),
  'indented base64': one.replace('\nMII', '\n  MII'),
  'text before BEGIN on its line': `CA: ${one}`,
  'a lost END line': cut((line) => !line.includes('END')) + two,
  'a lost END line at the end': two + cut((line) => !line.includes('END')),
  'a lost BEGIN of END': one.replace('-----END CERTIFICATE-----', '-----END CERT-----'),
  'indented altogether': one.replaceAll(/^/gm, '  '),
  'an indented second one': one + two.replaceAll(/^/gm, '    '),
  'an indented END': one.replace('\n-----END', '\n  -----END'),
  'on one line': one.replaceAll('\n', ' '),
  'on one line without blanks': one.replaceAll('\n', ''),
  'escaped line ends': one.replaceAll('\n', '\\n'),
  'cut in the base64': cut((_line, at) => at !== 3),
  'cut in the middle of a line': one.replace(lines[2] ?? '', (lines[2] ?? '').slice(0, 61)),
  'a letter that is none of base64': one.replace(lines[2] ?? '', `${(lines[2] ?? '').slice(0, 60)}_-_-`),
  'END directly behind the base64': one.replace('\n-----END', '-----END'),
  'text behind END': one.replace('CERTIFICATE-----\n', 'CERTIFICATE-----\n').replace(/-----\n$/, '----- ours\n'),
  'headers inside': one.replace('\n', '\nProc-Type: 4\n\n'),
  'base64 of something else': `-----BEGIN CERTIFICATE-----\n${Buffer.from('no certificate').toString('base64')}\n-----END CERTIFICATE-----\n`,
  'an empty block': '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
  'a block of spaces': '-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n',
};

await test('a bundle is accepted when Go sees every block of it, and refused when it passes one by', async (t) => {
  const program = await newEnoughGo(() => undefined);
  const seen = JSON.parse(
    execFileSync(program, ['run', fileURLToPath(new URL('../../test/pem-judge/main.go', import.meta.url))], {
      input: JSON.stringify(Object.values(texts)),
      encoding: 'utf8',
      env: { ...goEnvironment(), GO111MODULE: 'off' },
    }),
  ) as number[]; // what the judge prints
  for (const [at, [name, text]] of Object.entries(texts).entries()) {
    const meant = text.split('-----BEGIN ').length - 1;
    const goSees = seen[at] === meant;
    const verdict = await readBundle(text, 'user_ca_bundle').then(
      () => 'accepted',
      (error: unknown) => (error instanceof Error ? error.message : ''),
    );
    t.comment(`${name}: Go sees ${String(seen[at])} of ${meant}: ${verdict}`);
    assert.equal(
      verdict === 'accepted',
      goSees,
      `${name}: Go sees ${String(seen[at])} of ${meant}, we say: ${verdict}`,
    );
  }
});

await test('a byte order mark is dropped; every block that is none is named at once', async () => {
  assert.equal(await readBundle(`\uFEFF${one}`, 'user_ca_bundle'), one);
  await assert.rejects(readBundle(texts['an indented second one'] ?? '', 'user_ca_bundle'), {
    exitCode: 2,
    message: 'user_ca_bundle: certificate 2 of 2 does not begin its line: it is indented, or follows other text',
  });
  await assert.rejects(
    readBundle(`${texts['a lost END line'] ?? ''}${texts['cut in the base64'] ?? ''}`, 'user_ca_bundle'),
    {
      exitCode: 2,
      message:
        'user_ca_bundle: certificate 1 of 3 has no END line: it is cut off; certificate 3 of 3 holds no certificate: its base64 is cut, or of something else',
    },
  );
});
