/**
 * PEM blocks among any text (RFC 7468 and what people make of it). Works on text in which one character is one byte (Latin-1), so
 * that comments in any encoding pass through unread.
 */
export type PemBlock = {
  /** The words of the BEGIN line, as found; what the block holds is told by its content (room `pki`). */
  readonly tag: string;
  /** The DER; undefined when the block is broken: unlike END, not base64, or encrypted by headers. */
  readonly der: Uint8Array | undefined;
  /** Where BEGIN begins and END ends. */
  readonly start: number;
  readonly end: number;
  /** The base64 with its line breaks, headers not included. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
};

const begin = /(?<!-)-----BEGIN ([^\r\n-]*(?:-[^\r\n-]+)*)-----/g;
/** RFC 1421 headers. A line has one way to match (names are not indented, continuations are), so no text makes this slow. */
const headers = /^[ \t]*\r?\n(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n(?:[ \t]+[^\n]*\n)*)+[ \t]*\r?\n/;

/** All blocks, broken ones included so that an index means the same block whatever becomes readable. */
export function pemBlocksIn(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  begin.lastIndex = 0;
  let closing = -1;
  for (;;) {
    const opening = begin.exec(text);
    if (opening === null) return blocks;
    const tag = opening[1] ?? '';
    const after = opening.index + opening[0].length;
    if (closing < after) closing = text.indexOf('-----END ', after); // found once, however many blocks are cut off before it
    if (closing < 0) return blocks; // no later block can end either
    // A block that is cut off is not allowed to swallow the next one.
    if (text.slice(after, closing).includes('-----BEGIN ')) continue;
    const lastDashes = text.indexOf('-----', closing + 9);
    const end = lastDashes < 0 ? text.length : lastDashes + 5;
    const bodyStart = after + (headers.exec(text.slice(after, closing))?.[0].length ?? 0);
    const whole = text.slice(closing, end) === `-----END ${tag}-----` && bodyStart === after;
    blocks.push({
      tag,
      der: whole ? derOf(text.slice(bodyStart, closing)) : undefined,
      start: opening.index,
      end,
      bodyStart,
      bodyEnd: closing,
    });
    begin.lastIndex = end;
  }
}

function derOf(body: string): Uint8Array | undefined {
  const base64 = body.replace(/\s+/g, '');
  // One class and a length: a pattern of groups of four costs more than the decoding.
  return base64.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(base64)
    ? new Uint8Array(Buffer.from(base64, 'base64'))
    : undefined;
}

/**
 * Base64 laid out as the old one was: line i is as long as old line i, further lines as the longest. Blanks before, between and
 * after the lines are those found. One line that is not longer than `usual` tells nothing of the width, which is then `usual`.
 */
export function rewrapped(old: string, base64: string, usual: number): string {
  const parts = old.split(/(\s+)/); // blanks (maybe empty), line, blanks, line, …, blanks
  const lead = parts[0] === '' ? (parts[1] ?? '') : '';
  const lines = parts.filter((part, at) => at % 2 === 0 && part !== '');
  const breaks = parts
    .filter((part, at) => at % 2 === 1 && part !== '')
    .slice(lead === '' ? 0 : 1, lines.length - 1 + (lead === '' ? 0 : 1));
  const trail = lines.length === 0 ? '' : (/\s*$/.exec(old)?.[0] ?? '');
  const longest =
    lines.length < 2
      ? widthOfOneLine(lines[0] ?? '', usual)
      : Math.max(...lines.slice(0, -1).map((line) => line.length));
  const between = breaks.at(-1) ?? (lead === '' ? '\n' : lead);
  let written = lead;
  for (let at = 0, line = 0; at < base64.length; line += 1) {
    const width = line < lines.length - 1 ? (lines[line]?.length ?? longest) : longest;
    if (line > 0) written += breaks[line - 1] ?? between;
    written += base64.slice(at, at + width);
    at += width;
  }
  return written + trail;
}

function widthOfOneLine(line: string, usual: number): number {
  return line.length > usual ? Number.MAX_SAFE_INTEGER : usual;
}
