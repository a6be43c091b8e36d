import { hostname } from 'node:os';
import { UsageError } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';

/**
 * Gives the host its name, or takes the one that it has.
 *
 * @throws UsageError when nothing gave it one: a node called localhost would be every node
 */
export async function settleHostName(host: Host, wanted: string): Promise<string> {
  const current = hostname();
  if (wanted === '') {
    if (current === 'localhost')
      throw new UsageError('os hostname is localhost and it is invalid, please provide a valid hostname', {
        why: 'the site manifest gives no hostname, and neither DHCP nor DNS gave the host one',
        next: 'give hostname in the site manifest, or name the host in DHCP',
      });
    return current;
  }
  await host.run('hostnamectl', ['set-hostname', wanted]);
  return wanted;
}
