import type { FieldPath } from '../../edit/json.ts';
import type { Editor } from './editor.ts';

/** Containers of pods, wherever a pod's description stands. */

export const podOfTemplate: FieldPath = ['spec', 'template', 'spec'];

/** Paths of the containers of a name, among `containers` or `initContainers`. */
export function containersNamed(
  workload: Editor,
  name: string,
  {
    pod = podOfTemplate,
    list = 'containers',
  }: { readonly pod?: FieldPath; readonly list?: 'containers' | 'initContainers' } = {},
): FieldPath[] {
  return workload
    .keysAt([...pod, list])
    .map((index) => [...pod, list, index])
    .filter((path) => workload.textAt([...path, 'name']) === name);
}

/** Paths of the strings of a list in containers: `args`, `command`. */
export function stringsOf(workload: Editor, containers: readonly FieldPath[], list: string): FieldPath[] {
  return containers.flatMap((container) =>
    workload.keysAt([...container, list]).map((index) => [...container, list, index]),
  );
}

/** Sets an environment variable that must exist, in the one container of a name. */
export function setEnvironment(
  workload: Editor,
  container: string,
  variable: string,
  value: string,
  where: { readonly list?: 'containers' | 'initContainers' } = {},
): void {
  const list = where.list ?? 'containers';
  const [path, ...more] = containersNamed(workload, container, where);
  if (path === undefined || more.length > 0)
    return workload.fail(
      [...podOfTemplate, list],
      `has ${more.length + (path === undefined ? 0 : 1)} containers "${container}" instead of one`,
    );
  const index = workload
    .keysAt([...path, 'env'])
    .find((one) => workload.textAt([...path, 'env', one, 'name']) === variable);
  if (index === undefined) return workload.fail([...path, 'env'], `has no "${variable}"`);
  workload.set([...path, 'env', index, 'value'], value);
}
