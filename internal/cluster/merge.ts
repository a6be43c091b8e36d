import { isList, isMap, type Json, type JsonMap } from './object.ts';
import { sameQuantity } from './quantity.ts';

/**
 * Lays a template over what exists, so that the result has everything of the template and keeps what exists beside it (kube/merge).
 *
 * | template | existing       | result                                                                        |
 * |----------|----------------|-------------------------------------------------------------------------------|
 * | map      | map            | all keys of both; those of both are merged                                    |
 * | null     | map            | existing                                                                      |
 * | list     | non-empty list | items of the template in their order, merged with their counterparts; then the existing items without one |
 * | other    | other          | template                                                                      |
 */
export function merged(template: Json, existing: Json): Json {
  if (isMap(template) && isMap(existing)) return mergedMaps(template, existing);
  if (template === null && isMap(existing)) return existing;
  if (isList(template) && isList(existing) && existing.length > 0) return mergedLists(template, existing);
  return template;
}

export function mergedMaps(template: JsonMap, existing: JsonMap): JsonMap {
  const own = Object.entries(template).map(
    ([key, value]) => [key, Object.hasOwn(existing, key) ? merged(value, existing[key] ?? null) : value] as const,
  );
  const others = Object.entries(existing).filter(([key]) => !Object.hasOwn(template, key));
  return Object.fromEntries([...own, ...others]);
}

/** Each item has at most one counterpart, so that what stands there twice and is asked for once stays there twice. */
function mergedLists(template: readonly Json[], existing: readonly Json[]): readonly Json[] {
  const result: Json[] = [...template];
  const free = new Set(template.keys());
  const left: Json[] = [];
  for (const old of existing) {
    const found = counterpartOf(old, template, free);
    if (found === undefined) {
      left.push(old);
      continue;
    }
    free.delete(found);
    result[found] = merged(template[found] ?? null, old);
  }
  return [...result, ...left];
}

/** An item of the same name goes before one that merely fits. */
function counterpartOf(old: Json, template: readonly Json[], free: ReadonlySet<number>): number | undefined {
  const places = [...free];
  return (
    places.find((place) => sameName(template[place], old)) ?? places.find((place) => fits(template[place] ?? null, old))
  );
}

function sameName(one: Json | undefined, other: Json): boolean {
  if (!isMap(one) || !isMap(other)) return false;
  const name = one['name'];
  return typeof name === 'string' && name !== '' && name === other['name'];
}

function fits(wanted: Json, old: Json): boolean {
  if (isMap(wanted) && isMap(old)) return means(merged(wanted, old), old);
  return means(wanted, old);
}

/** True for values that mean the same: lists in any order, quantities by amount, in maps what is missing and what is empty. */
export function means(one: Json | undefined, other: Json | undefined): boolean {
  if (isMap(one) && isMap(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].every((key) => meansInMap(one[key], other[key]));
  }
  if (isList(one) && isList(other)) return sameItems(one, other);
  if (isScalar(one) && isScalar(other)) return sameScalar(one, other);
  return false;
}

function meansInMap(one: Json | undefined, other: Json | undefined): boolean {
  if (one === undefined || one === null) return isZero(other);
  if (other === undefined || other === null) return isZero(one);
  return means(one, other);
}

function sameItems(one: readonly Json[], other: readonly Json[]): boolean {
  if (one.length !== other.length) return false;
  const rest = [...other];
  return one.every((item) => {
    const place = rest.findIndex((candidate) => means(item, candidate));
    if (place >= 0) rest.splice(place, 1);
    return place >= 0;
  });
}

type Scalar = null | boolean | number | string;

function isScalar(value: Json | undefined): value is Scalar {
  return value !== undefined && (value === null || typeof value !== 'object');
}

function sameScalar(one: Scalar, other: Scalar): boolean {
  const [first, second] = [String(one), String(other)];
  return first === second || sameQuantity(first, second);
}

function isZero(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return true;
  if (isList(value)) return value.length === 0;
  return isMap(value) && Object.values(value).every(isZero);
}
