/**
 * Writes a new value over an escaped spelling of the old one, touching only what differs: the ends that both values share keep
 * their source text. So a document whose author escaped more, less or otherwise than we would differs only where it must.
 */

/** An escaped text, decoded. `sourceAt(i)` is where the source of code unit `i` begins; `sourceAt(value.length)` is the end. */
export type Decoded = { readonly value: string; readonly sourceAt: (unit: number) => number };

/** One changed stretch: `[start, end)` of the old value becomes `text`. */
export type Hunk = { readonly start: number; readonly end: number; readonly text: string };

/** A text in which every unit stands for itself. */
export function verbatim(source: string): Decoded {
  return { value: source, sourceAt: (unit) => unit };
}

/** The source with the value replaced; `spell` writes the part that is new. */
export function respell(source: string, decoded: Decoded, value: string, spell: (part: string) => string): string {
  return respellHunks(source, decoded, [{ start: 0, end: decoded.value.length, text: value }], spell);
}

/** The source with some stretches of the value replaced; what stands between them keeps its source. */
export function respellHunks(
  source: string,
  decoded: Decoded,
  hunks: readonly Hunk[],
  spell: (part: string) => string,
): string {
  let written = '';
  let at = 0;
  for (const hunk of inOrder(hunks)) {
    const { start, end, text } = trimmed(decoded.value, hunk);
    written += source.slice(at, decoded.sourceAt(start)) + (text === '' ? '' : spell(text));
    at = decoded.sourceAt(end);
  }
  return written + source.slice(at);
}

/** A text with some stretches replaced as they are. */
export function splice(text: string, hunks: readonly Hunk[]): string {
  return respellHunks(text, verbatim(text), hunks, (part) => part);
}

export function inOrder(hunks: readonly Hunk[]): Hunk[] {
  return hunks.toSorted((one, other) => one.start - other.start);
}

/** A hunk of a value without the ends that old and new have in common. */
export function trimmed(value: string, { start, end, text }: Hunk): Hunk {
  const shorter = Math.min(end - start, text.length);
  const longer = Math.max(end - start, text.length);
  let head = 0;
  while (head < shorter && value.charCodeAt(start + head) === text.charCodeAt(head)) head += 1;
  // Half a surrogate pair may be escaped and the other half not: a pair is never cut.
  if (head > 0 && head < longer && isHighSurrogate(value.charCodeAt(start + head - 1))) head -= 1;
  let tail = 0;
  while (tail < shorter - head && value.charCodeAt(end - 1 - tail) === text.charCodeAt(text.length - 1 - tail))
    tail += 1;
  if (tail > 0 && isLowSurrogate(value.charCodeAt(end - tail))) tail -= 1;
  return { start: start + head, end: end - tail, text: text.slice(head, text.length - tail) };
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
