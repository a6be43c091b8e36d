import { Refusal } from '../../../internal/errors/errors.ts';
import { recordOnDisk } from '../../../internal/seal/on-disk.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { places } from '../places.ts';

export const refuseFinishedDisk: Step<Ibi> = {
  name: 'refuse-finished-disk',
  says: 'See whether this configuration has finished this disk before',
  run: async ({ host, disk, config, options }, io) => {
    const record = await recordOnDisk(host, disk, places.runFolder);
    if (record === undefined) {
      io.say('no installation of ours on this disk');
      return;
    }
    const same = record.configDigest === config.digest;
    if (record.state === 'open') {
      io.say(
        same
          ? 'an unfinished installation of this configuration is on this disk; it is continued where it is still good'
          : 'an unfinished installation of another configuration is on this disk; it is written anew',
      );
      return;
    }
    const when = record.sealedAt ?? 'an unknown time';
    if (!same) {
      io.say(
        `a finished installation of another configuration (${record.seed.version}, ${when}) is on this disk; it is written anew`,
      );
      return;
    }
    if (config.reinstall || options.reinstallFinishedDisk) {
      io.warn(`this configuration finished this disk at ${when}; continuing because reinstallation was asked for`);
      return;
    }
    throw new Refusal(`disk "${disk.path}" was finished with this very configuration at ${when}`, {
      why: `it holds version ${record.seed.version}, installation ${record.installId}`,
      next: 'boot from the disk; to erase it, set "reinstall: true" in the configuration or give --reinstall-finished-disk',
    });
  },
};
