import type { RecertConfig } from '../config/recert-config.ts';
import { Failure } from '../errors/errors.ts';
import { openEtcd, type Etcd } from '../etcd/etcd.ts';
import type { Host } from '../host/host.ts';
import { commit, type MemberChange, type Written } from './commit/commit.ts';
import { refuseMixture, repair } from './commit/repair.ts';
import { clearAlarms, makeRoomFor, tellAlarms } from './commit/room.ts';
import { openStateFolder } from './commit/state-folder.ts';
import type { EtcdReader, Replacement } from './document.ts';
import { findAtRest, type AtRest } from './encryption/at-rest.ts';
import { rotate, type Rotation } from './encryption/rotate.ts';
import type { KeySupply } from './keys/key-supply.ts';
import { findSshHostKeys, renewSshHostKeys, type SshHostKeys } from './keys/ssh-host-keys.ts';
import { prepareRename, rehearse, rename, type Prepared, type Renamed, type RenameInput } from './rename/rename.ts';
import { useCertFrom, useKeyFrom, type RenewOptions } from './renew/options.ts';
import { renew } from './renew/renew.ts';
import type { Renewal } from './renew/renewal.ts';

/** The stages of a run, in order, with what they do; what is not asked for is left out. The manual's table is made from this. */
export const stages = {
  open: 'Connect to etcd; repair what a run that was cut off has left',
  renew: 'Read etcd and files, make new keys, certificates and tokens, and check that they fit together',
  rename: 'Give the cluster its new identity',
  'ssh-keys': 'Make new SSH server keys',
  encrypt: 'Lay new keys of the encryption at rest over the plan',
  commit: 'Save the originals, write everything, remove the originals',
  defragment: 'Drop the history of etcd and shrink its file',
} as const;
export type Stage = keyof typeof stages;

/** Who is told what happens. A fact is a sentence free of secrets. */
export type Tell = {
  readonly stage: (stage: Stage) => void;
  readonly say: (fact: string) => void;
  readonly warn: (fact: string) => void;
};

/** What every stage works with. */
type Run = {
  readonly host: Host;
  readonly config: RecertConfig;
  readonly tell: Tell;
  readonly keys?: KeySupply | undefined;
};

/** The etcd of the cluster: as it is, and with its values in the clear. */
type OpenedEtcd = { readonly raw: Etcd; readonly clear: EtcdReader; readonly atRest: AtRest };

/** What a run works on. Without an etcd only files are renewed. */
export type Opened = AsyncDisposable & {
  readonly etcd: OpenedEtcd | undefined;
  readonly sshKeys: SshHostKeys | undefined;
};

