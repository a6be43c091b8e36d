import type { RecertConfig } from '../../internal/config/recert-config.ts';
import { Failure } from '../../internal/errors/errors.ts';
import type { Host } from '../../internal/host/host.ts';
import { summaryText, type SummaryInput } from '../../internal/recert/report/report.ts';

/**
 * Writes the summaries that are asked for, of a run that ended either way. Each is 0600: the full one holds private keys, and the clean
 * one names what a cluster is made of.
 *
 * @param out gets what is to stand on standard output, as it is: a full summary is asked for because of its keys
 */
export async function writeSummaries(
  host: Host,
  config: RecertConfig,
  input: Omit<SummaryInput, 'config'>,
  out: (text: string) => void,
): Promise<void> {
  for (const [file, variant] of [
    [config.summaryFile, 'full'],
    [config.summaryFileClean, 'clean'],
  ] as const) {
    if (file === undefined) continue;
    const text = summaryText({ ...input, config }, variant);
    if (file === '-') out(text);
    else
      await host.writeFile(file, text).catch((error: unknown) => {
        throw new Failure(`the summary "${file}" cannot be written`, {
          cause: error,
          next: 'make room, or give another file',
        });
      });
  }
}
