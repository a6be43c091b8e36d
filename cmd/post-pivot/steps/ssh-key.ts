import { exists } from '../../../internal/host/files.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { isMarked, mark } from '../marker.ts';
import { earlyAccessStands, giveAccess, sshMachineConfigs } from '../access.ts';

/** Before the network, so that somebody can log in when that goes wrong. */
export const sshKey: Step<PostPivot> = {
  name: 'ssh-key',
  says: "Let the site's ssh key in",
  inputs: ({ siteDigest }) => [siteDigest],
  isDone: async ({ site }) => {
    if (!(await isMarked('setSSHKey'))) return false;
    if (site.ssh_key === '') return true;
    const files = sshMachineConfigs(site.ssh_key).map(({ path }) => path);
    return (await earlyAccessStands(site.ssh_key)) && (await Promise.all(files.map(exists))).every((there) => there);
  },
  run: async ({ host, site }, io) => {
    if (site.ssh_key === '') io.warn("the site gives no ssh key; continuing with the seed's");
    else {
      await giveAccess(host, site.ssh_key);
      for (const { path, text } of sshMachineConfigs(site.ssh_key)) await host.writeFile(path, text);
      io.say('user core can log in');
    }
    await mark(host, 'setSSHKey');
  },
};
