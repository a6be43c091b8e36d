import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../errors/errors.ts';
import { readTextIfPresent } from '../host/files.ts';
import { bootedDeployment } from './booted.ts';
import { useOf } from './layout.ts';
import type { Staging } from './staging.ts';

/**
 * Finds the origin file of the deployment that the seed cluster had booted, and sees that it is one. Seed creation copies that of the first
 * deployment, and an update that waits for its restart stands before the booted one: the file has another name then, and
 * with it rpm-ostree would take the node for what it is not.
 *
 * @returns its path
 * @throws Failure as for any other member that a seed lacks
 */
export async function originOf(staging: Staging, reference: string): Promise<string> {
  const { name } = bootedDeployment(await staging.member('rpm-ostree.json'));
  const wanted = `ostree-${name}.origin`;
  const path = join(staging.membersFolder, wanted);
  const text = await readTextIfPresent(path);
  if (text !== undefined && hasOrigin(text)) return path;
  const others = (await readdir(staging.membersFolder)).filter((other) => useOf(other) === 'origin');
  const next = 'build the seed image again with lca-cli create';
  if (text !== undefined)
    throw new Failure(`"${wanted}" of seed image "${reference}" is no origin file`, {
      why: text.trim() === '' ? 'it is empty' : 'it has no group "[origin]" with a key',
      next,
    });
  throw new Failure(`seed image "${reference}" lacks "${wanted}"`, {
    why:
      others.length === 0
        ? 'it is not a complete seed image of format 4'
        : `it has ${others.map((other) => `"${other}"`).join(', ')}, of a deployment that the seed cluster had not booted`,
    next: others.length === 0 ? next : `restart the host of the seed cluster, then ${next}`,
  });
}

/** True for a key file with at least one key in its group "origin". */
function hasOrigin(text: string): boolean {
  const lines = text.split('\n').map((line) => line.trim());
  const from = lines.indexOf('[origin]');
  if (from < 0) return false;
  const to = lines.findIndex((line, index) => index > from && line.startsWith('['));
  return lines.slice(from, to < 0 ? undefined : to).some((line) => /^[\w-]+\s*=/.test(line));
}
