import { unit } from '../lab.ts';
import { finished, type Stage } from '../scenario.ts';

/** The network cannot be applied at first; the medium is replaced when it can. */
export async function refusedThenNetwork(stage: Stage): Promise<void> {
  const { host, site, say } = stage;
  const text = 'NmstateError: VerificationError: as the lab wants it';
  await host.failNmstate(text);
  await host.insertMedium(site.files);
  await host.boot();
  await host.waitFor('a failure of nmstatectl', async () => (await host.journal(unit)).includes(text));
  say('nmstatectl has failed');
  await host.failNmstate(undefined);
  await host.removeMedium();
  await host.insertMedium({ ...site.files, 'note.txt': 'another medium' });
  await finished(stage);
}
