import { UsageError } from '../errors/errors.ts';
import type { MirrorRules } from './mirrors.ts';
import { parseReference } from './reference.ts';

/**
 * The full name of an image, as podman completes a name without a registry where nobody can be asked: by an alias of registries.conf,
 * else by the one registry of its search list. What names a registry is returned as it is.
 *
 * @throws UsageError when there is no alias, and no such registry or several
 */
export function fullName(rules: Pick<MirrorRules, 'aliases' | 'unqualifiedSearch'>, image: string): string {
  if (parseReference(image).qualified) return image;
  const [, repository = '', rest = ''] = /^([^:@]*)(.*)$/.exec(image) ?? [];
  const alias = rules.aliases.get(repository);
  if (alias !== undefined) return `${alias}${rest}`;
  const [only, ...others] = rules.unqualifiedSearch;
  if (only !== undefined && others.length === 0) return `${only}/${image}`;
  throw new UsageError(`"${image}" names no registry`, {
    why:
      only === undefined
        ? 'registries.conf has neither an alias for it nor a registry to search'
        : `registries.conf has several registries to search: ${rules.unqualifiedSearch.join(', ')}`,
    next: `write the image name in full, such as ${only ?? 'quay.io'}/${image}`,
  });
}
