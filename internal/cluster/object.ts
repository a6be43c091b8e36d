import { isJsonMap as isMap, type Json, type JsonMap } from '../config/manifest-stream.ts';

export { isJsonMap as isMap, type Json, type JsonMap } from '../config/manifest-stream.ts';

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The value at a path of names; undefined where the path ends early. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((inner, name) => (isMap(inner) ? inner[name] : undefined), value);
}

/** The text at a path, or an empty one. */
export function textAt(value: Json | undefined, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
}

export function mapAt(value: Json | undefined, ...path: readonly string[]): JsonMap {
  const found = at(value, ...path);
  return isMap(found) ? found : {};
}

export function listAt(value: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path);
  return isList(found) ? found : [];
}

/** The texts of a list; what is none is left out. */
export function textsAt(value: Json | undefined, ...path: readonly string[]): string[] {
  return listAt(value, ...path).filter((item) => typeof item === 'string');
}

export const nameOf = (object: Json | undefined): string => textAt(object, 'metadata', 'name');
export const namespaceOf = (object: Json | undefined): string => textAt(object, 'metadata', 'namespace');
export const versionOf = (object: Json | undefined): string => textAt(object, 'metadata', 'resourceVersion');

/** A map with some members set, and those that are undefined taken away. */
export function withMembers(map: JsonMap, members: Readonly<Record<string, Json | undefined>>): JsonMap {
  return Object.fromEntries(
    Object.entries({ ...map, ...members }).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}

/** True for values that say the same; the order of names does not count, the order of lists does. */
export function same(one: Json | undefined, other: Json | undefined): boolean {
  if (isList(one) && isList(other))
    return one.length === other.length && one.every((item, index) => same(item, other[index]));
  if (isMap(one) && isMap(other)) {
    const names = Object.keys(one);
    return (
      names.length === Object.keys(other).length &&
      names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]))
    );
  }
  return one === other;
}
