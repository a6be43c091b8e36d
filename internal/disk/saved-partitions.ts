import { UsageError } from '../errors/errors.ts';
import type { Partition, PartitionTable } from './partitions.ts';

/** What coreos-installer was told to keep. */
export type SavedFilter = {
  /** Globs over the partition label: `*`, `?`, `[…]`, `[!…]`. */
  readonly labels: readonly string[];
  /** Ranges of partition numbers, both ends included. */
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
};

/**
 * Reads `--save-partlabel` and `--save-partindex` the way coreos-installer does: as `--name value` or `--name=value`, repeated,
 * or several in one value separated by commas. What it would refuse only after our clean-up is refused here, before it.
 *
 * @throws UsageError for a value it would refuse, and for a configuration file, in which we cannot see what is to be kept
 */
export function savedFilter(coreosInstallerArgs: readonly string[]): SavedFilter {
  const configFile = coreosInstallerArgs.find(
    (arg) => arg === '--config-file' || arg.startsWith('--config-file=') || /^-c/.test(arg),
  );
  if (configFile !== undefined) {
    throw new UsageError(
      'coreosInstallerArgs names a configuration file, which may keep partitions that our clean-up cannot see; give its options as arguments',
    );
  }
  return {
    labels: valuesOf(coreosInstallerArgs, '--save-partlabel'),
    ranges: valuesOf(coreosInstallerArgs, '--save-partindex').map(parseRange),
  };
}

/** The partitions of a table that are kept, in order of number. */
export function savedPartitions(filter: SavedFilter, table: PartitionTable | undefined): Partition[] {
  const patterns = filter.labels.map(globToRegExp);
  return (table?.partitions ?? []).filter(
    (partition) =>
      patterns.some((pattern) => partition.label !== undefined && pattern.test(partition.label)) ||
      filter.ranges.some(({ from, to }) => partition.number >= from && partition.number <= to),
  );
}

/** True when something was asked to be kept, whether or not it is there. */
export function keepsSomething(filter: SavedFilter): boolean {
  return filter.labels.length + filter.ranges.length > 0;
}

function valuesOf(args: readonly string[], option: string): string[] {
  const values: string[] = [];
  for (const [index, arg] of args.entries()) {
    if (arg.startsWith(`${option}=`)) values.push(...arg.slice(option.length + 1).split(','));
    if (arg !== option) continue;
    const value = args[index + 1];
    if (value === undefined) throw new UsageError(`coreosInstallerArgs ends with "${option}" and no value`);
    values.push(...value.split(','));
  }
  return values.filter((value) => value !== '');
}

function parseRange(text: string): { from: number; to: number } {
  const [, first, dash, last] = /^(\d*)(-?)(\d*)$/.exec(text) ?? [];
  if (first === undefined || (first === '' && (last === undefined || last === '')))
    throw new UsageError(`"${text}" in coreosInstallerArgs is not a partition number or range`);
  const from = first === '' ? 1 : Number(first);
  const to = dash === '' ? from : last === undefined || last === '' ? Number.MAX_SAFE_INTEGER : Number(last);
  if (from === 0 || to === 0) throw new UsageError(`"${text}" in coreosInstallerArgs: partition numbers begin with 1`);
  if (from > to) throw new UsageError(`"${text}" in coreosInstallerArgs: the range ends before it begins`);
  return { from, to };
}

function globToRegExp(glob: string): RegExp {
  const source = glob.replace(
    /\[(!?)([^\]]+)\]|[*?]|[\\^$.|+(){}[\]]/g,
    (token: string, not: string | undefined, set: string | undefined) => {
      if (token === '*') return '.*';
      if (token === '?') return '.';
      if (set !== undefined) return `[${not === '!' ? '^' : ''}${set.replace(/[\\^\]]/g, '\\$&')}]`;
      return `\\${token}`;
    },
  );
  return new RegExp(`^${source}$`, 's');
}
