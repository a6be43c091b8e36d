import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { goEnvironment, newEnoughGo } from '../../test/go.ts';

/** The module file that pins Kubernetes for this repository; its sums verify what is fetched. */
const pinned = new URL('../../test/cluster/apiserver', import.meta.url);

/** Stable versions: what a cluster stores unless somebody switched more on. */
const stable = /^[a-z0-9.]+\.v\d+\.[A-Za-z]+\.(?:pb|json)$/;

let files: Promise<ReadonlyMap<string, Uint8Array>> | undefined;

/**
 * The golden objects of Kubernetes, file name (`core.v1.Secret.pb`) → content: of the Go module k8s.io/api, which is fetched where the
 * module cache does not have it yet. Every field of every object is filled, and a `.pb` is an etcd value to the byte.
 */
export function golden(): Promise<ReadonlyMap<string, Uint8Array>> {
  files ??= read();
  return files;
}

async function read(): Promise<ReadonlyMap<string, Uint8Array>> {
  const go = await newEnoughGo(() => undefined);
  const { stdout } = await promisify(execFile)(go, ['mod', 'download', '-json', 'k8s.io/api'], {
    cwd: pinned,
    env: goEnvironment(),
  });
  const { Dir } = JSON.parse(stdout) as { Dir: string }; // what `go help mod download` promises
  const folder = join(Dir, 'testdata/HEAD');
  const names = (await readdir(folder)).filter((name) => stable.test(name)).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, new Uint8Array(await readFile(join(folder, name)))] as const)),
  );
}
