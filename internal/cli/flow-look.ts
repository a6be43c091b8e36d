import { readFile } from 'node:fs/promises';
import { messageOf, UsageError } from '../errors/errors.ts';
import { readTextIfPresent } from '../host/files.ts';
import { durationText } from '../log/progress.ts';
import { openJournal, type RunRecord } from '../steps/journal.ts';
import type { RunStatus } from '../steps/reporter.ts';
import { timelineSvg, timelineText } from '../steps/timeline.ts';
import { filesOf, type FlowProgram } from './flow-program.ts';
import type { Call } from './program.ts';
import type { Session } from './session.ts';

type Its = Pick<FlowProgram<never, never, never>, 'folders' | 'recordElsewhere'>;

/** `status`: needs no lock, writes nothing, works on a full file system. */
export async function showStatus(session: Session, { folders }: Its, call: Call<unknown>): Promise<number> {
  const files = filesOf(folders, call.program);
  const live = statusIn(await readTextIfPresent(files.status));
  const runs = (await openJournal(files.journal)).runs();
  const last = runs.at(-1);
  if (call.json) session.print(`${JSON.stringify({ status: live ?? null, runs }, undefined, 1)}\n`);
  else if (last === undefined) session.print(`no run of ${call.program} on this machine since it was started\n`);
  else for (const line of statusLines(live, last)) session.print(`${line}\n`);
  return 0;
}

/** A status file that a full file system has cut off says nothing. */
function statusIn(text: string | undefined): Partial<RunStatus> | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Partial<RunStatus>); // our own file; every field is looked for
  } catch {
    return undefined;
  }
}

function statusLines(live: Partial<RunStatus> = {}, last: RunRecord): string[] {
  const { step, waitingFor } = live;
  return [
    `${live.state ?? last.state}${live.updatedAt === undefined ? '' : `, last sign of life ${live.updatedAt}`}`,
    ...(step === undefined
      ? []
      : [`step ${step.index}/${step.steps} ${step.name}: ${step.says} (since ${step.startedAt})`]),
    ...(waitingFor === undefined ? [] : [`waiting for ${waitingFor}`]),
    ...last.steps.map(
      ({ step: name, state, durationMs, reason }) =>
        `  ${name.padEnd(20)} ${state.padEnd(11)} ${durationText(durationMs)}${reason === undefined ? '' : `  ${reason}`}`,
    ),
    ...(live.failure ?? []),
  ];
}

/** `timeline`: draws the last run, or the one in a file or where the program keeps records elsewhere. */
export async function showTimeline(
  session: Session,
  its: Its,
  { program, path, json, values: { svg } }: Call<{ readonly svg: string | undefined }>,
): Promise<number> {
  const run = await findRun(session, its, program, path);
  if (svg !== undefined) await session.host.writeFile(svg, timelineSvg(run), { mode: 0o644 });
  session.print(json ? `${JSON.stringify(run, undefined, 1)}\n` : timelineText(run));
  return 0;
}

async function findRun(
  session: Session,
  { folders, recordElsewhere: elsewhere }: Its,
  program: string,
  from: string | undefined,
): Promise<RunRecord> {
  let found: unknown;
  if (from === undefined) found = (await openJournal(filesOf(folders, program).journal)).runs().at(-1);
  else if (elsewhere?.isOne(from)) found = await elsewhere.read(session, from);
  else found = await runInFile(from);
  if (isRun(found)) return found;
  throw new UsageError(from === undefined ? 'there is no run to draw yet' : `"${from}" holds no run of ${program}`, {
    next: `give a timeline.json or journal.json of ${program}${elsewhere === undefined ? '' : `, or ${elsewhere.says}`}`,
  });
}

/** The run of a timeline.json, or the last one of a journal.json. */
async function runInFile(path: string): Promise<unknown> {
  let data: unknown;
  try {
    data = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`"${path}" cannot be read: ${messageOf(error)}`, { cause: error });
  }
  return typeof data === 'object' && data !== null && 'runs' in data && Array.isArray(data.runs)
    ? data.runs.at(-1)
    : data;
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
