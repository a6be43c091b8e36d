import { stringify } from 'yaml';

/** Plain values as a YAML document for people: no folding, no anchors, `null` for what is absent. */
export function yamlText(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
