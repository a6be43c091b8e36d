import { z } from 'zod';
import type { Host } from '../host/host.ts';

/** Labels of a config medium: today's and the historic one. Compared exactly. */
export const mediumLabels: readonly string[] = ['cluster-config', 'relocation-config'];

/** A block device that bears the label of a config medium. */
export type Medium = { readonly device: string; readonly label: string; readonly isDrive: boolean };

type Device = {
  readonly path: string;
  readonly label: string | null;
  readonly type: string;
  readonly children: readonly Device[];
};

const deviceSchema: z.ZodType<Device> = z.lazy(() =>
  z.object({
    path: z.string(),
    label: z.string().nullable().default(null),
    type: z.string(),
    children: z.array(deviceSchema).default([]),
  }),
);
const listSchema = z.object({ blockdevices: z.array(deviceSchema) });

/**
 * Config media of this host: whole devices, and partitions, too, which the reference does not see. Devices whose label udev has not read (a
 * drive that has just been filled, a host without udev) are asked themselves.
 */
export async function findMedia(host: Host): Promise<Medium[]> {
  const { blockdevices } = await host.json(listSchema, 'lsblk', ['--json', '--output', 'PATH,LABEL,TYPE'], {
    quiet: true,
  });
  const devices = flat(blockdevices).filter(({ type }) => readable.includes(type));
  const asked = await labelsOn(
    host,
    devices.filter(({ label, children }) => label === null && children.length === 0).map(({ path }) => path),
  );
  return devices.flatMap(({ path, label, type }) => {
    const found = label ?? asked.get(path);
    return found !== undefined && mediumLabels.includes(found)
      ? [{ device: path, label: found, isDrive: type === 'rom' }]
      : [];
  });
}

/** What can be a medium: not what lies on top of others (LVM, RAID, crypt). */
const readable: readonly string[] = ['rom', 'disk', 'part', 'loop'];

function flat(devices: readonly Device[]): Device[] {
  return devices.flatMap((device) => [device, ...flat(device.children)]);
}

async function labelsOn(host: Host, devices: readonly string[]): Promise<Map<string, string>> {
  const labels = new Map<string, string>();
  if (devices.length === 0) return labels;
  // Nothing was found on one of them (status 2, 4), or something unclear (8): neither says anything of the others.
  const { stdout } = await host.run('blkid', ['--probe', '--output', 'export', ...devices], {
    okStatuses: [0, 2, 4, 8],
    quiet: true,
  });
  for (const block of stdout.split('\n\n')) {
    const [, device] = /^DEVNAME=(.*)$/m.exec(block) ?? [];
    const [, label] = /^LABEL=(.*)$/m.exec(block) ?? [];
    if (device !== undefined && label !== undefined) labels.set(device, label.replaceAll(/\\(.)/g, '$1'));
  }
  return labels;
}
