import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { pullLocal } from './deploy.ts';
import { hasCommit, moveObjects } from './move-objects.ts';
import { moveRefs, refsOf, type Ref } from './refs.ts';

/** What a sysroot took over from a repository. */
export type TakenOver = {
  readonly refs: readonly Ref[];
  /** How many commits they name, with the one that was asked for. */
  readonly commits: number;
  /** Refs of commits that the repository does not hold; they are left out, because ostree fails on them. */
  readonly missing: readonly Ref[];
};

/**
 * Takes over from a repository on the same file system what `ostree pull-local` takes without words behind it, every ref and its commit, and the
 * commit that is to be deployed, whether a ref names it or not. Doing it again takes the rest.
 *
 * The other refs are not for show. An operating system that comes as a container image stands in the repository as its layers, one ref each:
 * without them the next update fetches all of it again, and rpm-ostree's daemon does not start (coreos/rpm-ostree#4185).
 */
export async function takeOver(host: Host, sysroot: string, repository: string, commit: string): Promise<TakenOver> {
  const own = join(sysroot, 'ostree/repo');
  const all = refsOf(repository);
  const refs = all.filter((ref) => hasCommit(repository, ref.commit) || hasCommit(own, ref.commit));
  const commits = [...new Set([commit, ...refs.map((ref) => ref.commit)])];
  if (!(await moveObjects(sysroot, repository, commits)))
    await pullLocal(
      host,
      sysroot,
      repository,
      commits.filter((one) => one === commit || hasCommit(repository, one)),
    );
  moveRefs(repository, own, refs);
  return { refs, commits: commits.length, missing: all.filter((ref) => !refs.includes(ref)) };
}
