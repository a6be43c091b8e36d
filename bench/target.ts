import { readFile } from 'node:fs/promises';
import type { Lab } from '../test/vm/artefacts/lab.ts';
import type { Result, RunOptions } from '../test/vm/command.ts';
import { openLane, type Lane } from '../test/vm/loop.ts';
import { registryName, type Registry } from '../test/vm/registry.ts';
import { productExecutable } from './product.ts';

export const configFile = '/var/tmp/ibi-configuration.json';
export const pullSecretFile = '/var/tmp/pull-secret.json';

/** A blank disk in a lane, with a configuration that installs one seed onto it. */
export type Target = AsyncDisposable & {
  readonly lane: Lane;
  readonly registry: Registry;
  /** Writes a file inside the lane. */
  put(path: string, text: string, mode?: string): Promise<void>;
  ibi(words: readonly string[], options?: RunOptions): Promise<Result>;
};

/** The registry itself, without the lab's front: that is a Node program which would take its share of two cores from whom we measure. */
export const directName = 'registry.lab:5001';

export type TargetOptions = {
  readonly parts: Lab;
  readonly registry: Registry;
  readonly reference: string;
  readonly version: string;
  readonly config?: Readonly<Record<string, unknown>>;
};

const GiB = 1024 ** 3;

/** Opens a lane; the disk is a sparse file with room for the largest seed on both sides. */
export async function openTarget({ parts, registry, reference, version, config }: TargetOptions): Promise<Target> {
  const scope = new AsyncDisposableStack();
  try {
    const program = await productExecutable();
    const lane = scope.use(
      await openLane({
        disks: [{ serial: 'target', sizeBytes: 32 * GiB }],
        installer: await parts.installer(),
        metal: { 512: await parts.metal(512) },
        registry,
      }),
    );
    const put = async (path: string, text: string, mode = '600'): Promise<void> => {
      await lane.run('bash', ['-c', 'cat > "$0"; chmod "$1" "$0"', path, mode], { input: text });
    };
    await put(pullSecretFile, registry.pullSecret.replaceAll(registryName, directName));
    await lane.run('cp', ['-r', `/etc/containers/certs.d/${registryName}`, `/etc/containers/certs.d/${directName}`]);
    await put(
      configFile,
      JSON.stringify({
        seedImage: reference.replace(registryName, directName),
        seedVersion: version,
        installationDisk: lane.disk.byId,
        extraPartitionStart: '-12G',
        ...config,
      }),
    );
    const held = scope.move();
    return {
      lane,
      put,
      registry,
      ibi: (words, options) => lane.run(program, words, { budgetMs: 1_800_000, ...options }),
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  } finally {
    await scope.disposeAsync();
  }
}

/** Writes and lays out the disk with the product, so that both sides fill the very same kind of disk. */
export async function writeDisk(target: Target): Promise<void> {
  for (const step of ['release-disk', 'write-os', 'lay-out-storage'])
    await target.ibi(['run', '-f', configFile, '--only', step]);
}

/** How busy the machine is with other things, for whoever reads the numbers later. */
export async function machineLoad(): Promise<number> {
  return Number((await readFile('/proc/loadavg', 'utf8')).split(' ', 1)[0]);
}
