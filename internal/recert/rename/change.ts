import { trimmed } from '../../edit/respell.ts';

/** One value that differs, for a person: where, what it was, what it is. Undefined: nothing stands there. Free of secrets. */
export type Note = { readonly path: string; readonly before: string | undefined; readonly after: string | undefined };

/** What a step does to one document. `name` is the etcd key or the path. A file moves within its folder only. */
export type Change = { readonly in: 'etcd' | 'file'; readonly name: string; readonly notes: readonly Note[] } & (
  | { readonly kind: 'changed'; readonly after: Uint8Array }
  | { readonly kind: 'moved'; readonly to: string; readonly after: Uint8Array }
  | { readonly kind: 'removed' }
);

/** A note of a value: both sides, or of long texts what differs with a little of what is around it. */
export function noteOf(path: string, before: unknown, after: unknown): Note {
  const [old, fresh] = [textOf(before), textOf(after)].map((text) =>
    text?.includes('\n') === true ? sizeOf(text) : text,
  );
  if (old === undefined || fresh === undefined)
    return {
      path,
      before: old === undefined ? undefined : shortened(old),
      after: fresh === undefined ? undefined : shortened(fresh),
    };
  if (Math.max(old.length, fresh.length) <= longest) return { path, before: old, after: fresh };
  const hunk = trimmed(old, { start: 0, end: old.length, text: fresh });
  const [start, end] = [Math.max(0, hunk.start - context), Math.max(0, old.length - hunk.end - context)];
  const piece = (text: string): string =>
    shortened(`${start === 0 ? '' : '…'}${text.slice(start, text.length - end)}${end === 0 ? '' : '…'}`);
  return { path, before: piece(old), after: piece(fresh) };
}

/** A secret that changes. */
export function hiddenNote(path: string, before: unknown, after: unknown): Note {
  return { path, before: before === undefined ? undefined : hidden, after: after === undefined ? undefined : hidden };
}

/** Lines of a text that differ, each as a note. A text that gains or loses lines is one note. */
export function noteLines(path: string, before: string, after: string): Note[] {
  const [old, fresh] = [before.split('\n'), after.split('\n')];
  if (old.length !== fresh.length || isBundle(before) || isBundle(after))
    return [{ path, before: sizeOf(before), after: sizeOf(after) }];
  if (old.length <= 2) return [noteOf(path, before.trimEnd(), after.trimEnd())];
  return old.flatMap((line, index): Note[] =>
    line === fresh[index]
      ? []
      : [noteOf(`${path}${path === '' ? '' : ' '}line ${index + 1}`, line.trim(), fresh[index]?.trim())],
  );
}

/** Of certificates nobody reads the lines. */
const isBundle = (text: string): boolean => text.includes('-----BEGIN CERTIFICATE-----');

function sizeOf(text: string): string {
  const [lines, certificates] = [text.split('\n').length, text.split('-----BEGIN CERTIFICATE-----').length - 1];
  return `text of ${lines} lines${certificates === 0 ? '' : `, ${certificates} certificates`}`;
}

const hidden = '(hidden)';
const longest = 120;
const context = 24;

/** Text as a note shows it: without the user and password of an address, a proxy's for example. */
function textOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replace(/:\/\/[^/@\s]+@/g, '://(hidden)@');
}

function shortened(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}… (${text.length} characters)` : text;
}
