import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootLive, type Installation } from '../live-boot.ts';
import type { Scenario } from '../scenario.ts';
import { resultsRoot, type Stage } from '../stage.ts';

/** What a person reads when the registry never answers; kept as failing-run.txt. Takes the ten minutes of ibi's patience. */
async function story(stage: Stage): Promise<Installation[]> {
  await using machine = await bootLive(stage, { name: 'live', network: false });
  await machine.waitFor(/details: +ibi gather/, 1_500_000);
  const console = machine.lines.map(({ text }) => text).join('\n');
  const lines = machine.lines.filter(({ text }) => /install-rhcos-and-restore-seed|ibi/.test(text));
  await writeFile(
    join(resultsRoot(), 'failing-run.txt'),
    lines.map(({ atMs, text }) => `${(atMs / 1000).toFixed(1).padStart(7)}  ${text}\n`).join(''),
  );
  for (const word of ['what:', 'why:', 'leaves: ', 'next:', 'details:'])
    assert.ok(console.includes(word), `the failure block has "${word}"`);
  assert.match(console, /leaves: +nothing on this machine was changed/);
  assert.match(console, /waiting|trying again|next attempt/, 'patience is not silent');
  return [{ result: 'exit-code', exitCode: 1, console, sections: new Map() }];
}

export const registryUnreachable: Scenario = {
  name: 'registry-unreachable',
  says: 'no registry at all: ibi waits, says so, gives up with a block that tells what to do',
  story,
  installs: false,
};
