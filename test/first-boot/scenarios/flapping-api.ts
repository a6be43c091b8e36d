import { finished, type Scenario } from '../scenario.ts';

export const flappingApi: Scenario = {
  name: 'flapping-api',
  says: 'the API server is killed three times while it is talked to',
  async story(stage) {
    const { host, site, say } = stage;
    await host.insertMedium(site.files);
    await host.boot();
    for (let round = 1; round <= 3; round += 1) {
      await host.waitFor(
        'an API server',
        async () => (await host.ask('curl', '-sk', 'https://localhost:6443/livez')) === 'ok',
      );
      await host.run('bash', ['-c', 'pkill -KILL -x kube-apiserver'], { accept: 'any' });
      say(`the API server was killed, ${round} of 3`);
    }
    await finished(stage);
  },
};
