import type { ValuesOf } from '../../internal/cli/flags.ts';
import type { Call } from '../../internal/cli/program.ts';
import type { Session } from '../../internal/cli/session.ts';
import { defaultStateFolder, readRecertConfigFile } from '../../internal/config/recert-config.ts';
import { originalsFolder, readJournal, type Journal } from '../../internal/recert/commit/journal.ts';
import { configurationFile, readFirst } from './configured.ts';
import type { statusFlags } from './options.ts';

/** What a phase of the journal means to a person, and what to do. */
const meanings: Readonly<Record<Journal['phase'], { says: string; next: string }>> = {
  saving: { says: 'was cut off before it wrote anything', next: 'recert run; it removes the copies and starts anew' },
  writing: {
    says: 'was cut off while it wrote: etcd and files may be a mixture of old and new',
    next: 'recert run; it puts the originals back and starts anew. Do not start the cluster before',
  },
  written: {
    says: 'wrote everything, and was cut off before it removed the copies of the originals',
    next: 'recert run removes them and renews again; or remove the folder by hand',
  },
  closed: { says: 'ended', next: 'nothing' },
};

type StatusCall = Call<ValuesOf<typeof statusFlags>>;

/** `recert status`: says what the last run did. Changes nothing. */
export const status = (call: StatusCall): Promise<number> =>
  readFirst(
    call,
    (level) => Promise.resolve(level),
    async (level) => {
      await using session = call.open({ verbose: level === 'debug' });
      await showStatus(session, call);
      return 0;
    },
  );

async function showStatus(session: Session, call: StatusCall): Promise<void> {
  const { values, json } = call;
  const stateFolder = values.stateFolder ?? (await configuredFolder(configurationFile(call)));
  const journal = await readJournal(stateFolder);
  if (json)
    session.print(
      `${JSON.stringify(journal === undefined ? { state: 'none' } : { state: journal.phase, startedAt: journal.startedAt, endedAt: journal.endedAt, outcome: journal.outcome, keys: journal.etcd?.keys.length ?? 0, files: journal.files.length })}\n`,
    );
  else if (journal === undefined) session.print(`no run has written anything (nothing in "${stateFolder}")\n`);
  else {
    const { says, next } = meanings[journal.phase];
    session.print(
      `the run of ${journal.startedAt} ${says}${journal.phase === 'closed' ? ` at ${journal.endedAt ?? '?'}: ${journal.outcome ?? '?'}` : ''}\n`,
    );
    session.print(
      `  its plan: ${journal.etcd?.keys.length ?? 0} etcd values${journal.etcd === undefined ? '' : ` at "${journal.etcd.endpoint}"`}, ${journal.files.length} files\n`,
    );
    if (journal.phase !== 'closed')
      session.print(`  originals, with private keys: ${originalsFolder(stateFolder, journal)}\n  next: ${next}\n`);
  }
}

/** The state folder of the configuration, where that can be read. */
async function configuredFolder(file: string | undefined): Promise<string> {
  if (file === undefined) return defaultStateFolder;
  return readRecertConfigFile(file).then(
    ({ stateFolder }) => stateFolder,
    () => defaultStateFolder,
  );
}

/** The state of the machine after a failure, in one sentence. */
export async function whatIsLeft(stateFolder: string): Promise<string> {
  const journal = await readJournal(stateFolder).catch(() => undefined);
  switch (journal?.phase) {
    case undefined:
    case 'closed':
    case 'saving':
      return 'nothing was changed';
    case 'writing':
      return `etcd and files may be a mixture of old and new; the next run puts the originals back from ${originalsFolder(stateFolder, journal)}`;
    case 'written':
      return `everything is renewed; copies of the originals still stand in ${originalsFolder(stateFolder, journal)}`;
  }
}
