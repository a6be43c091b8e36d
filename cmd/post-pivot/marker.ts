import { mkdir } from 'node:fs/promises';
import { exists } from '../../internal/host/files.ts';
import type { Host } from '../../internal/host/host.ts';
import { places } from './places.ts';

/**
 * Markers of what was done, as the reference leaves them: a host that was half done by one program can be finished by the other. Ours are
 * written durably.
 */
export type Marker =
  | 'setSSHKey'
  | 'pull-secret'
  | 'apply-static-network'
  | 'recert'
  | 'set_cluster_id'
  | 'set_node_labels'
  | 'recover_lvm_devices';

export const isMarked = (marker: Marker): Promise<boolean> => exists(places.site.marker(marker));

export async function mark(host: Host, marker: Marker): Promise<void> {
  await mkdir(places.site.work, { recursive: true, mode: 0o700 });
  await host.writeFile(places.site.marker(marker), '');
}
