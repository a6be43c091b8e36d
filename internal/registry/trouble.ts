import { Failure, Interrupted, errorCode, messageOf, type FailureDetails } from '../errors/errors.ts';

/**
 * What went wrong with a registry, as far as it decides what to do next.
 *
 * | kind        | final | meaning                                                            |
 * |-------------|-------|--------------------------------------------------------------------|
 * | auth        | yes   | credentials missing, wrong or without the right                     |
 * | absent      | yes   | the registry answers and does not have it                           |
 * | untrusted   | yes   | its certificate does not lead to a known authority, or is another's |
 * | clock       | yes   | its certificate is not valid at this machine's time                 |
 * | content     | yes   | what came is not what the digest promises                           |
 * | protocol    | yes   | the answer makes no sense                                           |
 * | busy        | no    | 429 or 503 with or without Retry-After                              |
 * | server      | no    | 5xx                                                                 |
 * | unreachable | no    | no name, no route, refused                                          |
 * | broken      | no    | the connection ended early                                          |
 * | stalled     | no    | no byte for too long                                                |
 */
export type TroubleKind =
  | 'auth'
  | 'absent'
  | 'untrusted'
  | 'clock'
  | 'content'
  | 'protocol'
  | 'busy'
  | 'server'
  | 'unreachable'
  | 'broken'
  | 'stalled';

const transientKinds: ReadonlySet<TroubleKind> = new Set(['busy', 'server', 'unreachable', 'broken', 'stalled']);

/** A failure of or at a registry. Names registry and reference, never a credential. */
export class RegistryFailure extends Failure {
  override readonly name = 'RegistryFailure';
  readonly kind: TroubleKind;
  /** How long the registry asked us to stay away. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: TroubleKind,
    what: string,
    details: Omit<FailureDetails, 'transient'> & { readonly retryAfterMs?: number } = {},
  ) {
    super(what, { ...details, transient: transientKinds.has(kind) });
    this.kind = kind;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** What was asked of whom; the subject of every message. */
export type Subject = {
  /** `host[:port]` of the registry. */
  readonly registry: string;
  /** Full reference or blob, for people. */
  readonly wanted: string;
};

/** Thrown into a request that has been silent for too long. */
export class Silence extends Error {
  override readonly name = 'Silence';
  readonly seconds: number;

  constructor(ms: number) {
    super(`no byte for ${Math.round(ms / 1000)} s`);
    this.seconds = Math.round(ms / 1000);
  }
}

const untrustedCodes = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
  'CERT_REJECTED',
  'INVALID_PURPOSE',
  'CERT_REVOKED',
]);

const unreachableReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'its name is not known to DNS',
  EAI_AGAIN: 'DNS does not answer',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to its network',
  ENETDOWN: 'the network is down',
  ETIMEDOUT: 'it does not answer',
  EADDRNOTAVAIL: 'this machine has no usable address',
};

/**
 * Turns an error of a socket, of TLS or of HTTP parsing into a failure with its class. `now` is this machine's time, named when a
 * certificate's dates do not fit: a wrong clock is the usual cause on a machine fresh from the factory.
 */
