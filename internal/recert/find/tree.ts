import type { FieldPath } from '../../edit/json.ts';
import { yamlTree } from '../../edit/yaml.ts';

/** A JSON or YAML text as plain values, and which of them it is; undefined for what holds no members. */
export function treeOf(bytes: Uint8Array): { readonly in: 'json' | 'yaml'; readonly tree: unknown } | undefined {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  try {
    return { in: 'json', tree: JSON.parse(text) };
  } catch {
    const tree = yamlTree(text);
    return tree === undefined || tree === null || typeof tree !== 'object' ? undefined : { in: 'yaml', tree };
  }
}

/** The strings at a pattern of a tree (`*`: every member), with their paths. */
export function stringsAt(tree: unknown, pattern: FieldPath): { readonly path: FieldPath; readonly text: string }[] {
  const [step, ...rest] = pattern;
  if (step === undefined) return typeof tree === 'string' ? [{ path: [], text: tree }] : [];
  if (typeof tree !== 'object' || tree === null) return [];
  const members: (readonly [string | number, unknown])[] = Array.isArray(tree)
    ? tree.map((member: unknown, index) => [index, member])
    : Object.entries(tree);
  return members
    .filter(([name]) => step === '*' || name === step)
    .flatMap(([name, member]) => stringsAt(member, rest).map((found) => ({ ...found, path: [name, ...found.path] })));
}
