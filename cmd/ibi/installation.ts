import type { FlowProgram } from '../../internal/cli/flow-program.ts';
import { diskEvidence, resolveDisk } from '../../internal/disk/disk.ts';
import { fileEvidence } from '../../internal/gather/host-evidence.ts';
import { bootEntries } from '../../internal/ostree/deployments.ts';
import { recordOnDisk } from '../../internal/seal/on-disk.ts';
import { readRecord } from '../../internal/seal/record.ts';
import { Ibi } from './context.ts';
import { flow } from './flow.ts';
import type { LookValues, RunValues } from './options.ts';
import { places } from './places.ts';

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 1)}\n`;

/** `ibi` as the shared command line needs it. */
export const installation: FlowProgram<Ibi, RunValues, LookValues> = {
  flow,
  folders: { run: places.runFolder, state: places.stateFolder },
  context: ({ host }, { values, version, calledAs }, runs) =>
    new Ibi(
      host,
      {
        version,
        configurationFile: values.configurationFile,
        authFile: values.authFile,
        reinstallFinishedDisk: values.reinstall,
        giveUpMs: values.giveUpAfter * 1000,
        unknownKeys: unknownKeysFor(calledAs),
      },
      () => runs().at(-1),
    ),
  again: ({ configurationFile }) => (configurationFile === '' ? '' : `-f ${configurationFile}`),
  result: (ibi) => (ibi.has('seed') ? `disk "${ibi.disk.path}" boots version ${ibi.config.seedVersion}` : undefined),
  leaves: (ibi, heading) => {
    const disk = ibi.has('disk') ? `disk "${ibi.disk.path}"` : 'the disk';
    if (heading.startsWith('Write')) return `${disk} has lost its old contents and is written again by the next run`;
    if (heading.startsWith('Fill')) return `${disk} is not finished; the next run continues with what is good on it`;
    return `${disk} is filled but not sealed; the next run finishes it`;
  },
  evidence: ({ host }, { configurationFile }) => [
    fileEvidence('configuration', configurationFile === '' ? '/var/tmp/ibi-configuration.json' : configurationFile),
    fileEvidence('precache-status.json', places.precacheStatus),
    { name: 'disks.txt', text: () => diskEvidence(host) },
    { name: 'install-record.json', text: async () => json((await readRecord(places.root)) ?? null) },
    { name: 'boot-entries.json', text: async () => json(await bootEntries(places.root)) },
  ],
  secretFiles: [places.pullSecret],
  recordElsewhere: {
    says: 'a disk that ibi finished',
    isOne: (from) => from.startsWith('/dev/'),
    read: async ({ host, log }, from) =>
      (await recordOnDisk(host, await resolveDisk(host, from, { say: log.info }), places.runFolder))?.result?.['run'],
  },
};

/** The installer writes the file when we are called by its script as `lca-cli`; a person does when we are called as `ibi`. */
export const unknownKeysFor = (calledAs: string): 'refuse' | 'warn' =>
  calledAs.startsWith('lca-cli') ? 'warn' : 'refuse';
