/**
 * Runs `work` on all values, at most `atOnce` at a time; the order of results is that of values. After a failure nothing more begins,
 * and it is thrown when what had begun is over: nobody writes behind a clean-up.
 */
export async function eachOf<From, To>(
  values: readonly From[],
  atOnce: number,
  work: (value: From) => Promise<To>,
): Promise<To[]> {
  const results: To[] = new Array<To>(values.length);
  const waiting = values.entries();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const [at, value] of waiting) {
      if (failed) return;
      try {
        results[at] = await work(value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(atOnce, values.length) }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return results;
}

/** The values in their order, in groups of this size; the last may be smaller. */
export function chunksOf<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, at) => values.slice(at * size, (at + 1) * size));
}
