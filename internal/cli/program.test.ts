import assert from 'node:assert/strict';
import { test } from 'tap';
import { seconds, text, truth, type Given } from './flags.ts';
import { action, commandOf, type Call, type Program } from './program.ts';

const flags = {
  file: text('-f, --file <file>', 'a file', '/etc/default', 'PROGRAM_FILE'),
  patience: seconds('--patience <seconds>', 'how long to wait', 600),
  force: truth('--force', 'do it'),
};

type Values = { file: string; patience: number; force: boolean };

/** Parses a command line, and gives back which action was called with which values. */
async function called(words: readonly string[], env: Record<string, string> = {}): Promise<[string, Values]> {
  let seen: [string, Values] | undefined;
  const note = (name: string) => (call: Call<Values>) => {
    seen = [name, call.values];
    return Promise.resolve(0);
  };
  const program: Program = {
    name: 'program',
    describes: 'Does something.',
    actions: {
      run: action({ says: 'do it (the default)', isDefault: true, flags, run: note('run') }),
      look: action({ says: 'look', argument: ['[where]', 'a place'], flags, run: note('look') }),
    },
  };
  const command = commandOf(program, async (_name, { start }, given: Readonly<Record<string, Given>>) => {
    await start({} as Call<unknown>, given, env); // nothing here looks at the rest of a call
  });
  await command.exitOverride().parseAsync([...words], { from: 'user' });
  assert.ok(seen);
  return seen;
}

await test('a bare call is the default action, with the defaults of its options', async () => {
  assert.deepEqual(await called([]), ['run', { file: '/etc/default', patience: 600, force: false }]);
  assert.deepEqual(await called(['-f', 'x', '--force']), ['run', { file: 'x', patience: 600, force: true }]);
});

await test('the environment gives what the command line does not; an empty variable gives nothing', async () => {
  assert.equal((await called(['look'], { PROGRAM_FILE: '/from/env' }))[1].file, '/from/env');
  assert.equal((await called(['look', '-f', 'y'], { PROGRAM_FILE: '/from/env' }))[1].file, 'y');
  assert.equal((await called(['look'], { PROGRAM_FILE: '' }))[1].file, '/etc/default');
});

await test('a number that is none is named with its option', async () => {
  for (const [given, shown] of [
    ['soon', 'soon'],
    ['', ''],
    ['-3', '-3'],
  ] as const)
    await assert.rejects(called([`--patience=${given}`]), {
      message: `--patience "${shown}" is not a number of seconds`,
      exitCode: 2,
    });
  assert.equal((await called(['--patience', '0.5']))[1].patience, 0.5);
});
