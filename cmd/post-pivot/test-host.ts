import { dirname } from 'node:path';
import { exampleSeed, exampleSite } from '../../internal/site/test-example.ts';
import { openOverlayRoot, type OverlayRoot } from '../../test/overlay-root.ts';
import { until, type Result } from '../../test/vm/command.ts';
import type { Started } from '../../test/vm/namespace.ts';

const top = dirname(dirname(import.meta.dirname));

/** A site of the example's seed that needs nothing of the network: its node's address is given. */
export const site = {
  ...exampleSite,
  node_ips: ['10.0.0.21'],
  ssh_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJl me@example',
  pull_secret: '{"auths":{"r.example":{"auth":"dXNlcjpjYW5hcnktb2YtdGhlLXB1bGwtc2VjcmV0"}}}',
  KubeconfigCryptoRetention: {},
};

/** The files of a config medium. */
export const mediumOf = (changes: Readonly<Record<string, unknown>> = {}): Record<string, string> => ({
  'cluster-configuration/manifest.json': JSON.stringify({ ...site, ...changes }),
  'cluster-configuration/manifests/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n',
});

/** A host just made of the example's seed. Programs of the host that would change this machine are stand-ins that note how they were called. */
export async function openSeedHost(): Promise<SeedHost> {
  const root = await openOverlayRoot();
  await root.write('/var/seed_data/manifest.json', JSON.stringify(exampleSeed));
  await root.write('/home/core/.ssh/authorized_keys.d/ignition', 'seed');
  await root.write('/var/lib/kubelet/config.json', '{}');
  await root.write('/run/calls', '');
  for (const name of ['systemctl', 'hostnamectl', 'nmstatectl', 'update-ca-trust', 'podman', 'eject'])
    await root.program(name, `echo "${name} $*" >> /run/calls`);
  const env = { NODE_COMPILE_CACHE: '' };
  const words = ['cmd/main.ts', 'post-pivot'];
  const call = (...all: readonly string[]): Promise<Result> =>
    root.run('env', ['--chdir', top, process.execPath, 'cmd/main.ts', ...all], {
      accept: 'any',
      budgetMs: 300_000,
      env,
    });
  return {
    ...root,
    [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
    call,
    postPivot: (args) => call('post-pivot', ...args),
    startPostPivot: async (args = ['run']) => {
      let text = '';
      const started = await root.start('env', ['--chdir', top, process.execPath, ...words, ...args], {
        env,
        onData: (chunk) => {
          text += chunk.toString();
        },
      });
      return {
        ...started,
        [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
        said: () => text,
        untilItSays: async (what) => {
          // What it says again while it waits is no progress.
          const progress = (): Promise<string> => Promise.resolve(text.replace(/^.*still waiting.*$/gm, ''));
          try {
            await until(`"${what.source}"`, () => what.test(text), 30_000, { progress });
          } catch (error) {
            throw new Error(`${String(error)}; it said:\n${text}`);
          }
        },
      };
    },
    calls: async () => (await root.read('/run/calls')) ?? '',
  };
}

export type SeedHost = OverlayRoot & {
  /** A program of the executable by its name. */
  call(...words: readonly string[]): Promise<Result>;
  postPivot(args: readonly string[]): Promise<Result>;
  startPostPivot(args?: readonly string[]): Promise<Talking>;
  /** How the stand-ins were called, a line each. */
  calls(): Promise<string>;
};

export type Talking = Started & { said(): string; untilItSays(what: RegExp): Promise<void> };
