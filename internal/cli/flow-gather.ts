import { writeBundle } from '../gather/bundle.ts';
import { fileEvidence, hostEvidence } from '../gather/host-evidence.ts';
import { textsInFile } from '../gather/secret-texts.ts';
import { filesOf, type FlowProgram } from './flow-program.ts';
import type { Call } from './program.ts';
import type { Session } from './session.ts';

/** `gather`: one redacted archive for support, also when nothing else works. */
export async function gather<L>(
  session: Session,
  { folders, ...its }: Pick<FlowProgram<never, never, L>, 'folders' | 'evidence' | 'secretFiles'>,
  { program, path, values }: Call<L>,
): Promise<number> {
  const { host, log } = session;
  const stamp = host.now().toISOString().replace(/[:.]/g, '-');
  const archive = path ?? `/var/tmp/${program}-gather-${stamp}.tar.gz`;
  for (const file of its.secretFiles) for (const secret of await textsInFile(file)) log.conceal(secret);
  const files = filesOf(folders, program);
  const evidence = [
    fileEvidence('journal.json', files.journal),
    fileEvidence('status.json', files.status),
    fileEvidence(`${program}.jsonl`, files.log),
    ...its.evidence(session, values),
    ...hostEvidence(host),
  ];
  const failed = await writeBundle(archive, `${program}-gather-${stamp}`, evidence, log.clean);
  session.print(`${archive}\n`);
  if (failed.length > 0) log.warn(`not collected: ${failed.join(', ')}; the reason stands in the archive`);
  return 0;
}
