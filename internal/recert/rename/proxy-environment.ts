import type { FieldPath } from '../../edit/json.ts';
import type { Editor } from './editor.ts';

/** http, https, no_proxy; an empty one is not set. */
export type ProxyValues = readonly [http: string, https: string, no: string];

export const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'] as const;

/** `proxy.env`: its proxy lines go, and those that are set follow the rest. */
export function withProxyLines(text: string, values: ProxyValues): string {
  const rest = text.split('\n').filter((line) => !proxyNames.some((name) => line.startsWith(`${name}=`)));
  while (rest.at(-1) === '') rest.pop();
  const set = proxyNames.flatMap((name, index) => (values[index] === '' ? [] : [`${name}=${values[index] ?? ''}`]));
  return [...rest, ...set].map((line) => `${line}\n`).join('');
}

/**
 * The variables of a proxy in a container that has any of them, for upper-case and then for lower-case names. They stand together where
 * the first one stood, in the order of the old ones; one that was not there before comes first, in the order http, https, no.
 */
export function withProxyVariables(workload: Editor, env: FieldPath, values: ProxyValues): void {
  for (const names of [proxyNames, proxyNames.map((name) => name.toLowerCase())])
    withVariables(workload, env, names, values);
}

function withVariables(workload: Editor, env: FieldPath, names: readonly string[], values: ProxyValues): void {
  const old = workload.keysAt(env).flatMap((index) => {
    const name = workload.textAt([...env, index, 'name']);
    return typeof index === 'number' && name !== undefined && names.includes(name) ? [{ index, name }] : [];
  });
  const [first] = old;
  if (first === undefined) return;
  const known = [...new Set(old.map(({ name }) => name))];
  const set = [...names.filter((name) => !known.includes(name)), ...known].flatMap((name) => {
    const value = values[names.indexOf(name)] ?? '';
    return value === '' ? [] : [{ name, value }];
  });
  // Where the same names stand in the same order, only values differ, and what else stands in the entries stays.
  const inPlace =
    set.length === old.length &&
    set.every(
      ({ name }, at) =>
        old[at]?.name === name &&
        old[at].index === first.index + at &&
        workload.at([...env, first.index + at, 'valueFrom']) === undefined,
    );
  if (inPlace) {
    for (const [at, { value }] of set.entries()) workload.set([...env, first.index + at, 'value'], value);
    return;
  }
  for (const { index } of old.toReversed()) workload.remove([...env, index]);
  for (const [at, variable] of set.entries()) workload.insert([...env, first.index + at], variable);
}
