/** What decides whether image names of the seed are moved to the site's own release registry. */
export type OverrideFacts = {
  /** Registries that the live system has mirrors for (`mirrorSources`). */
  readonly mirrorSources: readonly string[];
  /** `release_registry` of the seed manifest. */
  readonly seedRegistry: string;
  /** `mirror_registry_configured` of the seed manifest. */
  readonly seedHasMirrors: boolean;
};

/**
 * Whether the names in containers.list are rewritten from the seed's registry to the configured one.
 *
 * | mirror sources of this system | seed had mirrors | rewrite |
 * |-------------------------------|------------------|---------|
 * | none                          | no               | no: both pull from the public name |
 * | none                          | yes              | yes: the seed's mirror is not here |
 * | contain the seed's registry   | any              | no: the mirror rule does the work |
 * | others only                   | any              | yes |
 */
export function overridesSeedRegistry({ mirrorSources, seedRegistry, seedHasMirrors }: OverrideFacts): boolean {
  if (mirrorSources.length === 0) return seedHasMirrors;
  return !mirrorSources.includes(seedRegistry);
}

/**
 * Moves an image name from one registry to another. Only a whole registry is replaced: "quay.io" does not touch
 * "quay.io.example/x" (defect/registry-prefix). Empty or equal names change nothing.
 */
export function replaceRegistry(image: string, from: string, to: string): string {
  if (from === '' || to === '' || from === to || !image.startsWith(`${from}/`)) return image;
  return `${to}${image.slice(from.length)}`;
}
