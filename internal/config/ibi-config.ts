import { createHash } from 'node:crypto';
import { UsageError } from '../errors/errors.ts';
import { parseConfigDocument, readConfigDocument, type ConfigDocument } from './document.ts';
import { readFields, type Field, type FieldKind, type ReadFieldsOptions, type Values } from './fields.ts';

const field = <K extends FieldKind>(kind: K, fallback: Field<K>['fallback'], says: string): Field<K> => ({
  kind,
  fallback,
  says,
});

/**
 * The keys of `ibi-configuration.json` as the installer writes them, and ours. The table of the operator's manual is made from this.
 */
export const ibiFields = {
  seedImage: field('string', '', 'pull specification of the seed image (required)'),
  seedVersion: field('string', '', 'OpenShift version; must equal the one of the seed; names the stateroot (required)'),
  installationDisk: field('string', '', 'the disk to erase, best as /dev/disk/by-id/… (required)'),
  releaseRegistry: field(
    'string',
    '',
    'registry that replaces the one of the seed in the image list, where mirrors ask for it',
  ),
  precacheBestEffort: field('boolean', false, 'go on although images are missing'),
  precacheDisabled: field('boolean', false, 'do not pull images'),
  shutdown: field('boolean', false, 'power off when finished'),
  useContainersFolder: field(
    'boolean',
    false,
    'keep container storage in a folder of the root file system, without a partition',
  ),
  extraPartitionStart: field(
    'string',
    '-40G',
    'where the container storage partition begins: -SIZE from the end, SIZE or +SIZE from the beginning, 0 in the largest free space',
  ),
  extraPartitionLabel: field(
    'string',
    'var-lib-containers',
    'its GPT partition name; must equal the one the seed mounts',
  ),
  extraPartitionNumber: field('number', 5, 'its number, when that is free'),
  skipDiskCleanup: field('boolean', false, 'leave LVM, RAID and signatures alone before writing'),
  coreosInstallerArgs: field('strings', [], 'more arguments for coreos-installer install'),
  reinstall: field('boolean', false, 'erase a disk although this very configuration has finished it before'),
} as const;

/** A checked configuration. */
export type IbiConfig = Values<typeof ibiFields> & {
  /** Names the configuration: equal for equal values whatever the spelling of the file; `reinstall` has no part in it. */
  readonly digest: string;
};

/** Reads and checks the configuration file. */
export async function readIbiConfig(options: ReadFieldsOptions): Promise<{ config: IbiConfig; warnings: string[] }> {
  return checkIbiConfig(await readConfigDocument(options.file), options);
}

/** The same for bytes at hand. */
export function parseIbiConfig(
  bytes: Uint8Array,
  options: ReadFieldsOptions,
): { config: IbiConfig; warnings: string[] } {
  return checkIbiConfig(parseConfigDocument(bytes, options.file), options);
}

function checkIbiConfig(
  document: ConfigDocument,
  options: ReadFieldsOptions,
): { config: IbiConfig; warnings: string[] } {
  const { values, warnings } = readFields(ibiFields, document, options);
  for (const key of ['seedImage', 'seedVersion', 'installationDisk'] as const) {
    if (values[key].trim() === '')
      throw new UsageError(`config file validation failed: ${key} is required`, {
        next: `set ${key} in ${options.file}`,
      });
  }
  const refuse = (key: keyof typeof values, value: string, why: string): never => {
    throw new UsageError(`config file validation failed: ${key} "${value}" ${why}`, {
      next: `correct ${key} in ${options.file}`,
    });
  };
  if (!values.installationDisk.startsWith('/'))
    refuse('installationDisk', values.installationDisk, 'is not an absolute path');
  if (!/^[A-Za-z0-9][A-Za-z0-9._+~-]*$/.test(values.seedVersion))
    refuse(
      'seedVersion',
      values.seedVersion,
      'is not a version; it names a folder and may hold letters, digits and . _ + ~ - only',
    );
  // GPT keeps 36 UTF-16 units; sfdisk's input has no way to write quotes or line ends.
  if (
    values.extraPartitionLabel === '' ||
    values.extraPartitionLabel.length > 36 ||
    /["\\\p{Cc}/]/u.test(values.extraPartitionLabel)
  ) {
    refuse(
      'extraPartitionLabel',
      values.extraPartitionLabel,
      'is not a partition name; it needs 1 to 36 characters without quotes, slashes or control characters',
    );
  }
  if (values.extraPartitionNumber < 1 || values.extraPartitionNumber > 128)
    refuse(
      'extraPartitionNumber',
      String(values.extraPartitionNumber),
      'is not a GPT partition number; it needs 1 to 128',
    );
  if (values.extraPartitionStart.trim() === '')
    refuse('extraPartitionStart', values.extraPartitionStart, 'is empty; the default is "-40G"');
  for (const argument of values.coreosInstallerArgs) {
    if (argument === '' || /\p{Cc}/u.test(argument))
      refuse('coreosInstallerArgs', argument, 'holds an empty text or control characters');
  }
  const identity = Object.entries(values).filter(([key]) => key !== 'reinstall');
  return {
    config: { ...values, digest: createHash('sha256').update(JSON.stringify(identity)).digest('hex') },
    warnings,
  };
}
