import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Failure } from '../errors/errors.ts';
import { namesIfPresent } from '../host/files.ts';
import { deploymentsOf, type Deployment } from './deployments.ts';

/** What the boot loader will load and what it leads to, with digests for the install record. */
export type ReadBack = {
  readonly deployment: Deployment;
  readonly kernel: { readonly path: string; readonly sha256: string };
  readonly initramfs: { readonly path: string; readonly sha256: string };
};

/**
 * Proves that the default boot entry leads to this deployment: kernel and initramfs on the boot file system are the bytes
 * of the deployment, the kernel arguments stand as given, and the deployment is a system.
 *
 * @throws Failure naming the first link of the chain that does not hold
 */
export async function readBack(
  sysroot: string,
  wanted: { stateroot: string; commit: string; kernelArguments: readonly string[] },
): Promise<ReadBack> {
  const [first] = await deploymentsOf(sysroot);
  if (first === undefined) throw new Failure('the disk has no boot entry that leads to a deployment');
  if (first.stateroot !== wanted.stateroot || first.commit !== wanted.commit) {
    throw new Failure(`the default boot entry leads to stateroot "${first.stateroot}", commit "${first.commit}"`, {
      why: `it should lead to stateroot "${wanted.stateroot}", commit "${wanted.commit}"`,
    });
  }
  for (const argument of wanted.kernelArguments) {
    if (!` ${first.entry.options} `.includes(` ${argument} `))
      throw new Failure(`kernel argument "${argument}" is missing in the boot entry`, {
        why: `its options are "${first.entry.options}"`,
      });
  }
  const modules = await modulesFolder(first);
  const kernel = await sameBytes(bootPath(sysroot, first.entry.linux), join(modules, 'vmlinuz'), 'kernel');
  const initramfs = await sameBytes(bootPath(sysroot, first.entry.initrd), join(modules, 'initramfs.img'), 'initramfs');
  for (const part of ['usr', 'etc']) {
    const names = await readdir(join(first.path, part)).catch(() => []);
    if (names.length === 0)
      throw new Failure(`the deployment has no "/${part}"`, { why: `"${join(first.path, part)}" is missing or empty` });
  }
  await readFile(`${first.path}.origin`).catch((error: unknown) => {
    throw new Failure(`the deployment has no origin file "${first.name}.origin"`, { cause: error });
  });
  return { deployment: first, kernel, initramfs };
}

/** Boot entries name paths on the boot file system, with or without "/boot" in front (one file system, or two). */
function bootPath(sysroot: string, path: string): string {
  return join(sysroot, 'boot', path.replace(/^\/boot\//, '/'));
}

async function modulesFolder(deployment: Deployment): Promise<string> {
  const folder = join(deployment.path, 'usr/lib/modules');
  const versions = await namesIfPresent(folder);
  for (const version of versions) {
    const files = await readdir(join(folder, version));
    if (files.includes('vmlinuz')) return join(folder, version);
  }
  throw new Failure('the deployment has no kernel', { why: `no "vmlinuz" below "${folder}"` });
}

async function sameBytes(copy: string, original: string, name: string): Promise<{ path: string; sha256: string }> {
  const [found, wanted] = await Promise.all([sha256Of(copy, name), sha256Of(original, name)]);
  if (found !== wanted)
    throw new Failure(`the ${name} on the boot file system differs from the one of the deployment`, {
      why: `"${copy}" has sha256 ${found}, "${original}" has ${wanted}`,
    });
  return { path: copy, sha256: found };
}

async function sha256Of(path: string, name: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash).catch((error: unknown) => {
    throw new Failure(`the ${name} "${path}" cannot be read`, { cause: error });
  });
  return hash.digest('hex');
}
