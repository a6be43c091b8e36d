import assert from 'node:assert/strict';
import { test } from 'tap';
import { UsageError } from '../errors/errors.ts';
import type { PartitionTable } from './partitions.ts';
import { savedFilter, savedPartitions } from './saved-partitions.ts';

const table: PartitionTable = {
  kind: 'gpt',
  sectorBytes: 512,
  firstSector: 2048,
  lastSector: 9999,
  partitions: ['boot', 'root', 'data', 'data.2', undefined].map((label, index) => ({
    number: index + 3,
    startSector: 0,
    sectors: 1,
    sizeBytes: 512,
    type: 'X',
    ...(label === undefined ? {} : { label }),
  })),
};

function kept(...args: string[]): number[] {
  return savedPartitions(savedFilter(args), table).map((partition) => partition.number);
}

test('saved partitions', async (t) => {
  await t.test('are none without an option', async () => assert.deepEqual(kept('--append-karg', 'a=1'), []));
  await t.test('are told by label', async () => assert.deepEqual(kept('--save-partlabel', 'data'), [5]));
  await t.test('are told by label in one word', async () => assert.deepEqual(kept('--save-partlabel=data'), [5]));
  await t.test('are told by glob', async () => assert.deepEqual(kept('--save-partlabel', 'da*'), [5, 6]));
  await t.test('are told by a glob with a set and a question mark', async () =>
    assert.deepEqual(kept('--save-partlabel', '[br]oo?'), [3, 4]),
  );
  await t.test('take a dot in a label as a dot', async () =>
    assert.deepEqual(kept('--save-partlabel', 'data.2', '--save-partlabel', 'r.ot'), [6]),
  );
  await t.test('are told by several labels in one value', async () =>
    assert.deepEqual(kept('--save-partlabel', 'boot,root'), [3, 4]),
  );
  await t.test('are told by number', async () => assert.deepEqual(kept('--save-partindex', '6'), [6]));
  await t.test('are told by ranges, open ones among them', async () =>
    assert.deepEqual(kept('--save-partindex', '-4', '--save-partindex=7-'), [3, 4, 7]),
  );
  await t.test('are told by numbers in one value', async () =>
    assert.deepEqual(kept('--save-partindex', '3,5-6'), [3, 5, 6]),
  );

  for (const [value, message] of [
    ['0', '"0" in coreosInstallerArgs: partition numbers begin with 1'],
    ['9-7', '"9-7" in coreosInstallerArgs: the range ends before it begins'],
    ['x', '"x" in coreosInstallerArgs is not a partition number or range'],
    ['-', '"-" in coreosInstallerArgs is not a partition number or range'],
  ] as const) {
    await t.test(`refuse the number ${value} before anything is wiped`, async () =>
      assert.throws(() => savedFilter(['--save-partindex', value]), new UsageError(message)),
    );
  }

  await t.test('refuse an option without value', async () =>
    assert.throws(
      () => savedFilter(['--save-partlabel']),
      new UsageError('coreosInstallerArgs ends with "--save-partlabel" and no value'),
    ),
  );

  for (const arg of ['-c', '-cx.yaml', '--config-file', '--config-file=x.yaml']) {
    await t.test(`refuse a configuration file (${arg}), in which they could hide`, async () =>
      assert.throws(() => savedFilter([arg, 'x.yaml']), /names a configuration file, which may keep partitions/),
    );
  }
});
