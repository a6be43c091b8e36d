import type { Failure } from '../errors/errors.ts';
import { isLocalName, parseReference } from '../image/reference.ts';
import { placesOf, type Egress } from './egress.ts';
import { RegistryFailure } from './trouble.ts';

/** True when no rule of registries.conf leads `localhost/NAME` elsewhere. */
export function isOnlyLocal(egress: Egress, image: string): boolean {
  try {
    return placesOf(egress, parseReference(image)).every(({ reference }) => isLocalName(reference));
  } catch {
    return false; // no name, or blocked: that is told elsewhere
  }
}

/** An image that is known only on the machine that built it: nobody can pull it, however often it is tried. */
export function localImageTrouble(image: string, role: 'seed' | 'listed', cause: Failure): RegistryFailure {
  const reason = cause.why === undefined ? cause.message : `${cause.message}: ${cause.why}`;
  return role === 'seed'
    ? new RegistryFailure('absent', `seed image "${image}" is not in a registry`, {
        why: `"localhost/" is the name of what was built on a machine and not pushed (${reason})`,
        next: 'push it to a registry from the machine that built it, and give that name as seedImage',
        cause,
      })
    : new RegistryFailure('absent', `image "${image}" is in no registry`, {
        why: `it was built on the seed cluster and cannot be pulled from anywhere (${reason})`,
        next: `at the seed cluster, push "${image}" to a registry and use it from there, or remove it; then make the seed again`,
        cause,
      });
}
