import type { FieldPath } from '../../edit/json.ts';
import type { Editor, How } from './editor.ts';
import { machineConfigs } from './keys.ts';
import { documents, objects, type RowId, type Step } from './step.ts';

/** MachineConfigs in etcd, and the two files that mirror the one in force. */
export function machineConfigSteps(row: RowId, edit: (config: Editor) => void): Step[] {
  return [
    objects(row, machineConfigs, edit),
    documents(`${row} (files)`, /\/currentconfig$/, edit, 'mcs-machine-config-content.json'),
  ];
}

/** Edits the content of the Ignition file with a path, wherever a MachineConfig has it. */
export function ignitionFile(
  config: Editor,
  path: string,
  edit: (text: string, fail: (found: string) => never) => string,
  how: How = {},
): void {
  const files: FieldPath = ['spec', 'config', 'storage', 'files'];
  for (const index of config.keysAt(files)) {
    if (config.textAt([...files, index, 'path']) !== path) continue;
    config.ignition(
      [...files, index],
      (text) => edit(text, (found) => config.fail([...files, index, 'contents', 'source'], found)),
      how,
    );
  }
}
