import { openSession, ownProcess } from '../../internal/cli/session.ts';
import { runCommand } from '../../internal/cli/parse.ts';
import { gatherEvidence } from './gather.ts';
import { places } from './context.ts';
import { checkConfig, showDisks, showStatus, showTimeline } from './look.ts';
import { ibiCommand, type IbiCall } from './options.ts';
import { planInstallation, runInstallation } from './run.ts';

/** Parses, dispatches, returns the exit code. */
export async function main(argv: readonly string[], version: string, calledAs: 'ibi' | 'lca-cli'): Promise<number> {
  const own = ownProcess();
  let exitCode = 0;
  const parsed = await runCommand(ibiCommand(own.env, async (call) => { exitCode = await dispatch(call, version, calledAs); }), argv, own);
  return parsed === 0 ? exitCode : parsed;
}

async function dispatch(call: IbiCall, version: string, calledAs: 'ibi' | 'lca-cli'): Promise<number> {
  const writes = call.action === 'run';
  await using session = openSession({
    program: 'ibi',
    process: ownProcess(),
    flags: { verbose: call.verbose, json: call.json, ...(call.progressFd === undefined ? {} : { progressFd: call.progressFd }) },
    ...(writes ? { logFolder: places.stateFolder } : {}),
  });
  const unknownKeys = calledAs === 'lca-cli' ? 'warn' : 'refuse';
  const options = { version, configurationFile: call.file, authFile: call.authFile, reinstallFinishedDisk: call.reinstall, giveUpMs: call.giveUpAfter * 1000, unknownKeys } as const;
  switch (call.action) {
    case 'run': return await runInstallation(session, options, call);
    case 'plan': return await planInstallation(session, options, call, call.json);
    case 'status': return await showStatus(session, call.json);
    case 'check-config': return await checkConfig(session, call.file, unknownKeys);
    case 'disks': return await showDisks(session, call.json);
    case 'timeline': return await showTimeline(session, { json: call.json, ...(call.path === undefined ? {} : { from: call.path }), ...(call.svg === undefined ? {} : { svg: call.svg }) });
    case 'gather': return await gatherEvidence(session, { file: call.file, ...(call.path === undefined ? {} : { archive: call.path }) });
  }
}
