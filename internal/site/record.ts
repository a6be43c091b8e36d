import { join } from 'node:path';
import { z } from 'zod';
import { readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';

const schema = z.object({
  /** What the medium held when it was taken. */
  medium: z.string().optional(),
  device: z.string().optional(),
  takenAt: z.string().optional(),
  /** What was found wrong with the config that stands in the working folder; `of` names config and seed together. */
  refused: z.object({ of: z.string(), what: z.string() }).optional(),
});

/** What is remembered of a site config: whence it came, and why it was refused. Losing it costs a second look. */
export type SiteRecord = z.infer<typeof schema>;

const fileIn = (folder: string): string => join(folder, 'site.json');

export async function readSiteRecord(folder: string): Promise<SiteRecord> {
  const text = await readTextIfPresent(fileIn(folder));
  try {
    return text === undefined ? {} : schema.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

export async function writeSiteRecord(host: Host, folder: string, record: SiteRecord): Promise<void> {
  await host.writeFile(fileIn(folder), `${JSON.stringify(record, undefined, 1)}\n`);
}
