import { randomInt } from 'node:crypto';

/** What Kubernetes draws random names from: no vowels, no look-alikes. */
const letters = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * A new infrastructure id, made as the installer makes it: the cluster's name in at most 21 characters of `[A-Za-z0-9-]`, a dash, five
 * random ones. Lower case in the random part, as a name in DNS needs.
 */
export function newInfraId(
  clusterName: string,
  random: () => string = () => letters[randomInt(letters.length)] ?? 'x',
): string {
  const stem = clusterName
    .replace(/[^A-Za-z0-9-]/g, '-')
    .replace(/-+/g, '-')
    .slice(0, 21)
    .replace(/-+$/, '');
  return `${stem}-${Array.from({ length: 5 }, random).join('')}`;
}
