import assert from 'node:assert/strict';
import { test } from 'tap';
import { Failure, UsageError } from '../errors/errors.ts';
import type { Partition, PartitionTable } from './partitions.ts';
import { freeSpaces, parseSize, parseStart, startSector } from './start.ts';

const gibibyte = 1024 ** 3;

function partition(number: number, startSector: number, sectors: number): Partition {
  return { number, startSector, sectors, sizeBytes: sectors * 512, type: 'X' };
}

/** A 100 GiB disk with an image of 4 GiB at its beginning. */
const table: PartitionTable = {
  kind: 'gpt',
  sectorBytes: 512,
  firstSector: 2048,
  lastSector: 209_715_166,
  partitions: [partition(1, 2048, 2048), partition(4, 4096, 8_388_608 - 4096)],
};

test('startSector()', async (t) => {
  const cases: [string, number, number, number][] = [
    // worked examples of the reference: disk bytes, sector bytes, start → sector
    ['-40G', 512_110_190_592, 512, 916_328_448],
    ['-40G', 512_110_190_592, 4096, 114_541_056],
    ['-40G', 107_374_182_400, 512, 125_829_120],
    ['-40.5GiB', 107_374_182_400, 512, (107_374_182_400 - 40.5 * gibibyte) / 512],
    ['120G', 512_110_190_592, 512, (120 * gibibyte) / 512],
    ['120G', 512_110_190_592, 4096, (120 * gibibyte) / 4096],
    ['120GiB', 512_110_190_592, 512, (120 * gibibyte) / 512],
    // what sfdisk makes of the others, see extra-partition.host.test.ts
    ['120Gb', 512_110_190_592, 512, 120e9 / 512],
    ['251658240', 512_110_190_592, 512, 251_658_240],
    ['+251658240', 512_110_190_592, 512, 251_658_240],
    ['+4G', 107_374_182_400, 512, (4 * gibibyte) / 512],
    ['+4G', 107_374_182_400, 4096, (4 * gibibyte) / 4096],
    ['0', 107_374_182_400, 512, 8_388_608],
    ['+0', 107_374_182_400, 512, 8_388_608],
    ['-40GB', 107_374_182_400, 512, 125_829_120],
    ['-1P', 2 * 1024 ** 5, 512, 1024 ** 5 / 512],
  ];
  for (const [text, sizeBytes, sectorBytes, sector] of cases) {
    await t.test(`"${text}" on ${sizeBytes} bytes in ${sectorBytes}-byte sectors is sector ${sector}`, async () => {
      assert.equal(startSector(parseStart(text), { sizeBytes, sectorBytes }, table), sector);
    });
  }

  await t.test('says that the partition is larger than the disk, in the words of the reference', async () => {
    assert.throws(
      () => startSector(parseStart('-40G'), { sizeBytes: 21_474_836_480, sectorBytes: 512 }, table),
      (error: unknown) =>
        error instanceof Failure &&
        error.message ===
          'failed to calculate start position for negative start -40G: partition size 40G is larger than disk size',
    );
  });

  await t.test('refuses a sector size of nothing, in the words of the reference', async () => {
    assert.throws(
      () => startSector(parseStart('-40G'), { sizeBytes: 1, sectorBytes: 0 }, table),
      /invalid sector size 0: must be greater than zero/,
    );
  });

  await t.test('knows a place on a disk that has no table yet', async () => {
    assert.equal(startSector(parseStart('0'), { sizeBytes: 107_374_182_400, sectorBytes: 4096 }, undefined), 256);
  });

  await t.test('takes the largest free space for "0", also when it is not the last', async () => {
    const kept = { ...table, partitions: [...table.partitions, partition(6, 180_000_000, 1_000_000)] };
    assert.equal(startSector(parseStart('0'), { sizeBytes: 107_374_182_400, sectorBytes: 512 }, kept), 8_388_608);
    assert.deepEqual(
      freeSpaces(kept).map((space) => space.startSector),
      [8_388_608, 181_000_000],
    );
  });
});

test('parseStart()', async (t) => {
  for (const text of [
    '',
    'G',
    '-',
    '-G',
    '+',
    '++4G',
    '+-4G',
    '-+4G',
    '40X',
    '4 0G',
    '-40GG',
    '40iB',
    '1e3',
    '-40G ;',
    '0x10',
  ]) {
    await t.test(`refuses "${text}"`, async () => {
      assert.throws(
        () => parseStart(text),
        (error: unknown) =>
          error instanceof UsageError &&
          error.message.includes(`invalid size format: ${text.trim().replace(/^[-+]/, '')}`),
      );
    });
  }

  await t.test('reads every unit as a power of 1024, in both cases', async () => {
    assert.deepEqual(
      ['512', '1K', '1kb', '1KiB', '1m', '1G', '1T', '1P'].map((text) => parseSize(text)),
      [512, 1024, 1024, 1024, 1024 ** 2, 1024 ** 3, 1024 ** 4, 1024 ** 5],
    );
    assert.deepEqual(
      ['1KB', '1kb', '1KiB', '1m', '1.5GB'].map((text) => parseSize(text, { decimalBytes: true })),
      [1000, 1000, 1024, 1024 ** 2, 1.5e9],
    );
  });
});
