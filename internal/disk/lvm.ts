import { z } from 'zod';
import type { Host } from '../host/host.ts';
import { blockDeviceAt } from './block-devices.ts';

/** One LVM physical volume, of an active or inactive volume group, or of none. */
export type PhysicalVolume = {
  /** As LVM names it; what its commands are called with. */
  readonly path: string;
  /** Device number; absent for a missing member of a group. */
  readonly device?: string;
  readonly groupName?: string;
  readonly groupUuid?: string;
};

/**
 * LVM's own device list (RHEL 9) would hide groups that this system was never told of: exactly the leftovers we look for. It is an
 * unknown setting for old versions, which ignore it. Names are not safe to act on (two disks from one image carry one group name),
 * so groups are addressed by UUID.
 */
export const lvmSettings: readonly string[] = ['--config', 'devices/use_devicesfile=0'];

const pvsOutput = z.object({
  report: z.array(
    z.object({
      pv: z.array(z.object({ pv_name: z.string(), vg_name: z.string(), vg_uuid: z.string() })).optional(),
    }),
  ),
});

/** All physical volumes that can be seen, and those their groups miss. Empty where LVM is not installed. */
export async function readPhysicalVolumes(host: Host): Promise<PhysicalVolume[]> {
  if (!(await host.has('pvs'))) return [];
  const output = await host.json(
    pvsOutput,
    'pvs',
    [...lvmSettings, '--reportformat', 'json', '--options', 'pv_name,vg_name,vg_uuid'],
    { budgetMs: 120_000 },
  );
  const volumes = output.report.flatMap((report) => report.pv ?? []);
  return Promise.all(
    volumes.map(async (volume): Promise<PhysicalVolume> => {
      const device = volume.pv_name.startsWith('/') ? await blockDeviceAt(volume.pv_name) : undefined; // "[unknown]" is a missing one
      return {
        path: volume.pv_name,
        ...(typeof device === 'string' ? { device } : {}),
        ...(volume.vg_name === '' ? {} : { groupName: volume.vg_name }),
        ...(volume.vg_uuid === '' ? {} : { groupUuid: volume.vg_uuid }),
      };
    }),
  );
}
