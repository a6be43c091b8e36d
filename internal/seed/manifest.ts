import { z } from 'zod';
import { Failure, messageOf } from '../errors/errors.ts';

/** Labels of a seed image. */
export const formatLabel = 'com.openshift.lifecycle-agent.seed_format_version';
export const manifestLabel = 'com.openshift.lifecycle-agent.seed_cluster_info';

/** The seed format that we read. */
export const supportedFormat = '4';

/**
 * What the seed cluster was: `manifest.json` of the seed and the label of the same content. Unknown keys are kept out of
 * sight, both spellings of the node addresses are read.
 */
const seedManifestSchema = z.looseObject({
  seed_cluster_ocp_version: z.string().optional(),
  release_registry: z.string().default(''),
  mirror_registry_configured: z.boolean().default(false),
  container_storage_mountpoint_target: z.string().optional(),
  has_fips: z.boolean().default(false),
  has_proxy: z.boolean().default(false),
  node_ip: z.string().optional(),
  node_ips: z.array(z.string()).optional(),
});

export type SeedManifest = z.infer<typeof seedManifestSchema>;

/**
 * Parses a seed manifest.
 *
 * @param where names the source in errors ("label …", "manifest.json")
 */
export function parseSeedManifest(text: string, where: string): SeedManifest {
  try {
    return seedManifestSchema.parse(JSON.parse(text));
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
        : messageOf(error);
    throw new Failure(`the seed manifest in ${where} cannot be read`, {
      why,
      next: 'build the seed image again with lca-cli create',
    });
  }
}

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
