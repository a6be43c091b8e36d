import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { SiteManifest } from '../../internal/config/site-manifest.ts';
import { isNotFound } from '../../internal/errors/errors.ts';
import { readTextIfPresent } from '../../internal/host/files.ts';
import type { Host } from '../../internal/host/host.ts';
import { removeTree } from '../../internal/host/remove.ts';
import { places } from './places.ts';

const schema = z.object({
  finishedAt: z.string(),
  cluster: z.string(),
  clusterId: z.string(),
  /** The seed data that was used up, as a file of this very disk. */
  seed: z.string(),
});

/** What says, for as long as the host lives, that it has its site's cluster. Holds no secret. */
export type Finished = z.infer<typeof schema>;

const file = join(places.stateFolder, 'finished.json');

export async function writeFinished(host: Host, site: SiteManifest): Promise<void> {
  const finished: Finished = {
    finishedAt: host.now().toISOString(),
    cluster: `${site.cluster_name}.${site.base_domain}`,
    clusterId: site.cluster_id,
    seed: await seedData(),
  };
  await host.writeFile(file, `${JSON.stringify(finished)}\n`, { mode: 0o644 });
}

export async function readFinished(): Promise<Finished | undefined> {
  try {
    return schema.parse(JSON.parse((await readTextIfPresent(file)) ?? ''));
  } catch {
    return undefined;
  }
}

/** Names the seed data on this disk; empty when there are none. A copy of the same content on another disk is another one. */
async function seedData(): Promise<string> {
  try {
    const { ino, ctimeNs } = await stat(places.seedManifest, { bigint: true });
    return `${ino} ${ctimeNs}`;
  } catch (error) {
    if (isNotFound(error)) return '';
    throw error;
  }
}

/** Takes away the site config with its secrets and the seed's data. The unit goes last: until then it comes back and ends what a power cut has left. */
export async function endWell(host: Host): Promise<void> {
  await removeTree(host, places.site.work);
  await removeTree(host, places.seedData);
  await host.run('systemctl', ['disable', places.unit]);
}

/**
 * A finished host does nothing, whatever medium is attached; it only ends what a run that was cut off at its very end has left. Seed data that the
 * record does not know are those of a new life: a host that was made of a seed of a finished one is not finished.
 *
 * @returns what to say, or undefined when there is work
 */
export async function ifFinished(host: Host): Promise<string | undefined> {
  const finished = await readFinished();
  if (finished === undefined) return undefined;
  const seed = await seedData();
  if (seed !== '' && seed !== finished.seed) {
    host.log.warn(`"${file}" is of another life of this host, and is removed`);
    await rm(file);
    return undefined;
  }
  await endWell(host);
  return `this host is cluster "${finished.cluster}" since ${finished.finishedAt}; a config medium changes nothing any more`;
}
