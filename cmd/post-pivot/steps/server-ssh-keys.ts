import { basename, join } from 'node:path';
import { readdir, rm } from 'node:fs/promises';
import { readTextIfPresent } from '../../../internal/host/files.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { places } from '../places.ts';

/** Otherwise recert has made new ones. */
export const serverSshKeys: Step<PostPivot> = {
  name: 'server-ssh-keys',
  says: "Set the host's ssh server keys",
  inputs: ({ siteDigest }) => [siteDigest],
  notWanted: ({ site }) => (site.server_ssh_keys.length === 0 ? 'the site gives none; they were made anew' : undefined),
  isDone: async ({ site }) => {
    for (const { file_name: name, file_content: content } of site.server_ssh_keys)
      if ((await readTextIfPresent(join(places.sshFolder, basename(name)))) !== content.reveal()) return false;
    return true;
  },
  run: async ({ host, site }) => {
    const given = new Set(site.server_ssh_keys.map(({ file_name: name }) => basename(name)));
    for (const { file_name: name, file_content: content } of site.server_ssh_keys) {
      const path = join(places.sshFolder, basename(name));
      await host.writeFile(path, content.reveal(), { mode: name.endsWith('.pub') ? 0o644 : 0o600 });
      if (await host.has('chcon'))
        await host.run('chcon', ['system_u:object_r:sshd_key_t:s0', path], { okStatuses: [1] });
    }
    for (const name of await readdir(places.sshFolder))
      if (/^ssh_host_.*_key/.test(name) && !given.has(name)) await rm(join(places.sshFolder, name));
  },
};
