import { utf8 } from '../../edit/characters.ts';
import { encodeJsonString } from '../../edit/json-string.ts';

/** A JSON string as Go's encoder writes it: `<`, `>`, `&` and the line separators escaped. */
export function goString(value: string): string {
  return `"${encodeJsonString(value, 'go')}"`;
}

/**
 * The same for bytes that should be UTF-8: Go writes `\ufffd` for each byte that belongs to no character, a decoder of the Web one for
 * a whole sequence cut off, so wrong bytes are looked at one by one.
 */
export function goBytesString(bytes: Uint8Array): string {
  const whole = utf8(bytes);
  if (whole !== undefined) return goString(whole);
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const character = utf8(bytes.subarray(at, at + lengthOf(bytes[at] ?? 0)));
    text += character === undefined ? '\\ufffd' : encodeJsonString(character, 'go');
    at += character === undefined ? 1 : lengthOf(bytes[at] ?? 0);
  }
  return `"${text}"`;
}

/** How many bytes a character has, by its first one. */
function lengthOf(first: number): number {
  return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}
