/**
 * Writes a new value over an escaped spelling of the old one, touching only what differs: the ends that both values share keep
 * their source text. So a document whose author escaped more, less or otherwise than we would differs only where it must.
 */

/** An escaped text, decoded. `sourceAt(i)` is where the source of code unit `i` begins; `sourceAt(value.length)` is the end. */
export type Decoded = { readonly value: string; readonly sourceAt: (unit: number) => number };

/** A text in which every unit stands for itself. */
export function verbatim(source: string): Decoded {
  return { value: source, sourceAt: (unit) => unit };
}

/** The source with the value replaced; `spell` writes the part that is new. */
export function respell(source: string, decoded: Decoded, value: string, spell: (part: string) => string): string {
  const old = decoded.value;
  const shorter = Math.min(old.length, value.length);
  let head = 0;
  while (head < shorter && old.charCodeAt(head) === value.charCodeAt(head)) head += 1;
  // Half a surrogate pair may be escaped and the other half not: a pair is never cut.
  if (head > 0 && head < Math.max(old.length, value.length) && isHighSurrogate(old.charCodeAt(head - 1))) head -= 1;
  let tail = 0;
  while (tail < shorter - head && old.charCodeAt(old.length - 1 - tail) === value.charCodeAt(value.length - 1 - tail)) tail += 1;
  if (tail > 0 && isLowSurrogate(old.charCodeAt(old.length - tail))) tail -= 1;
  const middle = value.slice(head, value.length - tail);
  return source.slice(0, decoded.sourceAt(head)) + (middle === '' ? '' : spell(middle)) + source.slice(decoded.sourceAt(old.length - tail));
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
