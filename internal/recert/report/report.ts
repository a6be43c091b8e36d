import type { RecertConfig } from '../../config/recert-config.ts';
import { yamlText } from '../../edit/yaml-text.ts';
import { errorCode, Failure, messageOf } from '../../errors/errors.ts';
import type { Renamed } from '../rename/rename.ts';
import type { Renewal } from '../renew/renewal.ts';
import type { Variant } from './report-crypto.ts';
import { cryptoSummary } from './report-crypto.ts';
import { configSummary } from './report-config.ts';
import { identitySummary } from './report-identity.ts';

/** What a summary tells of a run. Absent is what the run did not come to. */
export type SummaryInput = {
  readonly config: RecertConfig;
  readonly renewal: Renewal | undefined;
  /** The new identity, and how long it took to compute. */
  readonly renamed: Pick<Renamed, 'renamings' | 'ms'> | undefined;
  /** Time of the commit, of etcd and files together. */
  readonly commitMs: number | undefined;
  readonly logs: readonly string[];
  /** What ended the run, if it failed. */
  readonly error: unknown;
};

/**
 * A summary of a run as YAML, in the shape of the reference's (internal/recert/README.md). The full one holds private keys, old and new; the clean one holds
 * no secret. Both are made of a failed run as well.
 */
export function summaryText(input: SummaryInput, variant: Variant): string {
  const { config, renewal, logs, error } = input;
  const renamings = input.renamed?.renamings ?? [];
  const asked = renamings.some(({ option }) => option !== 'always');
  return yamlText({
    cluster_crypto: cryptoSummary(renewal?.record ?? { certificates: [], keys: [], tokens: [] }, variant),
    // The reference has no such part: it stands only where a person asked for another identity.
    ...(asked ? { cluster_identity: identitySummary(renamings) } : {}),
    recert_config: configSummary(config, variant),
    logs,
    run_times: renewal === undefined ? null : runTimes(renewal, input.renamed?.ms ?? 0, input.commitMs ?? 0),
    error: error === undefined ? null : errorText(error),
  });
}

/** The stages of the reference. What it does to etcd and disk in one is the overlay and its check here. */
function runTimes({ timings }: Renewal, renameMs: number, commitMs: number): object {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)}s`;
  return {
    scan_run_time: seconds(timings.scanMs),
    rsa_run_time: seconds(timings.keysMs),
    processing_run_time: seconds(timings.processMs),
    commit_to_etcd_and_disk_run_time: seconds(timings.checkMs),
    ocp_postprocessing_run_time: seconds(renameMs),
    commit_to_actual_etcd_run_time: seconds(commitMs),
  };
}

/** The failure and its causes, outermost first: ours, and the system's with a code. Other libraries' words may quote what they read. */
function errorText(error: unknown): string {
  const lines: string[] = [];
  for (
    let at: unknown = error;
    at !== undefined && lines.length < 10;
    at = at instanceof Error ? at.cause : undefined
  ) {
    if (at === error || at instanceof Failure || errorCode(at) !== undefined) lines.push(messageOf(at));
    if (at instanceof Failure && at.why !== undefined) lines.push(at.why);
  }
  return lines.join(': ');
}
