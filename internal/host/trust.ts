import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from './host.ts';

/**
 * Makes the host's trust anew of its anchors. Two of these at once make one of them fail (another unit does it at boot), so a failure is
 * tried again before it counts.
 */
export async function updateTrust(host: Host): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await host.run('update-ca-trust', [], { budgetMs: 5 * 60_000 });
      return;
    } catch (error) {
      if (attempt >= 4 || host.stop.aborted) throw error;
      await sleep(attempt * 1000);
    }
  }
}
