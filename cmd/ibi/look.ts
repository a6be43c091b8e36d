import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from '../../internal/cli/session.ts';
import { diskTable, listDisks, resolveDisk } from '../../internal/disk/disk.ts';
import { readIbiConfig } from '../../internal/config/ibi-config.ts';
import { UsageError } from '../../internal/errors/errors.ts';
import { readTextIfPresent } from '../../internal/host/files.ts';
import { durationText } from '../../internal/log/progress.ts';
import { recordOnDisk } from '../../internal/seal/on-disk.ts';
import { openJournal, type RunRecord } from '../../internal/steps/journal.ts';
import { timelineSvg, timelineText } from '../../internal/steps/timeline.ts';
import { places } from './context.ts';
import { journalFile, statusFile } from './run.ts';

/** `ibi disks`: the same table that a refused disk prints. */
export async function showDisks(session: Session, json: boolean): Promise<number> {
  const rows = await listDisks(session.host);
  session.print(json ? `${JSON.stringify(rows, undefined, 1)}\n` : `${diskTable(rows).join('\n')}\n`);
  return 0;
}

/** `ibi check-config`: reads the configuration and nothing else. */
export async function checkConfig(session: Session, file: string, unknownKeys: 'refuse' | 'warn'): Promise<number> {
  const { config, warnings } = await readIbiConfig({ file, unknownKeys });
  for (const warning of warnings) session.log.warn(warning);
  session.print(`configuration ${config.digest.slice(0, 12)} is good\n`);
  return 0;
}

/** `ibi status`: needs no lock, writes nothing, works on a full file system. */
export async function showStatus(session: Session, json: boolean): Promise<number> {
  const status = await readTextIfPresent(statusFile);
  const journal = await openJournal(journalFile);
  if (json) {
    session.print(
      `${JSON.stringify({ status: status === undefined ? null : (JSON.parse(status) as unknown), runs: journal.runs() }, undefined, 1)}\n`,
    );
    return 0;
  }
  const last = journal.runs().at(-1);
  if (last === undefined) {
    session.print('no run of ibi on this machine since it was started\n');
    return 0;
  }
  const live =
    status === undefined
      ? {}
      : (JSON.parse(status) as {
          step?: { name: string; index: number; steps: number; says: string };
          waitingFor?: string;
          failure?: string[];
          state?: string;
          updatedAt?: string;
        });
  session.print(
    `${live.state ?? last.state}${live.updatedAt === undefined ? '' : `, last sign of life ${live.updatedAt}`}\n`,
  );
  if (live.step !== undefined)
    session.print(`step ${live.step.index}/${live.step.steps} ${live.step.name}: ${live.step.says}\n`);
  if (live.waitingFor !== undefined) session.print(`waiting for ${live.waitingFor}\n`);
  for (const step of last.steps)
    session.print(
      `  ${step.step.padEnd(20)} ${step.state.padEnd(11)} ${durationText(step.durationMs)}${step.reason === undefined ? '' : `  ${step.reason}`}\n`,
    );
  for (const line of live.failure ?? []) session.print(`${line}\n`);
  return 0;
}

/** `ibi timeline`: draws the last run, or the one in a file or on a disk that ibi finished. */
export async function showTimeline(
  session: Session,
  options: { from?: string; svg?: string; json: boolean },
): Promise<number> {
  const run = await findRun(session, options.from);
  if (options.svg !== undefined) await session.host.writeFile(options.svg, timelineSvg(run), { mode: 0o644 });
  session.print(options.json ? `${JSON.stringify(run, undefined, 1)}\n` : timelineText(run));
  return 0;
}

async function findRun(session: Session, from: string | undefined): Promise<RunRecord> {
  let found: unknown;
  if (from === undefined) found = (await openJournal(journalFile)).runs().at(-1);
  else if (from.startsWith('/dev/'))
    found = (
      await recordOnDisk(
        session.host,
        await resolveDisk(session.host, from, { say: session.log.info }),
        places.runFolder,
      )
    )?.result?.['run'];
  else {
    const data: unknown = JSON.parse(await readFile(join(from), 'utf8'));
    found =
      typeof data === 'object' && data !== null && 'runs' in data && Array.isArray(data.runs) ? data.runs.at(-1) : data;
  }
  if (!isRun(found))
    throw new UsageError(from === undefined ? 'there is no run to draw yet' : `"${from}" holds no run of ibi`, {
      next: 'give a timeline.json or journal.json of ibi, or a disk that ibi finished',
    });
  return found;
}

function isRun(data: unknown): data is RunRecord {
  return (
    typeof data === 'object' &&
    data !== null &&
    'steps' in data &&
    Array.isArray(data.steps) &&
    'startedAt' in data &&
    'program' in data
  );
}
