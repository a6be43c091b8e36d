import type { Call } from '../../internal/cli/program.ts';
import type { Session } from '../../internal/cli/session.ts';
import { readIbiConfig } from '../../internal/config/ibi-config.ts';
import { diskTable, listDisks } from '../../internal/disk/disk.ts';
import { unknownKeysFor } from './installation.ts';
import type { LookValues } from './options.ts';

/** `ibi disks`: the same table that a refused disk prints. */
export async function showDisks(session: Session, json: boolean): Promise<number> {
  const rows = await listDisks(session.host);
  session.print(json ? `${JSON.stringify(rows, undefined, 1)}\n` : `${diskTable(rows).join('\n')}\n`);
  return 0;
}

/** `ibi check-config`: reads the configuration and nothing else. */
export async function checkConfig(session: Session, { values, calledAs }: Call<LookValues>): Promise<number> {
  const unknownKeys = unknownKeysFor(calledAs);
  const { config, warnings } = await readIbiConfig({ file: values.configurationFile, unknownKeys });
  for (const warning of warnings) session.log.warn(warning);
  session.print(`configuration ${config.digest.slice(0, 12)} is good\n`);
  return 0;
}
