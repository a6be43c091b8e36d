import { Failure } from '../errors/errors.ts';

/**
 * Members of a seed image (format 4). One table decides what happens to each.
 *
 * - `keep`: small text, kept as a file beside the archives
 * - `unpack`: an archive that is unpacked while it arrives
 * - `store`: an archive that needs its place to exist first, kept as it is
 */
const members = {
  'containers.list': 'keep',
  'manifest.json': 'keep',
  'rpm-ostree.json': 'keep',
  'mco-currentconfig.json': 'keep',
  'etc.deletions': 'keep',
  'ostree.tgz': 'unpack',
  'var.tgz': 'unpack',
  'etc.tgz': 'store',
} as const;

export type MemberName = keyof typeof members;
export type MemberUse = (typeof members)[MemberName] | 'origin' | 'ignore';

/** All members that a seed must have, beside its origin file. */
export const requiredMembers = Object.keys(members) as readonly MemberName[]; // keys of the table above

/** What is done with a member of this name; `lca-cli` and left-overs of seed creation are ignored. */
export function useOf(name: string): MemberUse {
  if (Object.hasOwn(members, name)) return members[name as MemberName]; // own key of the table, by the test
  return /^ostree-[0-9a-f]{64}\.\d+\.origin$/.test(name) ? 'origin' : 'ignore';
}

/** Small members are kept whole in memory while they arrive; more than this is no such member. */
export const largestSmallMember = 64 * 1024 * 1024;

/** The root-relative name of a layer entry: `./etc.tgz` and `/etc.tgz` are `etc.tgz`. */
export function memberName(path: string): string {
  return path.replace(/^(?:\.?\/+)+/, '').replace(/\/+$/, '');
}

/** @throws Failure naming the members that a seed lacks */
export function requireMembers(found: ReadonlySet<string>, reference: string): void {
  const missing: string[] = requiredMembers.filter((name) => !found.has(name));
  if (![...found].some((name) => useOf(name) === 'origin')) missing.push('ostree-<deployment>.origin');
  if (missing.length > 0)
    throw new Failure(`seed image "${reference}" lacks ${missing.map((name) => `"${name}"`).join(', ')}`, {
      why: 'it is not a complete seed image of format 4',
      next: 'build the seed image again with lca-cli create',
    });
}
