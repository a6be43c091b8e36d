import assert from 'node:assert/strict';
import { textsOnDisk } from './disks.ts';
import type { Installation } from './live-boot.ts';
import type { Proof } from './proof.ts';
import { sectionOf } from './sections.ts';
import type { Stage } from './stage.ts';

/** What is true of every installation that has succeeded. */
export function assertInstalled(installation: Installation): void {
  const block = installation.console
    .split('\n')
    .filter((line) => /\bibi\b/.test(line))
    .slice(-25)
    .join('\n');
  assert.equal(`${installation.result} ${String(installation.exitCode)}`, 'success 0', block);
  assert.match(sectionOf(installation.sections, 'journal'), /ibi.*: finished in /);
}

/** What is true of every disk that was installed, whatever lies between the first attempt and the last. */
export function assertBaseline({ seed }: Stage, { lane, sections }: Proof): void {
  const told = (name: string): string => sectionOf(sections, name);
  assert.match(
    told('status'),
    new RegExp(`^\\* ${seed.stateroot} ${seed.commit}\\.0$`, 'm'),
    'boots the commit of the seed in its stateroot',
  );
  assert.deepEqual(told('stateroots').split('\n'), [seed.stateroot], 'no stateroot of the stock OS');
  const [options = '', ...more] = told('entries')
    .split('\n')
    .filter((line) => line.startsWith('options '));
  assert.deepEqual(more, [], 'one boot entry');
  // quotes are asserted here: the boot loader strips them, so /proc/cmdline cannot know
  for (const argument of seed.kernelArguments)
    assert.ok(` ${options} `.includes(` ${argument} `), `kernel argument ${argument} in: ${options}`);
  assert.deepEqual(told('markers').split('\n'), ['seed-os', 'etc-of-the-seed', 'var-of-the-seed']);
  assert.match(told('deleted'), /No such file/, 'etc.deletions applied');
  assert.equal(told('absent'), '', 'images of containers.list that are absent');
  assert.equal(told('failed'), '', 'failed units');
  assert.match(told('seed-data'), /manifest\.json/);
  // a container's storage is bound in from outside: there partition 5 is what the lane has mounted
  if (lane !== 'nspawn') assert.match(told('mounts'), /^\/var\/lib\/containers \/dev\/vda5 xfs .*prjquota/m);
}

/** No secret in anything that a person reads, sends to support or ships with the disk. */
export async function assertNoCanary(
  stage: Stage,
  where: { installations: readonly Installation[]; proof?: Proof },
): Promise<void> {
  const texts = new Map<string, string>();
  for (const [index, { console, sections }] of where.installations.entries()) {
    texts.set(`console of installation ${String(index + 1)}`, console);
    for (const [name, text] of sections) texts.set(`"${name}" of installation ${String(index + 1)}`, text);
  }
  if (where.proof !== undefined) {
    texts.set('console of the installed host', where.proof.console);
    for (const [name, text] of where.proof.sections) texts.set(`"${name}" of the installed host`, text);
  }
  for (const [name, text] of texts)
    for (const canary of stage.canaries) assert.ok(!text.includes(canary), `canary ${canary} in ${name}`);
  assert.deepEqual(await textsOnDisk(stage.target.file, stage.canaries), [], 'canaries on the target disk');
}
