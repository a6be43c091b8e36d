import { isIP } from 'node:net';
import { errorCode, messageOf } from '../errors/errors.ts';
import { WrongName } from './certificate-name.ts';
import { RegistryFailure } from './trouble.ts';

/** Whose certificate it was. */
export type Holder = {
  /** `host[:port]` that showed it: the registry, its token server, the storage it leads to, or a proxy. */
  readonly host: string;
  /** On whose behalf it was asked: its folder of certificates decides. */
  readonly registry: string;
  readonly isProxy?: boolean;
};

/** What could be learned about a missing authority. */
export type MissingAuthority = {
  readonly issuer?: string | undefined;
  /** The folder of the registry's certificates. */
  readonly folder?: string;
  /** A file that holds the authority in a form that does not count. */
  readonly file?: string | undefined;
};

/*
 * Node gives a failed verification OpenSSL's reason as the message and a code; the reasons it has no code for come as UNSPECIFIED.
 * (https://github.com/nodejs/node/blob/v24.x/src/crypto/crypto_common.cc, X509ErrorCode)
 */
const missingAuthority = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
]);
const outOfTime = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);
const otherFaults = new Set([
  'UNSPECIFIED',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'CERT_SIGNATURE_FAILURE',
  'CRL_SIGNATURE_FAILURE',
  'CRL_NOT_YET_VALID',
  'CRL_HAS_EXPIRED',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'INVALID_CA',
  'PATH_LENGTH_EXCEEDED',
  'INVALID_PURPOSE',
  'CERT_REJECTED',
  'HOSTNAME_MISMATCH',
]);

/** True when a certificate was looked at and refused, whatever the reason. It will be refused again. */
export function isCertificateFault(error: unknown): boolean {
  const code = errorCode(error) ?? '';
  return error instanceof WrongName || missingAuthority.has(code) || outOfTime.has(code) || otherFaults.has(code);
}

/** True when no way was found from the certificate to a known authority: worth learning which one is missing. */
export function isMissingAuthority(error: unknown): boolean {
  return missingAuthority.has(errorCode(error) ?? '');
}

/** Turns a refused certificate into a failure that says what is wrong with it. `now` is this machine's time. */
export function certificateTrouble(
  error: unknown,
  holder: Holder,
  now: Date,
  missing: MissingAuthority = {},
): RegistryFailure {
  const subject = `certificate of ${holderText(holder)}`;
  const code = errorCode(error) ?? '';
  if (error instanceof WrongName) return wrongName(error, subject, holder);
  if (outOfTime.has(code))
    return new RegistryFailure(
      'clock',
      `${subject} ${code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not yet valid'} by this machine's clock`,
      {
        why: `the clock says ${now.toISOString()}`,
        next: `set the clock of this machine if it is wrong, else give ${roleOf(holder)} another certificate`,
        cause: error,
      },
    );
  const addIt = `add the CA of "${holder.host}" to additionalTrustBundle, or to ${missing.folder ?? `/etc/containers/certs.d/${holder.registry}`}/ca.crt`;
  if (code === 'CERT_SIGNATURE_FAILURE')
    return new RegistryFailure('untrusted', `${subject} is not trusted`, {
      why: `another authority signed it than the one of that name among the authorities of this system (${reasonOf(error)})`,
      next: addIt,
      cause: error,
    });
  if (!missingAuthority.has(code))
    return new RegistryFailure('untrusted', `${subject} is not accepted`, {
      why: reasonOf(error),
      next: `give ${roleOf(holder)} another certificate`,
      cause: error,
    });
  const issuer = missing.issuer === undefined ? 'its issuer' : `its issuer "${missing.issuer}"`;
  if (missing.file !== undefined)
    return new RegistryFailure('untrusted', `${subject} is not trusted`, {
      why: `${issuer} stands in "${missing.file}" as a "TRUSTED CERTIFICATE", which podman does not read`,
      next: `write it as a plain certificate: openssl x509 -in ${missing.file} -out ${missing.file}.new && mv ${missing.file}.new ${missing.file}`,
      cause: error,
    });
  return new RegistryFailure('untrusted', `${subject} is not trusted`, {
    why: `${issuer} is not among the authorities of this system (${reasonOf(error)})`,
    next: addIt,
    cause: error,
  });
}

function wrongName({ host, names, commonName }: WrongName, subject: string, holder: Holder): RegistryFailure {
  const wish = isIP(host) === 0 ? `DNS:${host}` : `IP:${host}`;
  if (names.length > 0)
    return new RegistryFailure('untrusted', `${subject} is for another name`, {
      why: `it has ${names.join(', ')}`,
      next: 'use a name that the certificate has, or give the registry a certificate for this name',
    });
  return new RegistryFailure('untrusted', `${subject} has no name that podman looks at`, {
    why:
      commonName === undefined
        ? 'it has no subject alternative name'
        : `it has the common name "${commonName}" and no subject alternative name`,
    next: `give ${roleOf(holder)} a certificate with the subject alternative name ${wish}`,
  });
}

/** OpenSSL's reason, without Node's hint to people who start node themselves. */
export function reasonOf(error: unknown): string {
  return messageOf(error)
    .split('\n', 1)
    .join('')
    .replace(/;[^;]*--use-system-ca.*$/, '')
    .trim();
}

function holderText({ host, registry, isProxy }: Holder): string {
  if (isProxy === true) return `proxy "${host}"`;
  return host === registry ? `registry "${registry}"` : `"${host}", to which registry "${registry}" leads,`;
}

function roleOf({ host, registry, isProxy }: Holder): string {
  if (isProxy === true) return 'the proxy';
  return host === registry ? 'the registry' : `"${host}"`;
}
