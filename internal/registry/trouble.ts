import { Failure, Interrupted, type FailureDetails } from '../errors/errors.ts';

/**
 * What went wrong with a registry, as far as it decides what to do next.
 *
 * | kind        | final | meaning                                                            |
 * |-------------|-------|--------------------------------------------------------------------|
 * | auth        | yes   | credentials missing, wrong or without the right                     |
 * | absent      | yes   | the registry answers and does not have it                           |
 * | untrusted   | yes   | its certificate does not lead to a known authority, is another's, or is faulty |
 * | clock       | yes   | its certificate is not valid at this machine's time                 |
 * | content     | yes   | what came is not what the digest promises                           |
 * | protocol    | yes   | the answer makes no sense                                           |
 * | settings    | yes   | the settings of this machine do not let podman ask                   |
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
  | 'settings'
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
