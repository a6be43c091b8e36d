import { Failure } from '../errors/errors.ts';
import { fromUtf8 } from './characters.ts';
import type { Habit } from './json-string.ts';
import { encodeJsonString, habitOf } from './json-string.ts';
import { indentAt, layoutAt, separatorIn, spelled, spelledMember } from './json-layout.ts';
import type { FieldPath, JsonToken } from './json.ts';
import { jsonKeysAt, jsonRoot, jsonStringAt, jsonTokenAt, respellJson } from './json.ts';
import { orderAfterRename, placeOf } from './structure.ts';
import type { Structure } from './structure.ts';
import type { Plain } from './tree.ts';

/** What a document of a known kind adds to the reading of its JSON. */
export type JsonReading = Pick<Structure, 'subject' | 'inJson'> & {
  /** What the string at a path says. */
  readonly textOf: (path: FieldPath, written: string) => string | undefined;
};

export const plainJson: JsonReading = {
  subject: 'the text',
  inJson: (_path, value) => value,
  textOf: (_path, written) => written,
};

/** A valid JSON text, edited by spans. What stands keeps its bytes; what is new is laid out as its neighbours are. */
export function jsonStructure(text: string, reading: JsonReading): Structure {
  let read: JsonToken | undefined;
  let found: Habit | undefined;
  const root = (): JsonToken => (read ??= jsonRoot(text));
  const habit = (): Habit => (found ??= habitOf(text));
  const edited = (fresh: string): Structure => jsonStructure(fresh, reading);
  const tokenAt = (path: FieldPath): JsonToken => {
    const token = jsonTokenAt(root(), path);
    if (token === undefined) throw new Failure(`${reading.subject} has nothing at "${path.join('/')}"`);
    return token;
  };
  const spliced = (start: number, end: number, piece: string): Structure =>
    edited(text.slice(0, start) + piece + text.slice(end));

  /** Replaces some of a container's members, one of them at least on one of the two sides. */
  const replaceMembers = (
    path: FieldPath,
    from: number,
    to: number,
    write: (indent: string) => readonly string[],
  ): Structure => {
    const token = tokenAt(path);
    const members = token.members();
    const layout = layoutAt(text, root(), path);
    const [first, last, next, before] = [members[from], members[to - 1], members[to], members[from - 1]];
    if (members.length === 0) {
      const outer = indentAt(text, token.start);
      const lines = layout.unit !== undefined;
      const pieces = write(outer + (layout.unit ?? ''));
      const line = layout.lineEnd + outer + (layout.unit ?? '');
      return spliced(
        token.start + 1,
        token.end - 1,
        lines ? line + pieces.join(`,${line}`) + layout.lineEnd + outer : pieces.join(layout.comma),
      );
    }
    const separator = separatorIn(text, token, layout);
    const pieces = write(indentAt(text, members[0]?.start ?? token.start));
    if (from < to && pieces.length > 0)
      return spliced(first?.start ?? token.start, last?.value.end ?? token.end, pieces.join(separator));
    if (from < to && before === undefined && next === undefined) return spliced(token.start + 1, token.end - 1, '');
    if (from < to)
      return next === undefined
        ? spliced(before?.value.end ?? 0, last?.value.end ?? 0, '')
        : spliced(first?.start ?? 0, next.start, '');
    return first !== undefined
      ? spliced(first.start, first.start, pieces.map((piece) => piece + separator).join(''))
      : spliced(before?.value.end ?? 0, before?.value.end ?? 0, pieces.map((piece) => separator + piece).join(''));
  };
  const write =
    (value: Plain, path: FieldPath) =>
    (indent: string): string =>
      spelled(value, layoutAt(text, root(), path), indent, habit());

  return {
    subject: reading.subject,
    inJson: reading.inJson,
    bytes: () => {
      const bytes = fromUtf8(text);
      if (bytes === undefined) throw new Failure(`${reading.subject} cannot be written as UTF-8`);
      return bytes;
    },
    at: (path) => {
      const token = jsonTokenAt(root(), path);
      return token === undefined ? undefined : (JSON.parse(text.slice(token.start, token.end)) as Plain); // a token of valid JSON is valid JSON
    },
    textAt: (path) => {
      const written = jsonStringAt(text, root(), path);
      return written === undefined ? undefined : reading.textOf(path, written);
    },
    keysAt: (path) => jsonKeysAt(root(), path),
    shapeAt: (path) => {
      const type = jsonTokenAt(root(), path)?.type;
      return type === undefined ? undefined : type === 'object' ? 'map' : type === 'array' ? 'list' : 'leaf';
    },
    replace: (path, value) => {
      const old = tokenAt(path);
      if (old.type === 'string' && typeof value === 'string')
        return spliced(old.start + 1, old.end - 1, respellJson(text.slice(old.start + 1, old.end - 1), value, text));
      const keepsLayout = old.members().length > 0 && Array.isArray(value) === (old.type === 'array');
      return spliced(
        old.start,
        old.end,
        write(value, keepsLayout ? path : path.slice(0, -1))(indentAt(text, old.start)),
      );
    },
    replaceItems: (list, from, to, items) =>
      replaceMembers(list, from, to, (indent) => items.map((item) => write(item, list)(indent))),
    add: (path, value) => {
      const [parent, name] = [path.slice(0, -1), String(path.at(-1))];
      const at = placeOf(
        name,
        tokenAt(parent)
          .members()
          .map((member) => String(member.name)),
      );
      return replaceMembers(parent, at, at, (indent) => [
        spelledMember(name, value, layoutAt(text, root(), parent), indent, habit()),
      ]);
    },
    drop: (path) => {
      const [parent, name] = [path.slice(0, -1), String(path.at(-1))];
      const at = tokenAt(parent)
        .members()
        .findLastIndex((member) => member.name === name);
      const without = replaceMembers(parent, at, at + 1, () => []);
      return without.shapeAt(path) === undefined ? without : without.drop(path); // an earlier one of the same name must not show through
    },
    rename: (path, name) => {
      const [parent, old] = [path.slice(0, -1), String(path.at(-1))];
      const members = tokenAt(parent).members();
      const written = members.map((member) => {
        const source = text.slice(member.start, member.value.end);
        const quote = text.slice(member.start, member.value.start).lastIndexOf('"');
        return member.name === old ? `"${encodeJsonString(name, habit())}${source.slice(quote)}` : source;
      });
      const order = orderAfterRename(
        members.map((member) => String(member.name)),
        old,
        name,
      );
      // Members change places, what stands between them stays: so the way back gives the same bytes.
      const pieces = members.flatMap((member, at) => [
        text.slice(members[at - 1]?.value.end ?? 0, member.start),
        written[order[at] ?? at] ?? '',
      ]);
      return edited(pieces.join('') + text.slice(members.at(-1)?.value.end));
    },
  };
}
