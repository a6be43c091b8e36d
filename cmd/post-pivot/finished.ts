import { join } from 'node:path';
import { z } from 'zod';
import type { SiteManifest } from '../../internal/config/site-manifest.ts';
import { exists, readTextIfPresent } from '../../internal/host/files.ts';
import type { Host } from '../../internal/host/host.ts';
import { removeTree } from '../../internal/host/remove.ts';
import { places } from './places.ts';

const schema = z.object({ finishedAt: z.string(), cluster: z.string(), clusterId: z.string() });

/** What says, for as long as the host lives, that it has its site's cluster. Holds no secret. */
export type Finished = z.infer<typeof schema>;

const file = join(places.stateFolder, 'finished.json');

export async function writeFinished(host: Host, site: SiteManifest): Promise<void> {
  const finished: Finished = {
    finishedAt: host.now().toISOString(),
    cluster: `${site.cluster_name}.${site.base_domain}`,
    clusterId: site.cluster_id,
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

/**
 * A finished host does nothing, whatever medium is attached; it only ends what a run that was cut off at its very end has left.
 *
 * @returns what to say, or undefined when there is work
 */
export async function ifFinished(host: Host): Promise<string | undefined> {
  const finished = await readFinished();
  if (finished === undefined) return undefined;
  if ((await exists(places.seedManifest)) || (await exists(places.site.configuration))) {
    await host.run('systemctl', ['disable', places.unit]);
    await removeTree(host, places.site.work);
    await removeTree(host, places.seedData);
  }
  return `this host is cluster "${finished.cluster}" since ${finished.finishedAt}; a config medium changes nothing any more`;
}