/** Stage `open`. A run that was cut off is repaired; a dry run, which writes nothing, refuses what it would have left. */
export async function openCluster({ host, config, tell }: Run, stop: AbortSignal): Promise<Opened> {
  tell.stage('open');
  await using opening = new AsyncDisposableStack();
  const raw =
    config.etcdEndpoint === undefined ? undefined : opening.use(await openEtcd(config.etcdEndpoint, { stop }));
  if (config.dryRun) {
    if (raw !== undefined) await tellAlarms(raw, tell.warn);
    await refuseMixture(config.stateFolder);
  } else {
    await openStateFolder(config.stateFolder);
    if (raw !== undefined) await clearAlarms(raw, tell.say);
    await repair(host, raw, config.stateFolder, tell.say);
  }
  const etcd = raw === undefined ? undefined : await inTheClear(raw, config);
  // Found before the work begins: a wrong folder is known at once.
  const sshKeys = config.serverSshKeys === undefined ? undefined : await findSshHostKeys(config.serverSshKeys);
  const held = opening.move();
  return { etcd, sshKeys, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function inTheClear(raw: Etcd, config: RecertConfig): Promise<OpenedEtcd> {
  if (await isEmpty(raw))
    throw new Failure(`No keys found in etcd - is the etcd database empty/corrupt?`, {
      why: `etcd at "${raw.endpoint}" holds no key`,
      next: 'start etcd on the data of the stopped cluster (/var/lib/etcd)',
    });
  const atRest = await findAtRest(raw, config.cluster.dirs);
  const clear: EtcdReader = {
    list: async function* list(prefix, { keysOnly = false } = {}) {
      for await (const { key, value, modRevision } of raw.list(prefix, { keysOnly }))
        yield { key, value: keysOnly ? value : atRest.open(key, value), modRevision };
    },
  };
  return { raw, clear, atRest };
}

async function isEmpty(etcd: Etcd): Promise<boolean> {
  for await (const _entry of etcd.list('/', { keysOnly: true })) return false;
  return true;
}

/**
 * Begins what of a rename needs no certificate: it is read and worked out while keys are made. What it finds wrong is told after the
 * renewal.
 *
 * @returns undefined without an etcd, where there is nothing to rename
 */
export function beginRename({ config }: Run, { etcd }: Opened): Promise<Prepared> | undefined {
  if (etcd === undefined) return undefined;
  const preparing = prepare(etcd.clear, config);
  preparing.catch(() => undefined);
  return preparing;
}

async function prepare(etcd: EtcdReader, { cluster, crypto, postprocessOnly }: RecertConfig): Promise<Prepared> {
  const { dirs, files, ...changes } = cluster;
  const input: RenameInput = { etcd, folders: dirs, files, changes, nameRules: crypto.nameRules };
  const prepared = await prepareRename(input);
  if (!postprocessOnly) await rehearse(prepared); // without keys to make there is nothing to wait for
  return prepared;
}

/** Stage `renew`: new keys, certificates and tokens, checked; nothing when only the rest of a run is asked for. */
export async function renewCluster({ host, config, tell, keys }: Run, { etcd }: Opened): Promise<Renewal> {
  tell.stage('renew');
  if (config.postprocessOnly) return nothingRenewed;
  const renewal = await renew(host, {
    ...(etcd === undefined ? {} : { etcd: etcd.clear }),
    folders: config.crypto.dirs,
    files: config.crypto.files,
    externals: config.crypto.externalCertificates,
    options: optionsOf(config, host.now()),
    ...(config.threads === undefined ? {} : { threads: config.threads }),
    ...(keys === undefined ? {} : { keys }),
  });
  for (const fact of renewal.facts) tell.warn(fact);
  return renewal;
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

/** Stage `rename`: the new identity laid over the renewal. */
export async function renameCluster(
  { tell }: Run,
  beginning: Promise<Prepared> | undefined,
  { replacements }: Renewal,
): Promise<Renamed> {
  if (beginning === undefined) return { replacements, renamings: [], peerUrls: [], facts: [], faults: [], ms: 0 };
  tell.stage('rename');
  const renamed = rename(await beginning, replacements);
  for (const fact of renamed.facts) tell.warn(fact);
  return renamed;
}

/** The one member of the cluster's etcd, where it is known under an old address. It is changed by the commit. */
export async function memberChange({ etcd }: Opened, urls: Renamed['peerUrls']): Promise<MemberChange | undefined> {
  if (etcd === undefined || urls.length === 0) return undefined;
  const [member, ...others] = await etcd.raw.members();
  if (member === undefined || others.length > 0)
    throw new Failure(
      `etcd at "${etcd.raw.endpoint}" has ${others.length + (member === undefined ? 0 : 1)} members; "ip" is for a cluster of one`,
      { next: 'start etcd on the data of the stopped cluster alone' },
    );
  const known = urls.find(({ old }) => member.peerUrls.includes(old));
  return known === undefined || known.old === known.fresh
    ? undefined
    : { id: member.id, before: member.peerUrls, after: [known.fresh] };
}

/** A plan with a fault is never written: what was computed is wrong, not what was given. */
export function refuseFaults(what: string, faults: readonly string[]): void {
  const [first, ...more] = faults;
  if (first === undefined) return;
  throw new Failure(`${what}: ${first}`, {
    ...(more.length === 0
      ? {}
      : { why: `${more.length} more: ${more.slice(0, 5).join('; ')}${more.length > 5 ? '; …' : ''}` }),
    next: 'report this with the output of: recert plan --json',
  });
}

/** Stage `ssh-keys`, where a folder of SSH server keys was given. */
export async function renewSshKeys({ host, config, tell }: Run, { sshKeys }: Opened): Promise<Replacement[]> {
  if (sshKeys === undefined) return [];
  tell.stage('ssh-keys');
  for (const path of sshKeys.left)
    tell.warn(`"${path}" is left as it is: it is no key, and what certifies an old key does not fit the new one`);
  if (!config.dryRun) return renewSshHostKeys(host, sshKeys);
  tell.say(`would make new SSH server keys: ${sshKeys.files.map(({ path }) => path).join(', ')}`);
  return [];
}

/** Stage `encrypt`: new keys of the encryption at rest, where the cluster has one. */
export async function encrypt(
  { config, tell }: Run,
  { etcd }: Opened,
  plan: readonly Replacement[],
): Promise<Pick<Rotation, 'replacements' | 'seal'>> {
  if (etcd === undefined) return { replacements: plan, seal: (_key, clear) => clear };
  if (etcd.atRest.type !== 'off') tell.stage('encrypt');
  const rotation = await rotate(etcd.clear, etcd.atRest, plan, config.encryption);
  for (const fact of rotation.facts) tell.say(fact);
  return rotation;
}

/** Stage `commit`: all of the plan, or nothing. `onWriting` is called when it can no longer be stopped. */
export async function commitPlan(
  { host, config, tell }: Run,
  { etcd }: Opened,
  {
    member,
    ...plan
  }: Pick<Rotation, 'replacements' | 'seal'> & {
    readonly member: MemberChange | undefined;
    readonly onWriting: () => void;
  },
): Promise<{ readonly written: Written; readonly ms: number }> {
  tell.stage('commit');
  const began = performance.now();
  if (etcd !== undefined) await makeRoomFor(etcd.raw, plan.replacements, tell.say);
  const written = await commit(
    host,
    {
      ...(etcd === undefined ? {} : { etcd: etcd.raw }),
      ...(member === undefined ? {} : { member }),
      ...plan,
      stateFolder: config.stateFolder,
    },
    tell.say,
  );
  return { written, ms: performance.now() - began };
}

/** Stage `defragment`, where it was asked for. The history holds the old keys. Everything is written by now, and a failure says so. */
export async function defragment({ config, tell }: Run, { etcd }: Opened): Promise<void> {
  if (!config.etcdDefrag || etcd === undefined) return;
  tell.stage('defragment');
  const sizeText = async (): Promise<string> => ((await etcd.raw.status()).databaseBytes / 1024 / 1024).toFixed(1);
  try {
    const before = await sizeText();
    await etcd.raw.compact();
    await etcd.raw.defragment();
    tell.say(`the database of etcd has ${await sizeText()} MiB, it had ${before}`);
  } catch (error) {
    throw new Failure('everything is renewed, but etcd could not be defragmented', {
      next: 'run: etcdctl compact and etcdctl defrag; do not run recert again',
      cause: error,
    });
  }
}
