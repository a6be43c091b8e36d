import { join } from 'node:path';
import { Failure } from '../errors/errors.ts';
import { namesIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { removeTree } from '../host/remove.ts';
import { deploymentsOf, type Deployment } from './deployments.ts';
import { initStateroot } from './stateroot.ts';

/** What to deploy. */
export type DeployRequest = {
  /** Where the target's root file system is mounted. */
  readonly sysroot: string;
  readonly stateroot: string;
  readonly commit: string;
  /** Kernel arguments exactly as they shall stand in the boot entry, one each. */
  readonly kernelArguments: readonly string[];
};

/** The deployment of this commit in this stateroot, if the sysroot would boot it. */
export async function findDeployment(
  sysroot: string,
  stateroot: string,
  commit: string,
): Promise<Deployment | undefined> {
  return (await deploymentsOf(sysroot)).find(
    (deployment) => deployment.stateroot === stateroot && deployment.commit === commit,
  );
}

/**
 * Copies commits from a repository on the same file system: objects of a bare repository are linked, not copied.
 * Without fsync of each object, because the deployment that follows syncs the whole file system.
 *
 * What is copied must be on stable storage: after a power cut nobody would copy it again.
 */
export async function pullLocal(
  host: Host,
  sysroot: string,
  repository: string,
  commits: readonly string[],
): Promise<void> {
  const own = `${sysroot}/ostree/repo`;
  await host.run('ostree', ['pull-local', '--disable-fsync', '--repo', own, repository, ...commits], {
    budgetMs: 20 * 60_000,
  });
}

/**
 * Deploys a commit as the default of a new stateroot, keeping what is deployed already. Doing it twice makes one deployment.
 *
 * The stock system stays bootable until `dropOtherDeployments`: a power cut before that leaves a disk that boots something.
 */
export async function deploy(host: Host, request: DeployRequest): Promise<Deployment> {
  const { sysroot, stateroot, commit } = request;
  await initStateroot(host, sysroot, stateroot);
  const karguments = request.kernelArguments.flatMap((argument) => ['--karg-append', argument]);
  await host.run(
    'ostree',
    ['admin', 'deploy', '--sysroot', sysroot, '--os', stateroot, '--no-prune', ...karguments, commit],
    { budgetMs: 20 * 60_000 },
  );
  const deployment = await findDeployment(sysroot, stateroot, commit);
  if (deployment !== undefined) return deployment;
  throw new Failure(`commit "${commit}" is not deployed in stateroot "${stateroot}"`, {
    why: 'ostree reported success, but no boot entry leads to it',
  });
}

/**
 * Takes back half-made deployments of a killed run: folders that no boot entry names. Not by `ostree admin cleanup`, which prunes the
 * repository as well and with it the commit that is to be deployed.
 */
export async function removeUnfinished(host: Host, sysroot: string, stateroot: string): Promise<void> {
  const folder = join(sysroot, 'ostree/deploy', stateroot, 'deploy');
  const deployed = new Set((await deploymentsOf(sysroot)).map(({ path }) => path));
  const names = await namesIfPresent(folder);
  for (const name of names) {
    const path = join(folder, name.replace(/\.origin$/, ''));
    if (!deployed.has(path)) await removeTree(host, join(folder, name));
  }
}
