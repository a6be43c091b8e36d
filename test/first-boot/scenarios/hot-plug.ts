import { finished, type Scenario } from '../scenario.ts';

export const hotPlug: Scenario = {
  name: 'hot-plug',
  says: 'the host waits for half a minute, then the medium is put in',
  async story(stage) {
    const { host, site, say } = stage;
    await host.boot();
    await host.waitFor('step 1/', undefined);
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    say('the medium is put in');
    await host.insertMedium(site.files);
    await finished(stage);
  },
};
