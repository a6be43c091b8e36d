import type { SeedManifest } from '../config/seed-manifest.ts';
import { Failure } from '../errors/errors.ts';

/** Labels of a seed image. */
export const formatLabel = 'com.openshift.lifecycle-agent.seed_format_version';
export const manifestLabel = 'com.openshift.lifecycle-agent.seed_cluster_info';

/** The seed format that we read. */
export const supportedFormat = '4';

/** @throws Failure in the reference's words when seed and configuration name different versions */
export function requireVersion(manifest: SeedManifest, configured: string): void {
  const version = manifest.seed_cluster_ocp_version ?? '';
  if (version === configured) return;
  throw new Failure(
    `version specified in seed image (${version === '' ? 'none' : version}) differs from version in spec (${configured})`,
    {
      next:
        version === ''
          ? 'choose a seed image that names its version'
          : `set seedVersion to "${version}" or choose the seed image of version "${configured}"`,
    },
  );
}
