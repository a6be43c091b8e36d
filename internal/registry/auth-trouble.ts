import type { Place } from '../image/mirrors.ts';
import type { Credential } from './auth-file.ts';
import type { Egress } from './egress.ts';
import { RegistryFailure } from './trouble.ts';

/** podman stops here, whether the registry wants credentials or not. */
export function brokenAuthFile(egress: Egress, registry: string, fault: string): RegistryFailure {
  return new RegistryFailure('auth', `auth file "${egress.authFile ?? ''}" cannot be used for registry "${registry}"`, {
    why: fault,
    next: 'correct this in the pull secret; "auth" is the base64 of USER:PASSWORD',
  });
}

/** The registry answered 401 or 403; `said` is its own word for it. */
export function authTrouble(
  egress: Egress,
  place: Place,
  credential: Credential,
  wanted: string,
  status: number,
  said: string,
): RegistryFailure {
  const { registry } = place.reference;
  const answered = said === '' ? `it answered ${status}` : `it answered ${status}: ${said}`;
  const file = egress.authFile === undefined ? 'no auth file was given' : `auth file "${egress.authFile}"`;
  if (credential.kind === 'none') {
    return new RegistryFailure('auth', `registry "${registry}" wants credentials for "${wanted}"`, {
      why:
        egress.authFile === undefined
          ? file
          : credential.fault === undefined
            ? `${file} has no entry for "${registry}"`
            : `${file}: ${credential.fault}`,
      next: `add credentials for "${registry}" to the pull secret, or check the name: some registries answer so when an image does not exist`,
    });
  }
  if (status === 403) {
    return new RegistryFailure(
      'auth',
      `registry "${registry}" does not allow reading "${wanted}" with these credentials`,
      { why: answered, next: `give the account of "${registry}" in the pull secret the right to pull` },
    );
  }
  return new RegistryFailure('auth', `registry "${registry}" refused the credentials for "${wanted}"`, {
    why: answered,
    next: `renew the entry for "${registry}" in ${file}`,
  });
}
