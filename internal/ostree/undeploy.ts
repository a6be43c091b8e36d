import { join } from 'node:path';
import { Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { removeTree } from '../host/remove.ts';
import { deploymentsOf, type Deployment } from './deployments.ts';
import { stateroots } from './stateroot.ts';

/** True when nothing but this deployment is left on the sysroot. */
export async function standsAlone(sysroot: string, kept: Pick<Deployment, 'stateroot' | 'commit'>): Promise<boolean> {
  const others = (await stateroots(sysroot)).filter((name) => name !== kept.stateroot);
  return others.length === 0 && (await deploymentsOf(sysroot)).every((deployment) => isKept(deployment, kept));
}

/**
 * Removes every deployment but one, then the stateroots they lived in.
 *
 * INVARIANT: the index that `ostree admin undeploy` takes is looked up by stateroot and checksum before each call, because
 * it shifts with every deployment, and the wrong one would remove the system that was just installed.
 *
 * @returns one sentence for each thing removed
 */
export async function dropOtherDeployments(
  host: Host,
  sysroot: string,
  kept: Pick<Deployment, 'stateroot' | 'commit'>,
): Promise<string[]> {
  const removed: string[] = [];
  for (let deployments = await deploymentsOf(sysroot); ;) {
    if (!deployments.some((deployment) => isKept(deployment, kept))) {
      throw new Failure(`deployment "${kept.commit}" of stateroot "${kept.stateroot}" has no boot entry`, {
        why: 'removing the other ones would leave a disk that does not boot',
      });
    }
    const index = deployments.findIndex((deployment) => !isKept(deployment, kept));
    const other = deployments[index];
    if (other === undefined) break;
    await host.run('ostree', ['admin', 'undeploy', '--sysroot', sysroot, String(index)], {
      onStop: 'finish',
      budgetMs: 10 * 60_000,
    });
    const left = await deploymentsOf(sysroot);
    if (
      left.length !== deployments.length - 1 ||
      left.some((deployment) => deployment.stateroot === other.stateroot && deployment.name === other.name)
    ) {
      throw new Failure(
        `deployment "${other.name}" of stateroot "${other.stateroot}" is still there after ostree admin undeploy ${index}`,
      );
    }
    removed.push(`deployment ${other.commit.slice(0, 12)}.${other.serial} of stateroot "${other.stateroot}" removed`);
    deployments = left;
  }
  const others = (await stateroots(sysroot)).filter((name) => name !== kept.stateroot);
  // Killed after the entry went and before the objects did, undeploy has nothing left to do: the stateroot tells that it was begun.
  if (removed.length === 0 && others.length > 0)
    await host.run('ostree', ['admin', 'cleanup', '--sysroot', sysroot], { onStop: 'finish', budgetMs: 10 * 60_000 });
  for (const name of others) {
    await removeTree(host, join(sysroot, 'ostree/deploy', name));
    removed.push(`stateroot "${name}" removed`);
  }
  return removed;
}

function isKept(deployment: Deployment, kept: Pick<Deployment, 'stateroot' | 'commit'>): boolean {
  return deployment.stateroot === kept.stateroot && deployment.commit === kept.commit;
}
