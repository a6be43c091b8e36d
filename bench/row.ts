/** One line of the table: ours against the reference (or nothing) on the same data in the same run. */
export type Row = {
  readonly what: string;
  readonly ours: number;
  readonly reference?: number;
  readonly unit: 's' | 'ms' | 'MB' | '×';
  /** The project's promise, on the ratio when there is a reference, else on our number. */
  readonly limit?: number;
};

export const ratioOf = ({ ours, reference }: Row): number | undefined =>
  reference === undefined ? undefined : ours / reference;

export function holds(row: Row): boolean | undefined {
  return row.limit === undefined ? undefined : (ratioOf(row) ?? row.ours) <= row.limit;
}

/** The table as a person reads it; the same text serves a README. */
export function tableOf(rows: readonly Row[]): string {
  const number = (value: number | undefined, unit: string): string =>
    value === undefined ? '' : `${value.toFixed(value >= 100 ? 0 : 2)} ${unit}`;
  const cells = rows.map((row) => [
    row.what,
    number(row.ours, row.unit),
    number(row.reference, row.unit),
    ratioOf(row)?.toFixed(2) ?? '',
    row.limit === undefined ? '' : `≤ ${row.limit}${row.reference === undefined ? ` ${row.unit}` : ''}`,
    { true: 'yes', false: 'NO', undefined: '' }[String(holds(row)) as 'true' | 'false' | 'undefined'],
  ]);
  const heads = ['what', 'ours', 'reference', 'ratio', 'limit', 'holds?'];
  const widths = heads.map((head, column) => Math.max(head.length, ...cells.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  return [
    line(heads),
    `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`,
    ...cells.map(line),
  ].join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new Error('no values');
  return (low + high) / 2;
}
