import type { Decoded } from './respell.ts';
import { verbatim } from './respell.ts';

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Decodes the inside of a JSON string token (without its quotes), which must be valid. */
export function decodeJsonString(source: string): Decoded {
  if (!source.includes('\\')) return verbatim(source);
  const starts: number[] = [];
  const units: string[] = [];
  for (let at = 0; at < source.length;) {
    starts.push(at);
    const unit = source.charAt(at);
    if (unit !== '\\') {
      units.push(unit);
      at += 1;
      continue;
    }
    const letter = source.charAt(at + 1);
    units.push(
      letter === 'u'
        ? String.fromCharCode(Number.parseInt(source.slice(at + 2, at + 6), 16))
        : (shortEscapes[letter] ?? letter),
    );
    at += letter === 'u' ? 6 : 2;
  }
  starts.push(source.length);
  return { value: units.join(''), sourceAt: (unit) => starts[unit] ?? source.length };
}

/** Whether `<`, `>` and `&` are escaped: Go's encoder does so unless it is told not to, most others never do. */
export type Habit = 'go' | 'plain';

/**
 * The habit of a document's writer, told by what stands in it. A document that shows neither is taken for Go's: nearly all JSON
 * of a cluster is, and an operator that compares texts compares with Go's.
 */
export function habitOf(text: string): Habit {
  return /[<>&]/.test(text) && !/\\u00(?:3[ce]|26)/i.test(text) ? 'plain' : 'go';
}

/** The inside of a JSON string token, spelled as Go's encoder spells it. */
export function encodeJsonString(value: string, habit: Habit): string {
  const special = habit === 'go' ? /["\\\u0000-\u001f<>&\u2028\u2029]/g : /["\\\u0000-\u001f\u2028\u2029]/g;
  return value.replace(special, (unit) => {
    switch (unit) {
      case '"':
        return '\\"';
      case '\\':
        return '\\\\';
      case '\b':
        return '\\b'; // Go before 1.22 wrote \u0008 and \u000c for these two; no text of ours holds them
      case '\f':
        return '\\f';
      case '\n':
        return '\\n';
      case '\r':
        return '\\r';
      case '\t':
        return '\\t';
      default:
        return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    }
  });
}
