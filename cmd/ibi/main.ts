import { runCommand } from '../../internal/cli/parse.ts';
import { ownProcess } from '../../internal/cli/process.ts';
import { ibiCommand, type IbiCall } from './options.ts';

/** Parses, dispatches, returns the exit code. What does the work is loaded when there is work: help and a mistyped flag answer at once. */
export async function main(argv: readonly string[], version: string, calledAs: 'ibi' | 'lca-cli'): Promise<number> {
  const own = ownProcess();
  let exitCode = 0;
  const onCall = async (call: IbiCall): Promise<void> => {
    const { dispatch } = await import('./dispatch.ts');
    exitCode = await dispatch(call, version, calledAs);
  };
  const parsed = await runCommand(ibiCommand(own.env, onCall), argv, own);
  return parsed === 0 ? exitCode : parsed;
}
