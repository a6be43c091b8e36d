import { arch } from 'node:process';
import type { Platform } from '../image/manifest.ts';

/** This machine in the words of image indexes. */
export function thisPlatform(): Platform {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64le', s390x: 's390x' };
  return { os: 'linux', architecture: names[arch] ?? arch };
}
