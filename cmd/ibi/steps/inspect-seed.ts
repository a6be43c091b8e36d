import { inspectAgreed } from '../../../internal/registry/agreement.ts';
import { openEgress } from '../../../internal/registry/egress.ts';
import { openRegistry } from '../../../internal/registry/registry.ts';
import { staterootName } from '../../../internal/ostree/stateroot.ts';
import { installIdOf } from '../../../internal/seal/record.ts';
import { clockWarning, judgeSeed } from '../../../internal/seed/rules.ts';
import type { Step } from '../../../internal/steps/step.ts';
import { imageArchitecture } from '../../../internal/host/machine.ts';
import { sizeText } from '../../../internal/log/progress.ts';
import type { Ibi } from '../context.ts';
import { waitsBy } from '../waits.ts';

export const inspectSeed: Step<Ibi> = {
  name: 'inspect-seed',
  says: 'Ask the registry for the seed image and hold it against this host',
  run: async (ibi, io) => {
    const { host, config } = ibi;
    const egress = await openEgress(host, { authFile: ibi.options.authFile });
    const registry = openRegistry(host, egress, { patience: { giveUpMs: ibi.options.giveUpMs } });
    for (const warning of egress.warnings) io.warn(warning);
    ibi.find('egress', egress);
    ibi.find('registry', registry);
    const image = await inspectAgreed(registry, config.seedImage, {
      platform: { os: 'linux', architecture: imageArchitecture() },
      signal: io.signal,
      onRetry: waitsBy(io),
      giveUpMs: ibi.options.giveUpMs,
      others: !config.precacheDisabled,
      say: io.say,
      warn: io.warn,
    });
    const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
    io.say(`${image.pinned}, ${sizeText(size)}, from ${image.location}`);
    const { manifest, warnings } = judgeSeed(
      {
        reference: config.seedImage,
        architecture: image.config.architecture,
        os: image.config.os,
        created: image.config.created,
        labels: image.config.labels,
        layers: image.layers.length,
      },
      {
        version: config.seedVersion,
        architecture: imageArchitecture(),
        now: host.now(),
        containersPartitionLabel: config.useContainersFolder ? undefined : config.extraPartitionLabel,
      },
    );
    for (const warning of [...warnings, ...clockWarning(host.now(), image.serverDate)]) io.warn(warning);
    ibi.find('seed', {
      image,
      manifest,
      stateroot: staterootName(config.seedVersion),
      installId: installIdOf(config.digest, image.digest),
    });
  },
};
