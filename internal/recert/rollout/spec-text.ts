import { byName, isList } from '../../edit/structure.ts';
import type { Plain } from '../../edit/tree.ts';
import type { GoField } from './deployment-fields.ts';
import { goFields } from './deployment-fields.ts';
import { goString } from './go-json.ts';
import type { Members } from './go-spec.ts';
import { isMembers, isZero } from './go-spec.ts';
import type { Around, DefaultRule } from './spec-defaults.ts';
import { defaultRules } from './spec-defaults.ts';

/** A member that may be a default: it can be taken out of the text. `place` names it in the Deployment, items by their own names. */
export type Doubt = { readonly rule: DefaultRule; readonly place: string };

/** The JSON of a spec as Go writes it, with doubts that are taken out or left in: cheap to write many times with other doubts. */
export type SpecText = {
  readonly doubts: readonly Doubt[];
  /** `isOut[i]` tells whether doubt `i` is taken out. */
  readonly write: (isOut: readonly boolean[]) => string;
};

type Node = { readonly doubts: readonly number[]; readonly write: (isOut: readonly boolean[]) => string };

const rules: ReadonlyMap<string, DefaultRule> = new Map(defaultRules.map((rule) => [rule.member, rule]));

/** Parts with this many doubts at most remember what they wrote. */
const mostRemembered = 16;

/** Prepares a spec for writing. */
export function specText(spec: Members): SpecText {
  const doubts: Doubt[] = [];
  const template = spec['template'];
  const pod = isMembers(template) && isMembers(template['spec']) ? template['spec'] : undefined;

  const message = (type: string, value: Members, place: string): Node => {
    const parts = partsOf(type, value, place);
    return remembered(
      parts.flatMap((part) => part.doubts),
      (isOut) => {
        let text = '';
        for (const part of parts) {
          const written = part.write(isOut);
          if (written !== '') text += text === '' ? written : `,${written}`;
        }
        return `{${text}}`;
      },
    );
  };
  /** The members of a message in Go's order, each writing itself with its name, or nothing. */
  const partsOf = (type: string, value: Members, place: string): Node[] =>
    (goFields(type) ?? []).flatMap((field): Node[] => {
      if (field.mark === 'embedded') return partsOf(field.type, value, place);
      const here = place === '' ? field.name : `${place}/${field.name}`;
      const found = value[field.name] ?? undefined;
      const node = found === undefined ? unset(field, here) : written(field, found, here);
      if (node === undefined) return [];
      const rule = rules.get(`${type}.${field.name}`);
      return [named(field, node, rule, here, { message: value, pod }, found)];
    });
  const named = (
    field: GoField,
    node: Node,
    rule: DefaultRule | undefined,
    place: string,
    around: Around,
    found: Plain | undefined,
  ): Node => {
    const name = `"${field.name}":`;
    if (rule?.isDefault(found, around) !== true)
      return { doubts: node.doubts, write: (isOut) => name + node.write(isOut) };
    const index = doubts.push({ rule, place }) - 1;
    const whenOut = field.mark === 'null' ? `${name}null` : '';
    return {
      doubts: [index, ...node.doubts],
      write: (isOut) => {
        const text = node.write(isOut);
        // A message goes only when nothing is left in it: what a manifest said inside of it stays.
        return isOut[index] === true && (!text.startsWith('{') || text === '{}') ? whenOut : name + text;
      },
    };
  };
  const written = (field: GoField, value: Plain, place: string): Node | undefined => {
    if (field.mark === 'omitted' && isZero(value)) return undefined;
    if (field.shape === 'list') {
      const items = (isList(value) ? value : []).map((item, at) =>
        one(field.type, item, `${place}/${nameOf(item) ?? at}`),
      );
      return remembered(
        items.flatMap((item) => item.doubts),
        (isOut) => `[${items.map((item) => item.write(isOut)).join(',')}]`,
      );
    }
    if (field.shape === 'map') {
      const entries = Object.entries(isMembers(value) ? value : {}).toSorted(([first], [second]) =>
        byName(first, second),
      );
      return fixed(`{${entries.map(([name, member]) => `${goString(name)}:${plainJson(member)}`).join(',')}}`);
    }
    return one(field.type, value, place);
  };
  const one = (type: string, value: Plain, place: string): Node =>
    goFields(type) === undefined ? fixed(plainJson(value)) : message(type, isMembers(value) ? value : {}, place);
  const unset = (field: GoField, place: string): Node | undefined => {
    if (field.mark === 'null') return fixed('null');
    if (field.mark !== 'always') return undefined;
    if (goFields(field.type) !== undefined) return message(field.type, {}, place);
    return fixed({ int: '0', bool: 'false', quantity: '"0"', 'int-or-string': '0', time: 'null' }[field.type] ?? '""');
  };

  const root = message('DeploymentSpec', spec, '');
  return { doubts, write: root.write };
}

function fixed(text: string): Node {
  return { doubts: [], write: () => text };
}

/** A node that writes the same doubts once. */
function remembered(doubts: readonly number[], write: Node['write']): Node {
  if (doubts.length > mostRemembered) return { doubts, write };
  const texts = new Map<number, string>();
  return {
    doubts,
    write: (isOut) => {
      let key = 0;
      for (const doubt of doubts) key = key * 2 + (isOut[doubt] === true ? 1 : 0);
      let text = texts.get(key);
      if (text === undefined) texts.set(key, (text = write(isOut)));
      return text;
    },
  };
}

function nameOf(item: Plain): string | undefined {
  const name = isMembers(item) ? item['name'] : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** Plain values as Go writes them; only `raw` holds maps here. */
function plainJson(value: Plain): string {
  if (typeof value === 'string') return goString(value);
  if (isList(value)) return `[${value.map(plainJson).join(',')}]`;
  if (isMembers(value))
    return `{${Object.entries(value)
      .map(([name, member]) => `${goString(name)}:${plainJson(member)}`)
      .join(',')}}`;
  return JSON.stringify(value);
}
