import type { RecertConfig } from '../config/recert-config.ts';
import { Failure } from '../errors/errors.ts';
import { openEtcd, type Etcd } from '../etcd/etcd.ts';
import type { Host } from '../host/host.ts';
import { commit, type MemberChange, type Written } from './commit/commit.ts';
import { openStateFolder } from './commit/state-folder.ts';
import { refuseMixture, repair } from './commit/repair.ts';
import { findAtRest, type AtRest } from './encryption/at-rest.ts';
import { rotate } from './encryption/rotate.ts';
import { useCertFrom, useKeyFrom, type RenewOptions } from './renew/options.ts';
import { renew } from './renew/renew.ts';
import { prepareRename, rehearse, rename, type Prepared, type Renamed, type RenameInput } from './rename/rename.ts';
import type { Renaming } from './rename/renaming.ts';
import type { Renewal } from './renew/renewal.ts';
import { findSshHostKeys, renewSshHostKeys, type SshHostKeys } from './keys/ssh-host-keys.ts';
import type { Stage } from './stages.ts';
import type { EtcdReader, Replacement } from './document.ts';

/** Who is told what happens. A fact is a sentence free of secrets. */
export type Tell = {
  readonly stage: (stage: Stage) => void;
  readonly say: (fact: string) => void;
  readonly warn: (fact: string) => void;
};

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
 * Renews every key, certificate and token of a stopped cluster, in etcd and in files: all of it, or nothing. A dry run writes nothing.
 *
 * @throws Failure; when it does, nothing is changed, or the journal in the state folder says what is
 */
export async function recert(host: Host, config: RecertConfig, tell: Tell, progress: Progress = {}): Promise<Outcome> {
  const started = performance.now();
  tell.stage('open');
  // Reading stops on request; once the writing has begun, ending it is quicker and safer than stopping.
  const reading = new AbortController();
  const onStop = (): void => {
    reading.abort();
  };
  host.stop.addEventListener('abort', onStop, { once: true });
  try {
    await using etcd =
      config.etcdEndpoint === undefined ? undefined : await openEtcd(config.etcdEndpoint, { stop: reading.signal });
    if (config.dryRun) await refuseMixture(config.stateFolder);
    else {
      await openStateFolder(config.stateFolder);
      await repair(host, etcd, config.stateFolder, tell.say);
    }
    const atRest = etcd === undefined ? undefined : await openAtRest(etcd, config);
    // Found before the work begins: a wrong folder is known at once.
    const sshKeys = config.serverSshKeys === undefined ? undefined : await findSshHostKeys(config.serverSshKeys);
    const clearEtcd = etcd === undefined || atRest === undefined ? undefined : clearReader(etcd, atRest);

    tell.stage('renew');
    // Most of a rename needs no certificate: it is read and worked out while keys are made. What it finds wrong is told after the renewal.
    const preparing = clearEtcd === undefined ? undefined : preparedRename(clearEtcd, config);
    preparing?.catch(() => undefined);
    const renewal = config.postprocessOnly
      ? nothingRenewed
      : await renew(host, {
          ...(clearEtcd === undefined ? {} : { etcd: clearEtcd }),
          folders: config.crypto.dirs,
          files: config.crypto.files,
          options: optionsOf(config, host.now()),
          ...(config.threads === undefined ? {} : { threads: config.threads }),
        });
    progress.renewal = renewal;
    for (const fact of renewal.facts) tell.warn(fact);
    refuseFaults('the new certificates do not fit together', renewal.faults);

    const renamed =
      preparing === undefined
        ? { ...nothingRenamed, replacements: renewal.replacements }
        : await renameCluster(preparing, renewal, tell);
    progress.renamed = renamed;
    refuseFaults('the new identity does not fit', renamed.faults);
    const member =
      etcd === undefined || renamed.peerUrls.length === 0 ? undefined : await memberChange(etcd, renamed.peerUrls);

    const newKeys = sshKeys === undefined ? [] : await newSshKeys(host, sshKeys, config.dryRun, tell);
    if (atRest !== undefined && atRest.type !== 'off') tell.stage('encrypt');
    const plan = [...renamed.replacements, ...newKeys];
    const rotation =
      clearEtcd === undefined || atRest === undefined
        ? { replacements: plan, seal: (_key: string, clear: Uint8Array) => clear, facts: [] }
        : await rotate(clearEtcd, atRest, plan, config.encryption);
    for (const fact of rotation.facts) tell.say(fact);
    const outcome = {
      renewal,
      renamings: renamed.renamings,
      facts: [...renewal.facts, ...renamed.facts],
      ...(member === undefined ? {} : { member }),
      replacements: rotation.replacements,
      encryption: atRest?.type,
    };
    if (config.dryRun)
      return { ...outcome, timings: { renameMs: renamed.ms, commitMs: 0, totalMs: performance.now() - started } };

    tell.stage('commit');
    const beforeCommit = performance.now();
    const { replacements, seal } = rotation;
    const written = await commit(
      host,
      {
        ...(etcd === undefined ? {} : { etcd }),
        replacements,
        seal,
        ...(member === undefined ? {} : { member }),
        stateFolder: config.stateFolder,
        onWriting: () => {
          host.stop.removeEventListener('abort', onStop);
        },
      },
      tell.say,
    );
    const commitMs = performance.now() - beforeCommit;
    if (config.etcdDefrag && etcd !== undefined) await defragment(etcd, tell);
    return { ...outcome, written, timings: { renameMs: renamed.ms, commitMs, totalMs: performance.now() - started } };
  } finally {
    host.stop.removeEventListener('abort', onStop);
  }
}

