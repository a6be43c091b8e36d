import type { Edit, EtcdReader, Replacement } from '../document.ts';
import type { KeySupply } from '../keys/key-supply.ts';
import type { RenewalRecord } from './record.ts';
import type { RenewOptions } from './options.ts';

export type RenewInput = {
  /** Left out: only files are renewed. */
  readonly etcd?: EtcdReader;
  /** Folders that are searched by the reference's name patterns, and files that are read whatever their name. Absolute paths. */
  readonly folders: readonly string[];
  readonly files: readonly string[];
  /** What a person names as others': paths of PEM files, `namespace/name` of ConfigMaps and Secrets. */
  readonly externals?: readonly string[];
  readonly options: RenewOptions;
  /** Keys and signatures by the host's `openssl`. Left out: what the kernel says of FIPS mode. */
  readonly fips?: boolean;
  /** Keys made at a time. Left out: one for each CPU. */
  readonly threads?: number;
  /** Keys that are being made already; used up by the renewal. Left out: they are begun with it. */
  readonly keys?: KeySupply;
};

/** Everything that `renew` computes. Nothing has been written. */
export type Renewal = {
  /** The plan, in the order of documents. */
  readonly edits: readonly Edit[];
  /** What the commit writes. */
  readonly replacements: readonly Replacement[];
  /** The graph before and after, for summaries. Holds private keys. */
  readonly record: RenewalRecord;
  /** What was seen and left alone, one sentence each, free of secrets: broken PEM, tokens of unknown signers, external certificates. */
  readonly facts: readonly string[];
  /** What the check found wrong, one sentence each. A commit with a fault is refused. */
  readonly faults: readonly string[];
  readonly timings: RenewTimings;
};

/** Milliseconds of wall time. Keys are made while the scan runs; `keysMs` is from the start to the last key. */
export type RenewTimings = {
  readonly scanMs: number;
  readonly keysMs: number;
  readonly processMs: number;
  readonly checkMs: number;
  readonly totalMs: number;
};
