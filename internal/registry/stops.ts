/** What may end a piece of work early: our own stop, and the caller's budget. */
export type Stops = { readonly stop: AbortSignal; readonly signal?: AbortSignal | undefined };

/** True when one of them has. */
export function isStopped({ stop, signal }: Stops): boolean {
  return stop.aborted || signal?.aborted === true;
}

/** Both as one signal. */
export function stopOf({ stop, signal }: Stops): AbortSignal {
  return signal === undefined ? stop : AbortSignal.any([stop, signal]);
}
