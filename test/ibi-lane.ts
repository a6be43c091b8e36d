import assert from 'node:assert/strict';
import { join } from 'node:path';
import { lab } from './vm/artefacts/lab.ts';
import type { SeedOptions } from './vm/artefacts/seed-options.ts';
import type { Seed } from './vm/artefacts/seed.ts';
import type { Result } from './vm/command.ts';
import { openLane, type Lane, type LaneOptions } from './vm/loop.ts';
import type { Started } from './vm/namespace.ts';
import { startRegistry, type Registry } from './vm/registry.ts';

/**
 * `ibi` in the loop lane: a real registry with a seed and its images, a blank disk, the program as built or as it stands.
 */
export type IbiLane = AsyncDisposable & {
  readonly lane: Lane;
  readonly registry: Registry;
  readonly seed: Seed;
  readonly images: readonly string[];
  /** Writes the configuration anew; keys given here are laid over a good one. */
  configure(config?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Runs `ibi` with these words and waits. */
  ibi(words: readonly string[], env?: NodeJS.ProcessEnv): Promise<Result>;
  /** Starts it and returns at once. */
  start(
    words: readonly string[],
    options?: { env?: NodeJS.ProcessEnv; onData?: (chunk: Buffer) => void },
  ): Promise<Started>;
};

export type IbiLaneOptions = {
  readonly seed?: SeedOptions;
  /** How many images containers.list names. Default 4. */
  readonly imageCount?: number;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly lane?: Partial<LaneOptions>;
};

const top = join(import.meta.dirname, '..');
export const configFile = '/var/tmp/ibi-configuration.json';
export const pullSecretFile = '/var/tmp/pull-secret.json';

const parts = lab((line) => process.stderr.write(`# ${line}\n`));

/** Opens a lane with everything an installation needs. `SNO_IBI_BUILT=1` runs the executable instead of the sources. */
export async function openIbiLane(options: IbiLaneOptions = {}): Promise<IbiLane> {
  const scope = new AsyncDisposableStack();
  try {
    const registry = scope.use(await startRegistry());
    const set = await parts.images({ count: options.imageCount ?? 4 });
    const images: string[] = [];
    for (const { tag } of set.images) images.push(await registry.push(set.dir, tag, `lab/${tag}`));
    const seed = await parts.seed({ os: { tree: 'small' }, containers: images, ...options.seed });
    const reference = await registry.push(seed.dir, seed.image.tag);
    const lane = scope.use(
      await openLane({
        disks: [{ serial: 'target' }],
        installer: await parts.installer(),
        metal: { 512: await parts.metal(512), 4096: await parts.metal(4096) },
        registry,
        ...options.lane,
      }),
    );
    const put = (path: string, text: string): Promise<Result> =>
      lane.run('bash', ['-c', 'cat > "$0"; chmod 600 "$0"', path], { input: text });
    const configure = async (config: Readonly<Record<string, unknown>> = {}): Promise<void> => {
      await put(
        configFile,
        JSON.stringify({
          seedImage: reference,
          seedVersion: seed.version,
          installationDisk: lane.disk.byId,
          extraPartitionStart: '-2G',
          ...options.config,
          ...config,
        }),
      );
    };
    await put(pullSecretFile, registry.pullSecret);
    await configure();
    const command = (words: readonly string[]): [string, string[]] =>
      process.env['SNO_IBI_BUILT'] === undefined
        ? [process.execPath, [join(top, 'cmd/main.ts'), 'ibi', ...words]]
        : [join(top, 'dist/ibi'), [...words]];
    const held = scope.move();
    return {
      lane,
      registry,
      seed,
      images,
      configure,
      ibi: (words, env) =>
        lane.run(...command(words), { accept: 'any', budgetMs: 300_000, ...(env === undefined ? {} : { env }) }),
      start: (words, more = {}) => lane.start(...command(words), more),
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  } finally {
    await scope.disposeAsync();
  }
}

/** Installs to the end. */
export async function installIn(it: IbiLane): Promise<Result> {
  const result = await it.ibi(['run', '-f', configFile]);
  assert.equal(result.exitCode, 0, result.stderr);
  return result;
}

/** Runs a script in the lane, and gives back what it prints. */
export const shellIn = async (it: IbiLane, script: string): Promise<string> =>
  (await it.lane.run('bash', ['-c', `set -euo pipefail\n${script}`])).stdout;

export const partitionsOf = (it: IbiLane): Promise<string> => shellIn(it, `sfdisk --dump ${it.lane.disk.device}`);
