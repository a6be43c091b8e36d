import type { RecertConfig } from '../config/recert-config.ts';
import type { Host } from '../host/host.ts';
import type { MemberChange, Written } from './commit/commit.ts';
import type { Replacement } from './document.ts';
import type { KeySupply } from './keys/key-supply.ts';
import type { AtRest } from './encryption/at-rest.ts';
import type { Renamed } from './rename/rename.ts';
import type { Renaming } from './rename/renaming.ts';
import type { Renewal } from './renew/renewal.ts';
import {
  beginRename,
  commitPlan,
  defragment,
  encrypt,
  memberChange,
  openCluster,
  refuseFaults,
  renameCluster,
  renewCluster,
  renewSshKeys,
  type Tell,
} from './stages.ts';

/** What a run computed and, unless it was dry, wrote. `renewal` holds private keys. */
export type Outcome = {
  readonly renewal: Renewal;
  /** What changes beside certificates, keys and tokens. */
  readonly renamings: readonly Renaming[];
  readonly member?: MemberChange;
  /** What was seen and left alone. */
  readonly facts: readonly string[];
  readonly replacements: readonly Replacement[];
  readonly encryption: AtRest['type'] | undefined;
  /** Absent in a dry run. */
  readonly written?: Written;
  readonly timings: { readonly renameMs: number; readonly commitMs: number; readonly totalMs: number };
};

/** Where an outcome is put as far as there is one, so that a failed run can report, too. */
export type Progress = { renewal?: Renewal; renamed?: Renamed };

/**
 * Renews every key, certificate and token of a stopped cluster, in etcd and in files, and gives it its new identity: all of it, or nothing. A dry
 * run writes nothing. Read from top to bottom; each line is a stage, and a stage that has nothing to do says so by giving back nothing.
 *
 * @throws Failure; when it does, nothing is changed, or the journal in the state folder says what is
 *
 * @param keys keys that are being made already; used up by this run
 */
export async function recert(
  host: Host,
  config: RecertConfig,
  tell: Tell,
  { progress = {}, keys }: { readonly progress?: Progress; readonly keys?: KeySupply | undefined } = {},
): Promise<Outcome> {
  const started = performance.now();
  using reading = untilWriting(host.stop);
  const run = { host, config, tell, keys };

  await using opened = await openCluster(run, reading.stop);
  const beginning = beginRename(run, opened);

  const renewal = (progress.renewal = await renewCluster(run, opened));
  refuseFaults('the new certificates do not fit together', renewal.faults);

  const renamed = (progress.renamed = await renameCluster(run, beginning, renewal));
  refuseFaults('the new identity does not fit', renamed.faults);
  const member = await memberChange(opened, renamed.peerUrls);

  const sshKeys = await renewSshKeys(run, opened);
  const { replacements, seal } = await encrypt(run, opened, [...renamed.replacements, ...sshKeys]);

  const computed = {
    renewal,
    renamings: renamed.renamings,
    facts: [...renewal.facts, ...renamed.facts],
    ...(member === undefined ? {} : { member }),
    replacements,
    encryption: opened.etcd?.atRest.type,
  };
  const timings = (commitMs: number): Outcome['timings'] => ({
    renameMs: renamed.ms,
    commitMs,
    totalMs: performance.now() - started,
  });
  if (config.dryRun) return { ...computed, timings: timings(0) };

  const { written, ms } = await commitPlan(run, opened, { replacements, seal, member, onWriting: reading.end });
  await defragment(run, opened);
  return { ...computed, written, timings: timings(ms) };
}

/** Reading stops on request; once the writing has begun, ending it is quicker and safer than stopping. */
function untilWriting(stop: AbortSignal): { readonly stop: AbortSignal; readonly end: () => void } & Disposable {
  const reading = new AbortController();
  const onStop = (): void => {
    reading.abort();
  };
  const end = (): void => {
    stop.removeEventListener('abort', onStop);
  };
  stop.addEventListener('abort', onStop, { once: true });
  return { stop: reading.signal, end, [Symbol.dispose]: end };
}
