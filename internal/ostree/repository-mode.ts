import { join } from 'node:path';
import { readTextIfPresent } from '../host/files.ts';

const bare = /^\s*mode\s*=\s*bare\s*$/m;

/** True for a repository in which an object is a file with the very bytes, owner, mode and attributes that its checksum is of. */
export async function isBare(repository: string): Promise<boolean> {
  return bare.test(await configOf(repository));
}

/** A bare repository whose objects need nothing but their bytes and attributes. */
export async function isPlain(repository: string): Promise<boolean> {
  const config = await configOf(repository);
  return bare.test(config) && !config.includes('[ex-integrity]');
}

async function configOf(repository: string): Promise<string> {
  return (await readTextIfPresent(join(repository, 'config'))) ?? '';
}
