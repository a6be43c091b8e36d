import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../../test/cluster/cluster.ts';
import { openEtcd } from '../../internal/etcd/etcd.ts';

const top = join(import.meta.dirname, '../..');

export type Ended = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

/** A good configuration of a cluster: that of the production caller, with folders of the test. */
export const configOf = ({
  config,
  folder,
}: Cluster): Cluster['config'] & {
  readonly cluster_customization_dirs: readonly string[];
  readonly state_dir: string;
} => ({ ...config, cluster_customization_dirs: config.crypto_dirs, state_dir: join(folder, 'state') });

/** Runs the program with a configuration file. `onLine` sees its log as it comes and may end it by `signal`. */
export async function runProgram(
  cluster: Cluster,
  words: readonly string[],
  config: object,
  options: {
    file?: string;
    env?: NodeJS.ProcessEnv;
    signal?: NodeJS.Signals;
    onLine?: (line: string, end: () => void) => void;
  } = {},
): Promise<Ended> {
  const file = join(cluster.folder, options.file ?? 'recert.json');
  await writeFile(file, JSON.stringify(config));
  return runBare(words, { ...options, env: { RECERT_CONFIG: file, ...options.env } });
}

export function runBare(
  words: readonly string[],
  {
    env = {},
    signal = 'SIGKILL',
    onLine,
  }: { env?: NodeJS.ProcessEnv; signal?: NodeJS.Signals; onLine?: (line: string, end: () => void) => void } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(top, 'cmd/main.ts'), 'recert', ...words], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      onLine?.(chunk.toString(), () => {
        child.kill(signal);
      });
    });
    child.on('error', reject);
    child.on('close', (status) => {
      resolve({ status, stdout, stderr });
    });
  });
}

/** Everything that a run may write: a digest for each key and file, with mode, owner and times of files. */
export async function worldOf(cluster: Cluster): Promise<Record<string, string>> {
  const world: Record<string, string> = {};
  await using etcd = await openEtcd(cluster.endpoint);
  for await (const { key, value, modRevision } of etcd.list('/')) world[key] = `${digest(value)} ${modRevision}`;
  for (const entry of await readdir(cluster.root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const { mode, uid, gid, mtimeMs, ino } = lstatSync(path);
    world[path] = entry.isFile()
      ? `${digest(readFileSync(path))} ${mode} ${uid}:${gid} ${mtimeMs} ${ino}`
      : entry.isSymbolicLink()
        ? `-> ${readlinkSync(path)}`
        : 'folder';
  }
  return world;
}

/** The world without what differs after a restore: revisions and inodes are new, contents and attributes the old. */
export function contentsOf(world: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(world).map(([name, state]) => [
      name,
      name.startsWith('/kubernetes.io') || name.startsWith('/openshift.io')
        ? (state.split(' ')[0] ?? '')
        : state.split(' ').slice(0, 4).join(' '),
    ]),
  );
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
