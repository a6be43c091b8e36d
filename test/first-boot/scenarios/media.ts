import { unit } from '../lab.ts';
import { finished, type Scenario } from '../scenario.ts';

export const inPartition: Scenario = {
  name: 'in-partition',
  says: 'the label is that of a partition',
  async story(stage) {
    await stage.host.insertMedium(stage.site.files, { partitioned: true });
    await stage.host.boot();
    await finished(stage);
  },
};

export const historicLabel: Scenario = {
  name: 'historic-label',
  says: 'the medium is labelled relocation-config',
  async story(stage) {
    await stage.host.insertMedium(stage.site.files, { label: 'relocation-config' });
    await stage.host.boot();
    await finished(stage);
  },
};

export const secondMedium: Scenario = {
  name: 'second-medium',
  says: 'two media bear the label: that is said, and does not stop the host when both hold the same',
  async story(stage) {
    const { host, site } = stage;
    const first = await host.insertMedium(site.files);
    const second = await host.insertMedium(site.files);
    await host.boot();
    await host.waitFor('both media to be named', async () => {
      const journal = await host.journal(unit);
      return [first, second].every(({ name }) => journal.includes(name));
    });
    if ((await host.ask('systemctl', 'is-active', unit)) !== 'inactive') await host.removeMedium(second);
    await finished(stage);
  },
};
