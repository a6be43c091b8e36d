import assert from 'node:assert/strict';
import { test } from 'tap';
import { UsageError } from '../errors/errors.ts';
import { readIbiConfig, parseIbiConfig } from './ibi-config.ts';

const options = { file: 'ibi.yaml', unknownKeys: 'refuse' } as const;
const parse = (
  text: string | Uint8Array,
  unknownKeys: 'refuse' | 'warn' = 'refuse',
): ReturnType<typeof parseIbiConfig> =>
  parseIbiConfig(typeof text === 'string' ? Buffer.from(text) : text, { ...options, unknownKeys });
const good = 'seedImage: quay.io/a/seed:4.16.0\nseedVersion: 4.16.0\ninstallationDisk: /dev/vda\n';

await test("the installer's own sample is read with the reference's defaults", async () => {
  const { config, warnings } = parse(
    '{"extraPartitionLabel":"var-lib-containers","extraPartitionNumber":5,"extraPartitionStart":"-40G","installationDisk":"/dev/vda","releaseRegistry":"mirror.quay.io","seedImage":"quay.io/openshift-kni/seed-image:4.16.0","seedVersion":"4.16.0"}',
  );
  assert.deepEqual(warnings, []);
  assert.deepEqual(
    [
      config.extraPartitionStart,
      config.precacheBestEffort,
      config.coreosInstallerArgs,
      config.shutdown,
      config.releaseRegistry,
    ],
    ['-40G', false, [], false, 'mirror.quay.io'],
  );
});

await test('YAML and JSON of the same values have the same digest; reinstall has no part in it', async () => {
  const json = parse('{"installationDisk":"/dev/vda","seedVersion":"4.16.0","seedImage":"quay.io/a/seed:4.16.0"}');
  assert.equal(parse(good).config.digest, json.config.digest);
  assert.equal(parse(`${good}reinstall: true\n`).config.digest, json.config.digest);
  assert.notEqual(parse(`${good}shutdown: true\n`).config.digest, json.config.digest);
});

await test('keys match without regard to case, the exact one first, and null leaves the default', async () => {
  const { config } = parse(
    '{"SEEDIMAGE":"a/b","seedVersion":"1","installationdisk":"/dev/x","installationDisk":"/dev/y","extraPartitionStart":null}',
  );
  assert.deepEqual([config.seedImage, config.installationDisk, config.extraPartitionStart], ['a/b', '/dev/y', '-40G']);
});

await test('an unquoted number is read as text with a warning', async () => {
  const { config, warnings } = parse('seedImage: a/b\nseedVersion: 4.17\ninstallationDisk: /dev/x\n');
  assert.equal(config.seedVersion, '4.17');
  assert.deepEqual(warnings, [
    'ibi.yaml: seedVersion is a number without quotes; read as "4.17", write it in quotes (4.10 would read as 4.1)',
  ]);
});

const refused: readonly (readonly [string, string | Uint8Array, string])[] = [
  ['an empty file', '', 'failed to read config file ibi.yaml: it is empty'],
  [
    'only comments',
    '# nothing\n',
    'failed to read config file ibi.yaml: it holds nothing but comments, not keys and values',
  ],
  ['a list', '- a\n', 'failed to read config file ibi.yaml: it holds a list, not keys and values'],
  ['a single word', 'hello', 'failed to read config file ibi.yaml: it holds a single value, not keys and values'],
  [
    'a binary file',
    new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2]),
    'failed to read config file ibi.yaml: it is a binary file',
  ],
  [
    'bytes that are not UTF-8',
    new Uint8Array([0x61, 0x3a, 0xff, 0xfe]),
    'failed to read config file ibi.yaml: it is not UTF-8 text',
  ],
  [
    'cut-off JSON',
    '{"seedImage":"a/b","seedVer',
    'failed to read config file ibi.yaml: Missing closing "quote at line 1, column 28',
  ],
  [
    'a key twice',
    `${good}seedVersion: "2"\n`,
    'failed to read config file ibi.yaml: Map keys must be unique at line 4, column 1',
  ],
  [
    'an unknown key near a known one',
    `${good}sedImage: x\n`,
    'failed to read config file ibi.yaml: unknown key "sedImage", nearest known key is "seedImage"',
  ],
  ['an unknown key far from all', `${good}colour: blue\n`, 'failed to read config file ibi.yaml: unknown key "colour"'],
  [
    'a wrong type of text',
    'seedImage: [a]\nseedVersion: "1"\ninstallationDisk: /dev/x',
    'failed to read config file ibi.yaml: seedImage is a list, wanted text',
  ],
  [
    'a wrong type of truth value',
    `${good}shutdown: "yes"\n`,
    'failed to read config file ibi.yaml: shutdown is the text "yes", wanted true or false',
  ],
  [
    'a wrong type of number',
    `${good}extraPartitionNumber: 5.5\n`,
    'failed to read config file ibi.yaml: extraPartitionNumber is 5.5, wanted a whole number from 0',
  ],
  [
    'a wrong type of list',
    `${good}coreosInstallerArgs: --append-karg x\n`,
    'failed to read config file ibi.yaml: coreosInstallerArgs is the text "--append-karg x", wanted a list of texts',
  ],
  [
    'no seed image',
    'seedVersion: "1"\ninstallationDisk: /dev/x\n',
    'config file validation failed: seedImage is required',
  ],
  [
    'no version',
    'seedImage: a/b\ninstallationDisk: /dev/x\n',
    'config file validation failed: seedVersion is required',
  ],
  ['no disk', 'seedImage: a/b\nseedVersion: "1"\n', 'config file validation failed: installationDisk is required'],
  [
    'a relative disk',
    'seedImage: a/b\nseedVersion: "1"\ninstallationDisk: sda\n',
    'config file validation failed: installationDisk "sda" is not an absolute path',
  ],
  [
    'a version that is a path',
    'seedImage: a/b\nseedVersion: ../x\ninstallationDisk: /dev/x\n',
    'config file validation failed: seedVersion "../x" is not a version; it names a folder and may hold letters, digits and . _ + ~ - only',
  ],
  [
    'a partition label with quotes',
    `${good}extraPartitionLabel: 'a"b'\n`,
    'config file validation failed: extraPartitionLabel "a"b" is not a partition name; it needs 1 to 36 characters without quotes, slashes or control characters',
  ],
  [
    'partition number zero',
    `${good}extraPartitionNumber: 0\n`,
    'config file validation failed: extraPartitionNumber "0" is not a GPT partition number; it needs 1 to 128',
  ],
];

for (const [what, content, message] of refused) {
  await test(`${what} is refused with one clear error`, async () => {
    assert.throws(
      () => parse(content),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.equal(error.message, message);
        assert.ok(error.next !== undefined);
        return true;
      },
    );
  });
}

await test("an unknown key in a file of the installer's is a warning, so that a newer installer does not stop an older ibi", async () => {
  assert.deepEqual(parse(`${good}colour: blue\n`, 'warn').warnings, ['ibi.yaml: unknown key "colour"; ignored']);
});

await test('a missing and an unnamed file are told apart', async () => {
  await assert.rejects(readIbiConfig({ ...options, file: '' }), { message: 'configuration file is required' });
  await assert.rejects(readIbiConfig({ ...options, file: '/nonexistent/x.yaml' }), {
    message: 'configuration file /nonexistent/x.yaml does not exist',
  });
  await assert.rejects(readIbiConfig({ ...options, file: '/' }), { message: 'failed to read config file /: EISDIR' });
});
