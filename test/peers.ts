import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { kubernetesRecipe } from './cluster/apiserver/build.ts';
import { ignitionValidateRecipe } from './ignition/build.ts';
import { coreosInstallerRecipe } from './vm/artefacts/coreos-installer.ts';
import { ensure, isBuilt, type Recipe, type Say } from './vm/artefacts/cache.ts';

/**
 * The real programs that tests are judged by and that this machine has to compile, once. `node test/peers.ts` builds what is missing.
 * A test that needs one asks for it itself and waits for whoever builds it: nothing depends on this file but the order in which a cold machine works.
 */
type Peer = { readonly name: string; readonly says: string; readonly recipe: (say: Say) => Recipe };

export const peers: readonly Peer[] = [
  { name: 'ignition-validate', says: 'half a minute alone', recipe: ignitionValidateRecipe },
  { name: 'kubernetes', says: 'API server, kubelet and controllers, about 7 minutes alone', recipe: kubernetesRecipe },
  { name: 'coreos-installer', says: 'about 6 minutes alone', recipe: () => coreosInstallerRecipe },
];

export async function missingPeers(): Promise<Peer[]> {
  const built = await Promise.all(peers.map(({ recipe }) => isBuilt(recipe(() => undefined))));
  return peers.filter((_, index) => built[index] !== true);
}

/** Builds them in a process of low priority; disposing ends it with all that it started. */
export function buildPeersBeside(say: (text: string) => void): { readonly done: Promise<void> } & AsyncDisposable {
  const child = spawn('nice', ['-n', '10', process.execPath, join(import.meta.dirname, 'peers.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  child.stdout.on('data', (text: Buffer) => {
    say(text.toString().trimEnd());
  });
  // A peer that can't be built is a failure of the tests that need it, and these say so.
  const done = new Promise<void>((resolve) => {
    child.on('close', () => {
      resolve();
    });
    child.on('error', () => {
      resolve();
    });
  });
  return {
    done,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
      await done;
    },
  };
}

if (process.argv[1] === import.meta.filename) {
  const say: Say = (line) => {
    process.stdout.write(`  peers: ${line}\n`);
  };
  for (const { recipe } of await missingPeers()) await ensure(recipe(say), say);
}
