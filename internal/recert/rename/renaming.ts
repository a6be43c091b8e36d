import type { Change, Note } from './change.ts';
import type { Option } from './step.ts';

/** What a run does to one document beside its certificates, keys and tokens. */
export type Renaming = {
  readonly option: Option;
  readonly says: string;
  readonly document: string;
  readonly kind: Change['kind'];
  /** The new name of what moves. */ readonly to?: string;
  readonly notes: readonly Note[];
};
