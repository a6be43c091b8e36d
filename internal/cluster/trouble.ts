import { Failure, type FailureDetails } from '../errors/errors.ts';

/**
 * What the API's answer, or its silence, means for the next attempt.
 *
 * | kind          | seen as                                             | then |
 * |---------------|-----------------------------------------------------|------|
 * | unreachable   | refused, reset, timed out, no route, name unknown    | again |
 * | tls           | the certificate is not believed                      | again within the grace: the server may still serve the old one |
 * | busy          | 429                                                 | again, after what Retry-After says |
 * | server        | 5xx, a webhook that is not up, etcd without leader   | again |
 * | conflict      | 409, 410                                            | read anew and decide anew |
 * | unauthorized  | 401                                                 | again within the grace |
 * | forbidden     | 403                                                 | again within the grace: roles are made late |
 * | unserved      | a kind that ought to be there is not served          | again within the grace: definitions are served late |
 * | absent        | 404                                                 | final, or what the caller makes of it |
 * | invalid       | 400, 405, 413, 415, 422 and all others               | final |
 */
export type TroubleKind =
  | 'unreachable'
  | 'tls'
  | 'busy'
  | 'server'
  | 'conflict'
  | 'unauthorized'
  | 'forbidden'
  | 'unserved'
  | 'absent'
  | 'invalid';

/** Trouble that passes by itself only while the cluster comes up. */
export const graceKinds: ReadonlySet<TroubleKind> = new Set(['tls', 'unauthorized', 'forbidden', 'unserved']);
const transientKinds: ReadonlySet<TroubleKind> = new Set([...graceKinds, 'unreachable', 'busy', 'server', 'conflict']);

export type ApiDetails = FailureDetails & {
  readonly status?: number;
  /** `reason` of the server's Status object. */
  readonly reason?: string;
  readonly retryAfterMs?: number | undefined;
};

/** The API did not do what was asked. `why` has the server's own words. */
export class ApiFailure extends Failure {
  override readonly name = 'ApiFailure';
  readonly kind: TroubleKind;
  readonly status: number | undefined;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(kind: TroubleKind, what: string, details: ApiDetails = {}) {
    super(what, { transient: transientKinds.has(kind), ...details });
    this.kind = kind;
    this.status = details.status;
    this.reason = details.reason ?? '';
    this.retryAfterMs = details.retryAfterMs;
  }
}

export function isKind(error: unknown, ...kinds: readonly TroubleKind[]): error is ApiFailure {
  return error instanceof ApiFailure && kinds.includes(error.kind);
}

export function kindOfStatus(status: number): TroubleKind {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'absent';
  // 410: the pages of a list are of a version that is gone; it is read anew.
  if (status === 409 || status === 410) return 'conflict';
  if (status === 408 || status === 429) return 'busy';
  return status >= 500 ? 'server' : 'invalid';
}
