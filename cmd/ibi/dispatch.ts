import { ownProcess } from '../../internal/cli/process.ts';
import { openSession } from '../../internal/cli/session.ts';
import { gatherEvidence } from './gather.ts';
import { places } from './context.ts';
import { checkConfig, showDisks, showStatus, showTimeline } from './look.ts';
import type { IbiCall } from './options.ts';
import { planInstallation, runInstallation } from './run.ts';

/** Does what a call asks for, and returns the exit code. */
export async function dispatch(call: IbiCall, version: string, calledAs: 'ibi' | 'lca-cli'): Promise<number> {
  const writes = call.action === 'run';
  await using session = openSession({
    program: 'ibi',
    process: ownProcess(),
    flags: {
      verbose: call.verbose,
      json: call.json,
      ...(call.progressFd === undefined ? {} : { progressFd: call.progressFd }),
    },
    ...(writes ? { logFolder: places.stateFolder } : {}),
  });
  const unknownKeys = calledAs === 'lca-cli' ? 'warn' : 'refuse';
  const options = {
    version,
    configurationFile: call.file,
    authFile: call.authFile,
    reinstallFinishedDisk: call.reinstall,
    giveUpMs: call.giveUpAfter * 1000,
    unknownKeys,
  } as const;
  switch (call.action) {
    case 'run':
      return await runInstallation(session, options, call);
    case 'plan':
      return await planInstallation(session, options, call, call.json);
    case 'status':
      return await showStatus(session, call.json);
    case 'check-config':
      return await checkConfig(session, call.file, unknownKeys);
    case 'disks':
      return await showDisks(session, call.json);
    case 'timeline':
      return await showTimeline(session, {
        json: call.json,
        ...(call.path === undefined ? {} : { from: call.path }),
        ...(call.svg === undefined ? {} : { svg: call.svg }),
      });
    case 'gather':
      return await gatherEvidence(session, {
        file: call.file,
        ...(call.path === undefined ? {} : { archive: call.path }),
      });
  }
}