async function openAtRest(etcd: Etcd, config: RecertConfig): Promise<AtRest> {
  for await (const _entry of etcd.list('/', { keysOnly: true })) return findAtRest(etcd, config.cluster.dirs);
  throw new Failure(`No keys found in etcd - is the etcd database empty/corrupt?`, {
    why: `etcd at "${etcd.endpoint}" holds no key`,
    next: 'start etcd on the data of the stopped cluster (/var/lib/etcd)',
  });
}

function clearReader(etcd: Etcd, atRest: AtRest): EtcdReader {
  return {
    list: async function* list(prefix, { keysOnly = false } = {}) {
      for await (const { key, value, modRevision } of etcd.list(prefix, { keysOnly }))
        yield { key, value: keysOnly ? value : atRest.open(key, value), modRevision };
    },
  };
}

function optionsOf({ crypto }: RecertConfig, now: Date): RenewOptions {
  return {
    rules: crypto.nameRules,
    useKeys: crypto.useKeyRules.map(({ commonName, keyPem }) => useKeyFrom(commonName, keyPem.reveal())),
    useCerts: crypto.useCertRules.map(({ pem, from }) => useCertFrom(`use_cert ${from}`, pem)),
    validity: crypto.extendExpiration ? 'extend' : crypto.forceExpire ? 'expire' : 'keep',
    ipChangeOnly: crypto.ipChangeOnly,
    keepSerials: crypto.keepSerialNumbers,
    now,
  };
}

const nothingRenewed: Renewal = {
  edits: [],
  replacements: [],
  record: { certificates: [], keys: [], tokens: [] },
  facts: [],
  faults: [],
  timings: { scanMs: 0, keysMs: 0, processMs: 0, checkMs: 0, totalMs: 0 },
};
const nothingRenamed: Renamed = { replacements: [], renamings: [], peerUrls: [], facts: [], faults: [], ms: 0 };

function renameInput(etcd: EtcdReader, { cluster: { dirs, files, ...changes }, crypto }: RecertConfig): RenameInput {
  return { etcd, folders: dirs, files, changes, nameRules: crypto.nameRules };
}

async function preparedRename(etcd: EtcdReader, config: RecertConfig): Promise<Prepared> {
  const prepared = await prepareRename(renameInput(etcd, config));
  if (!config.postprocessOnly) await rehearse(prepared); // without keys to make there is nothing to wait for
  return prepared;
}

async function renameCluster(preparing: Promise<Prepared>, { replacements }: Renewal, tell: Tell): Promise<Renamed> {
  tell.stage('rename');
  const renamed = rename(await preparing, replacements);
  for (const fact of renamed.facts) tell.warn(fact);
  return renamed;
}

/** The one member of the cluster's etcd, where it is known under an old address. It is changed by the commit. */
async function memberChange(etcd: Etcd, urls: Renamed['peerUrls']): Promise<MemberChange | undefined> {
  const [member, ...others] = await etcd.members();
  if (member === undefined || others.length > 0)
    throw new Failure(
      `etcd at "${etcd.endpoint}" has ${others.length + (member === undefined ? 0 : 1)} members; "ip" is for a cluster of one`,
      { next: 'start etcd on the data of the stopped cluster alone' },
    );
  const known = urls.find(({ old }) => member.peerUrls.includes(old));
  return known === undefined || known.old === known.fresh
    ? undefined
    : { id: member.id, before: member.peerUrls, after: [known.fresh] };
}

function refuseFaults(what: string, faults: readonly string[]): void {
  const [first, ...more] = faults;
  if (first === undefined) return;
  throw new Failure(`${what}: ${first}`, {
    ...(more.length === 0
      ? {}
      : { why: `${more.length} more: ${more.slice(0, 5).join('; ')}${more.length > 5 ? '; …' : ''}` }),
    next: 'report this with the output of: recert plan --json',
  });
}

async function newSshKeys(host: Host, keys: SshHostKeys, dryRun: boolean, tell: Tell): Promise<Replacement[]> {
  tell.stage('ssh-keys');
  for (const path of keys.left)
    tell.warn(`"${path}" is left as it is: it is no key, and what certifies an old key does not fit the new one`);
  if (!dryRun) return renewSshHostKeys(host, keys);
  tell.say(`would make new SSH server keys: ${keys.files.map(({ path }) => path).join(', ')}`);
  return [];
}

/** The history holds the old keys. Everything is written by now, and a failure says so. */
async function defragment(etcd: Etcd, tell: Tell): Promise<void> {
  tell.stage('defragment');
  try {
    const before = (await etcd.status()).databaseBytes;
    await etcd.compact();
    await etcd.defragment();
    tell.say(`the database of etcd has ${mib((await etcd.status()).databaseBytes)} MiB, it had ${mib(before)}`);
  } catch (error) {
    throw new Failure('everything is renewed, but etcd could not be defragmented', {
      next: 'run: etcdctl compact and etcdctl defrag; do not run recert again',
      cause: error,
    });
  }
}

const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
