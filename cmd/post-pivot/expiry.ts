import { join } from 'node:path';
import { z } from 'zod';
import { readTextIfPresent } from '../../internal/host/files.ts';
import type { Host } from '../../internal/host/host.ts';
import type { Outcome } from '../../internal/recert/recert.ts';
import { firstToEnd } from '../../internal/recert/renew/record.ts';
import { places } from './places.ts';

const schema = z.object({ subject: z.string(), end: z.string() });

/** The first of the new certificates to end: until then the cluster may stay off without a hand. */
export type Expiry = z.infer<typeof schema>;

const file = join(places.stateFolder, 'expiry.json');

export async function keepExpiry(host: Host, { renewal: { record } }: Outcome): Promise<void> {
  const first = firstToEnd(record, host.now());
  if (first === undefined) return;
  await host.writeFile(file, JSON.stringify({ subject: first.subject, end: first.end.toISOString() }));
}

export async function readExpiry(): Promise<Expiry | undefined> {
  try {
    return schema.parse(JSON.parse((await readTextIfPresent(file)) ?? ''));
  } catch {
    return undefined;
  }
}
