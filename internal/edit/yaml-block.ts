import type { CST } from 'yaml';

/**
 * A literal block (`|`) with other content: same indent, same line ends, lines that both values share keep their source (blank
 * lines may hold blanks). The chomping sign changes only when the new value ends otherwise. A folded block becomes a literal one,
 * because a long line's old folds mean nothing for a new value.
 */
export function verbatimBlock(token: CST.BlockScalar, old: string, value: string): string | undefined {
  const header = token.props.map((part) => ('source' in part ? part.source : '')).join('');
  const body = token.source;
  const folded = header.includes('>');
  const eol = header.endsWith('\r\n') || body.includes('\r\n') ? '\r\n' : '\n';
  const indent = indentOf(body);
  if (indent === undefined || value === '') return undefined;

  const sourceLines = body.split('\n').map((line) => line.replace(/\r$/, ''));
  const [oldLines, newLines] = [linesOf(old), linesOf(value)];
  const shared = folded ? { head: 0, tail: 0 } : sharedLines(oldLines, newLines);
  const written = newLines.map((line, at) => {
    if (at < shared.head) return sourceLines[at] ?? indent + line;
    const fromEnd = newLines.length - at;
    if (fromEnd <= shared.tail) return sourceLines[oldLines.length - fromEnd] ?? indent + line;
    return line === '' ? '' : indent + line;
  });

  const newlines = trailingNewlines(value);
  const same = newlines === trailingNewlines(old) && !folded;
  const trail = same
    ? sourceLines
        .slice(oldLines.length)
        .map((line) => eol + line)
        .join('')
    : eol.repeat(Math.max(1, newlines));
  return withChomping(header.replace('>', '|'), same ? undefined : newlines) + written.join(eol) + trail;
}

function indentOf(body: string): string | undefined {
  return /^(?:[ \t]*\r?\n)*( *)[^ \r\n]/.exec(body)?.[1];
}

/** Lines without the newlines at the end. */
function linesOf(value: string): string[] {
  return value.replace(/\n+$/, '').split('\n');
}

function trailingNewlines(value: string): number {
  return (/\n*$/.exec(value)?.[0] ?? '').length;
}

function sharedLines(
  old: readonly string[],
  fresh: readonly string[],
): { readonly head: number; readonly tail: number } {
  const shorter = Math.min(old.length, fresh.length);
  let head = 0;
  while (head < shorter && old[head] === fresh[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === fresh.at(-1 - tail)) tail += 1;
  return { head, tail };
}

function withChomping(header: string, newlines: number | undefined): string {
  if (newlines === undefined) return header;
  const sign = newlines === 0 ? '-' : newlines === 1 ? '' : '+';
  return header.replace(/^(\|)([1-9]?)[+-]?([1-9]?)/, `$1$2$3${sign}`);
}
