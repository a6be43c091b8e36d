/** One value that differs, for a person: where, what it was, what it is. Undefined: nothing stands there. Free of secrets. */
export type Note = { readonly path: string; readonly before: string | undefined; readonly after: string | undefined };

/** What a step does to one document. `name` is the etcd key or the path. A file moves within its folder only. */
export type Change = { readonly in: 'etcd' | 'file'; readonly name: string; readonly notes: readonly Note[] } & (
  | { readonly kind: 'changed'; readonly after: Uint8Array }
  | { readonly kind: 'moved'; readonly to: string; readonly after: Uint8Array }
  | { readonly kind: 'removed' }
);

const longest = 160;

/** A value as a note shows it. */
export function shown(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = withoutCredentials(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > longest ? `${text.slice(0, longest)}… (${text.length} characters)` : text;
}

/** The user and password of an address, a proxy's for example. */
function withoutCredentials(text: string): string {
  return text.replace(/:\/\/[^/@\s]+@/g, '://(hidden)@');
}

export const hidden = '(hidden)';

/** Lines of a text that differ, each as a note. A text that gains or loses lines is one note. */
export function noteLines(path: string, before: string, after: string): Note[] {
  const [old, fresh] = [before.split('\n'), after.split('\n')];
  if (old.length !== fresh.length) return [{ path, before: `text of ${old.length} lines`, after: `text of ${fresh.length} lines` }];
  return old.flatMap((line, index): Note[] => (line === fresh[index] ? [] : [{ path: `${path} line ${index + 1}`, before: shown(line.trim()), after: shown(fresh[index]?.trim()) }]));
}
