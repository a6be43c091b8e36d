import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Failure, isNotFound } from '../errors/errors.ts';
import { namesIfPresent } from '../host/files.ts';

/**
 * Which deployments a sysroot boots, read from the boot entries and the links they name: what a boot loader and
 * `ostree-prepare-root` will follow, rather than what a status command prints.
 */
export type Deployment = {
  readonly stateroot: string;
  /** The OSTree commit, 64 hex digits. */
  readonly commit: string;
  readonly serial: number;
  /** `<commit>.<serial>`. */
  readonly name: string;
  /** Folder of the deployment. */
  readonly path: string;
  /** The boot entry that leads here. */
  readonly entry: BootEntry;
};

/** One Boot Loader Specification file. Paths are as the boot loader sees them, relative to the boot file system. */
export type BootEntry = {
  readonly file: string;
  readonly version: number;
  readonly title: string;
  readonly linux: string;
  readonly initrd: string;
  readonly options: string;
};

/**
 * The deployments of a sysroot in boot order, the default first.
 *
 * @param sysroot where the target's root file system is mounted, its boot file system on `boot` below
 * @throws Failure when a boot entry leads nowhere
 */
export async function deploymentsOf(sysroot: string): Promise<Deployment[]> {
  const entries = await bootEntries(sysroot);
  const deployments: Deployment[] = [];
  for (const entry of entries) {
    const link = /(?:^|\s)ostree=(\S+)/.exec(entry.options)?.[1];
    if (link === undefined) continue; // not an OSTree system's entry
    deployments.push(await follow(sysroot, entry, link));
  }
  return deployments;
}

/** The boot entries, highest version (the default) first. */
export async function bootEntries(sysroot: string): Promise<BootEntry[]> {
  const folder = join(sysroot, 'boot/loader/entries');
  const names = await namesIfPresent(folder);
  const entries = await Promise.all(
    names
      .filter((name) => name.endsWith('.conf'))
      .map(async (name) => parseBootEntry(join(folder, name), await readFile(join(folder, name), 'utf8'))),
  );
  return entries.sort((a, b) => b.version - a.version);
}

/** Parses one entry: `key value` lines, the first of each key counts. */
export function parseBootEntry(file: string, text: string): BootEntry {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^(\S+)\s+(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined && !values.has(match[1])) values.set(match[1], match[2]);
  }
  const value = (key: string): string => values.get(key) ?? '';
  return {
    file,
    version: Number(value('version')) || 0,
    title: value('title'),
    linux: value('linux'),
    initrd: value('initrd'),
    options: value('options'),
  };
}

async function follow(sysroot: string, entry: BootEntry, link: string): Promise<Deployment> {
  const from = join(sysroot, link);
  const fail = (why: string): never => {
    throw new Failure(`boot entry "${basename(entry.file)}" leads to no deployment`, { why });
  };
  // …/ostree/boot.N is itself a link to boot.N.M; the last part links to the deployment, relative to its real folder.
  let target: string;
  try {
    target = resolve(await realFolder(join(from, '..'), sysroot), await readlink(from));
  } catch (error) {
    return fail(isNotFound(error) ? `"${link}" does not exist` : `"${link}" is not a link`);
  }
  const match = /\/ostree\/deploy\/([^/]+)\/deploy\/([0-9a-f]{64})\.(\d+)$/.exec(target);
  const [stateroot, commit, serial] = match?.slice(1) ?? [];
  if (stateroot === undefined || commit === undefined || serial === undefined)
    return fail(`"${link}" points to "${target}"`);
  const path = join(sysroot, 'ostree/deploy', stateroot, 'deploy', `${commit}.${serial}`);
  try {
    await readdir(path);
  } catch {
    return fail(`"${path}" does not exist`);
  }
  return { stateroot, commit, serial: Number(serial), name: `${commit}.${serial}`, path, entry };
}

/** Resolves `boot.N` inside the sysroot; an absolute link would leave it, and ostree makes only relative ones. */
async function realFolder(folder: string, sysroot: string): Promise<string> {
  const relative = folder.slice(sysroot.replace(/\/$/, '').length + 1).split('/');
  let current = sysroot;
  for (const part of relative) {
    const next = join(current, part);
    try {
      current = resolve(current, await readlink(next));
    } catch {
      current = next;
    }
  }
  return current;
}
