import type { Etcd3 } from 'etcd3';
import { messageOf } from '../errors/errors.ts';

/** What an etcd has room for, and what it complains of. */
export type EtcdSpace = {
  /** Alarms that are raised: "NOSPACE", "CORRUPT". With either of them etcd refuses to write. */
  readonly alarms: readonly string[];
  /** Size of the database file, which is what etcd holds against its quota, in bytes. */
  readonly databaseBytes: number;
  /** `--quota-backend-bytes`; undefined where etcd does not tell. */
  readonly quotaBytes: number | undefined;
};

/** True for the error of an etcd whose database has reached its quota. */
export const isOutOfSpace = (error: unknown): boolean => messageOf(error).includes('database space exceeded');

export async function alarmsOf(client: Etcd3): Promise<string[]> {
  const { alarms } = await client.maintenance.alarm({ action: 'Get', memberID: '0', alarm: 'None' });
  return [...new Set(alarms.map(({ alarm }) => alarm.toUpperCase()))];
}

/** An alarm is taken away from the member that raised it: "0" means all members where alarms are asked for, and none here. */
export async function disarm(client: Etcd3): Promise<void> {
  const { alarms } = await client.maintenance.alarm({ action: 'Get', memberID: '0', alarm: 'None' });
  for (const { alarm, memberID } of alarms)
    if (alarm.toUpperCase() === 'NOSPACE')
      await client.maintenance.alarm({ action: 'Deactivate', memberID, alarm: 'Nospace' });
}

/** etcd tells its quota among its metrics, which it serves beside gRPC, and nowhere else in the releases that clusters run. */
export async function quotaOf(address: string, budgetMs: number): Promise<number | undefined> {
  try {
    const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(budgetMs) });
    const found = answer.ok ? /^etcd_server_quota_backend_bytes (\S+)$/m.exec(await answer.text()) : null;
    const bytes = Number(found?.[1] ?? 0);
    return bytes > 0 ? bytes : undefined;
  } catch {
    return undefined;
  }
}
