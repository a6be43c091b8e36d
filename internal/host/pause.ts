import { setTimeout as sleep } from 'node:timers/promises';
import { Interrupted } from '../errors/errors.ts';
import type { Host } from './host.ts';

/**
 * Waits before the next look at something.
 *
 * @param during what is waited for, for the person who stops it: "waiting for a config medium"
 * @throws Interrupted when we are told to stop
 */
export async function pause(host: Pick<Host, 'stop'>, ms: number, during: string): Promise<void> {
  await sleep(ms, undefined, { signal: host.stop }).catch(() => {
    throw new Interrupted(`stopped on request while ${during}`);
  });
}