export function networkTrouble(error: unknown, subject: Subject, now: Date): Failure {
  if (error instanceof Failure) return error;
  const { registry, wanted } = subject;
  const code = rootCode(error);
  const what = `registry "${registry}" did not give "${wanted}"`;
  if (error instanceof Silence)
    return new RegistryFailure('stalled', what, { why: `no byte came for ${error.seconds} s`, cause: error });
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') {
    const early = code === 'CERT_NOT_YET_VALID';
    return new RegistryFailure(
      'clock',
      `certificate of registry "${registry}" ${early ? 'is not yet valid' : 'has expired'} by this machine's clock`,
      {
        why: `the clock says ${now.toISOString()}`,
        next: early
          ? 'set the clock of this machine'
          : 'set the clock of this machine if it is wrong, else renew the certificate of the registry',
        cause: error,
      },
    );
  }
  if (isUntrusted(error)) return untrustedTrouble(error, subject, undefined);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new RegistryFailure('untrusted', `certificate of registry "${registry}" is for another name`, {
      why: certificateNames(error),
      next: 'use a name that the certificate has, or give the registry a certificate for this name',
      cause: error,
    });
  }
  if (code === 'EPROTO' || code?.startsWith('ERR_SSL_') === true) {
    return new RegistryFailure('protocol', `registry "${registry}" does not speak TLS as expected`, {
      why: messageOf(error).split('\n', 1).join('').trim(),
      next: 'check the port; a registry without TLS needs "insecure = true" in registries.conf',
      cause: error,
    });
  }
  const unreachable = code === undefined ? undefined : unreachableReasons[code];
  if (unreachable !== undefined) {
    return new RegistryFailure('unreachable', `registry "${registry}" is not reachable`, {
      why: unreachable,
      next: 'check network, DNS and proxy of this machine',
      cause: error,
    });
  }
  return new RegistryFailure('broken', what, { why: `the connection ended early (${messageOf(error)})`, cause: error });
}

/** True when TLS found no way from the certificate to a known authority. */
export function isUntrusted(error: unknown): boolean {
  return untrustedCodes.has(rootCode(error) ?? '');
}

/** Names the authority that is missing, when it could be learned. */
export function untrustedTrouble(error: unknown, { registry }: Subject, issuer: string | undefined): RegistryFailure {
  return new RegistryFailure('untrusted', `certificate of registry "${registry}" is not trusted`, {
    why: `its issuer ${issuer === undefined ? '' : `"${issuer}" `}is not among the authorities of this system (${messageOf(error)})`,
    next: `add the CA of "${registry}" to additionalTrustBundle, or to /etc/containers/certs.d/${registry}/ca.crt`,
    cause: error,
  });
}

/** Turns an HTTP status into a failure with its class. `said` is the registry's own error text. */
export function statusTrouble(
  status: number,
  subject: Subject,
  said: string,
  retryAfterMs: number | undefined,
): RegistryFailure {
  const { registry, wanted } = subject;
  const why = said === '' ? `it answered ${status}` : `it answered ${status}: ${said}`;
  const what = `registry "${registry}" did not give "${wanted}"`;
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status === 404)
    return new RegistryFailure('absent', `registry "${registry}" does not have "${wanted}"`, {
      why,
      next: 'check name and tag, or push the image',
    });
  if (status === 429 || (status === 503 && retryAfterMs !== undefined))
    return new RegistryFailure('busy', `registry "${registry}" asks to wait before "${wanted}"`, { why, ...wait });
  if (status >= 500 || status === 408) return new RegistryFailure('server', what, { why, ...wait });
  return new RegistryFailure('protocol', what, { why });
}

/** Stopped by a signal: our own stop, or a caller's budget. */
export function stoppedTrouble(subject: Subject, cause: unknown): Failure {
  return cause instanceof Failure
    ? cause
    : new Interrupted(`stopped while waiting for registry "${subject.registry}"`, {
        why: 'finished downloads are kept',
        cause,
      });
}

/** The errno of an error or of what it wraps; several addresses tried at once come as an AggregateError. */
function rootCode(error: unknown): string | undefined {
  const code = errorCode(error);
  if (error instanceof AggregateError) return error.errors.map(errorCode).find((each) => each !== undefined) ?? code;
  if (code === undefined && error instanceof Error && error.cause !== undefined) return rootCode(error.cause);
  return code;
}

function certificateNames(error: unknown): string {
  const names =
    typeof error === 'object' &&
    error !== null &&
    'cert' in error &&
    typeof error.cert === 'object' &&
    error.cert !== null &&
    'subjectaltname' in error.cert
      ? error.cert.subjectaltname
      : undefined;
  return typeof names === 'string' ? `it has ${names}` : 'it has no name that fits';
}
