import type { Session } from '../../internal/cli/session.ts';
import type { RecertConfig } from '../../internal/config/recert-config.ts';
import { Failure } from '../../internal/errors/errors.ts';
import type { Outcome } from '../../internal/recert/carry-out.ts';
import type { Renewal } from '../../internal/recert/renewal.ts';

export type Summed = { readonly renewal: Renewal | undefined; readonly outcome: Outcome | undefined; readonly lines: readonly string[]; readonly error: unknown };

export async function writeSummaries(_session: Session, config: RecertConfig, _summed: Summed): Promise<void> {
  await Promise.resolve();
  if (config.summaryFile !== undefined || config.summaryFileClean !== undefined) throw new Failure('summaries are not built yet');
}
