import type { Renaming } from '../rename/renaming.ts';

/**
 * What changed beside certificates, keys and tokens, for the summaries: by option, then by document, each value with its path, before and
 * after. Secrets are hidden in both variants.
 */
export function identitySummary(renamings: readonly Renaming[]): object[] {
  return [...Map.groupBy(renamings, ({ option }) => option)].map(([option, some]) => ({
    option,
    changed: [
      ...Map.groupBy(
        some.filter(({ kind }) => kind !== 'removed'),
        ({ document }) => document,
      ),
    ].map(([document, ones]) => ({
      document,
      ...ones.reduce<object>((name, { to }) => (to === undefined ? name : { renamed_to: to }), {}),
      values: ones
        .flatMap(({ notes }) => notes)
        .map(({ path, before, after }) => ({ path, before: before ?? null, after: after ?? null })),
    })),
    removed: some.filter(({ kind }) => kind === 'removed').map(({ document }) => document),
  }));
}
