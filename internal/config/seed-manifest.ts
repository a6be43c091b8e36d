import { z } from 'zod';
import { Failure, messageOf } from '../errors/errors.ts';
import { goObject, problemsOf } from './go-json.ts';

const text = z.string().default('');
const texts = z.array(z.string()).default([]);

/**
 * What the seed cluster was: `manifest.json` of the seed, the label of the same content, and `/var/seed_data/manifest.json` on the host made of
 * it. Both spellings of the node addresses are read.
 */
const seedManifestSchema = goObject({
  seed_cluster_ocp_version: z.string().optional(),
  base_domain: text,
  cluster_name: text,
  node_ip: z.string().optional(),
  node_ips: z.array(z.string()).optional(),
  release_registry: text,
  mirror_registry_configured: z.boolean().default(false),
  sno_hostname: text,
  recert_image_pull_spec: text,
  has_proxy: z.boolean().default(false),
  cluster_network_cidr: texts,
  service_network_cidr: texts,
  has_fips: z.boolean().default(false),
  container_storage_mountpoint_target: z.string().optional(),
  ingress_certificate_cn: text,
  machine_networks: texts,
});

export type SeedManifest = z.infer<typeof seedManifestSchema>;

/**
 * Parses a seed manifest.
 *
 * @param where names the source in errors ("label …", "manifest.json")
 */
export function parseSeedManifest(content: string, where: string): SeedManifest {
  try {
    return seedManifestSchema.parse(JSON.parse(content));
  } catch (error) {
    throw new Failure(`the seed manifest in ${where} cannot be read`, {
      why: error instanceof z.ZodError ? problemsOf(error).join('; ') : messageOf(error),
      next: 'build the seed image again with lca-cli create',
    });
  }
}

/** The addresses of the seed's node, primary first. */
export function nodeAddressesOf({ node_ips: all = [], node_ip: one = '' }: SeedManifest): readonly string[] {
  if (all.length > 0) return all;
  return one === '' ? [] : [one];
}
