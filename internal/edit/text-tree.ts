import { utf8 } from './characters.ts';
import { isJson } from './json.ts';
import { jsonStructure, plainJson } from './json-tree.ts';
import { treeOver } from './structure.ts';
import type { Tree } from './tree.ts';
import { yamlStructure } from './yaml-tree.ts';

/** A text as a tree: JSON where it is JSON, else YAML of one document with a map or a list at its root; undefined for anything else. */
export function textTree(bytes: Uint8Array): Tree | undefined {
  const text = utf8(bytes);
  if (text === undefined) return undefined;
  if (isJson(text))
    return text.trim().startsWith('{') || text.trim().startsWith('[')
      ? treeOver(jsonStructure(text, plainJson))
      : undefined;
  const yaml = yamlStructure(text);
  return yaml === undefined ? undefined : treeOver(yaml);
}
