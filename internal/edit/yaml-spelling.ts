import { parseDocument } from 'yaml';
import { encodeJsonString } from './json-string.ts';
import { isList } from './structure.ts';
import type { Plain } from './tree.ts';
import { dataOf } from './yaml.ts';

/** How a YAML document is laid out, told by what stands in it. */
export type YamlStyle = {
  /** What a map inside a map is indented by. */
  readonly unit: string;
  /** What the dashes of a list are indented by, from the name that bears the list. */
  readonly dash: string;
  readonly lineEnd: string;
};

/** One value as a line's rest or inside a flow collection; undefined for a collection with members. Strings with line breaks get double quotes. */
export function scalarText(value: Plain, inFlow: boolean): string | undefined {
  if (typeof value === 'string') return stringText(value, (plain) => isPlainString(plain, inFlow));
  if (typeof value === 'object' && value !== null)
    return isList(value) ? (value.length === 0 ? '[]' : undefined) : Object.keys(value).length === 0 ? '{}' : undefined;
  return JSON.stringify(value);
}

export function nameText(name: string, inFlow: boolean): string {
  return stringText(
    name,
    (plain) => isPlainString(plain, inFlow) && readsAlike(inFlow ? `{${plain}: 0}` : `${plain}: 0`, { [plain]: 0 }),
  );
}

/** True for a string that needs no quotes, for readers of YAML 1.2 and for Go's, who read `yes` and `0777` as 1.1 does. */
export function isPlainString(value: string, inFlow: boolean): boolean {
  return readsAlike(inFlow ? `[${value}]` : `- ${value}`, [value]);
}

/** A value in flow style, for a document whose flow collections are JSON or are not. */
export function flowText(value: Plain, isJson: boolean): string {
  const word = (text: string, name: boolean): string =>
    isJson ? `"${encodeJsonString(text, 'plain')}"` : ((name ? nameText(text, true) : scalarText(text, true)) ?? '');
  if (typeof value === 'string') return word(value, false);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map((item) => flowText(item, isJson)).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([name, member]) => `${word(name, true)}: ${flowText(member, isJson)}`)
    .join(', ')}}`;
}

/** The lines of a collection with members in block style, each with its indentation. */
export function blockLines(value: Plain, indent: string, style: YamlStyle): string[] {
  if (isList(value)) return value.flatMap((item) => itemLines(item, indent, style));
  return Object.entries(value ?? {}).flatMap(([name, member]) => memberLines(name, member as Plain, indent, style)); // a map: scalars are not asked for
}

export function itemLines(item: Plain, indent: string, style: YamlStyle): string[] {
  const block = literalLines(item, `${indent}-`, `${indent}  `);
  const scalar = scalarText(item, false);
  if (block !== undefined) return block;
  if (scalar !== undefined) return [`${indent}- ${scalar}`];
  const [first = '', ...rest] = blockLines(item, `${indent}  `, style);
  return [`${indent}- ${first.slice(indent.length + 2)}`, ...rest];
}

export function memberLines(name: string, member: Plain, indent: string, style: YamlStyle): string[] {
  const head = `${indent}${nameText(name, false)}:`;
  const block = literalLines(member, head, indent + style.unit);
  const scalar = scalarText(member, false);
  if (block !== undefined) return block;
  return scalar === undefined
    ? [head, ...blockLines(member, indent + (isList(member) ? style.dash : style.unit), style)]
    : [`${head} ${scalar}`];
}

/** A text of several lines as a literal block after a head; undefined for anything else. */
export function literalLines(value: Plain, head: string, indent: string): string[] | undefined {
  if (typeof value !== 'string' || !/[^\n]\n/.test(value) || /[^\P{Cc}\n]/u.test(value)) return undefined;
  const trailing = /\n*$/.exec(value)?.[0].length ?? 0;
  const sign = trailing === 0 ? '-' : trailing === 1 ? '' : '+';
  const digit = /^\n*[ ]/.test(value) ? String(indent.length - (/^ */.exec(head)?.[0].length ?? 0)) : '';
  const lines = (trailing === 0 ? value : value.slice(0, -1)).split('\n');
  return [`${head} |${digit}${sign}`, ...lines.map((line) => (line === '' ? '' : indent + line))];
}

function stringText(value: string, isSafe: (plain: string) => boolean): string {
  if (isSafe(value)) return value;
  return /[^\P{Cc}]/u.test(value) || value.includes('\ufeff')
    ? `"${encodeJsonString(value, 'plain')}"`
    : `'${value.replaceAll("'", "''")}'`;
}

/** Which spelling a value bears is the parser's word. */
function readsAlike(text: string, expected: unknown): boolean {
  if (/[^\P{Cc}]/u.test(text)) return false;
  return (['1.2', '1.1'] as const).every((version) => {
    const document = parseDocument(text, { version, logLevel: 'silent' });
    return (
      document.errors.length === 0 &&
      document.warnings.length === 0 &&
      JSON.stringify(dataOf(document)) === JSON.stringify(expected)
    );
  });
}
