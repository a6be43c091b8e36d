import { UsageError } from '../errors/errors.ts';

/** An image reference, taken apart. `registry` is `host[:port]`; IPv6 hosts keep their brackets. */
export type ImageReference = {
  readonly registry: string;
  /** Path below the registry, without leading slash. */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:<64 hex>` (or sha512). */
  readonly digest?: string;
  /** False when the text named no registry and docker.io was assumed; podman then looks at its search list instead. */
  readonly qualified: boolean;
};

// The grammar of the distribution specification (https://github.com/distribution/reference), one rule per line.
const component = /[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*/;
const repositoryForm = new RegExp(`^${component.source}(?:/${component.source})*$`);
const hostComponent = /(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])/;
// A name with an underscore is no host name, and podman takes it all the same as long as no port stands behind it.
const registryForm = new RegExp(
  `^(?:(?:${hostComponent.source}(?:\\.${hostComponent.source})*|\\[[a-fA-F0-9:.]+\\])(?::[0-9]+)?|${component.source})$`,
);
const tagForm = /^\w[\w.-]{0,127}$/;
const digestForms: Readonly<Record<string, RegExp>> = { sha256: /^[a-f0-9]{64}$/, sha512: /^[a-f0-9]{128}$/ };
const longestName = 255;

/**
 * Takes an image reference apart: `[registry/]repository[:tag][@digest]`.
 *
 * A first segment counts as registry when it has a dot, a colon, an upper-case letter, or is "localhost". Without one, docker.io
 * is meant, and `library/` stands before a repository of one segment. Without tag and digest, the tag is "latest" (`printReference`
 * shows it; the field stays absent, so that "no tag was given" can still be told).
 *
 * @throws UsageError naming the text and what is wrong with it
 */
export function parseReference(text: string): ImageReference {
  const wrong = (reason: string): UsageError =>
    new UsageError(`image reference "${text}" ${reason}`, {
      next: 'write it as REGISTRY[:PORT]/REPOSITORY:TAG or REGISTRY[:PORT]/REPOSITORY@DIGEST',
    });
  if (text === '')
    throw new UsageError('image reference is empty; give one such as "quay.io/openshift-kni/seed-image:4.16.0"');
  const transport = /^([a-z-]+):\/\//.exec(text)?.[0];
  if (transport !== undefined) throw wrong(`starts with "${transport}"; give it without`);
  if (/\s/.test(text)) throw wrong('has a blank in it');

  const [beforeDigest = '', digest, ...more] = text.split('@');
  if (more.length > 0) throw wrong('has more than one "@"');
  if (digest !== undefined) checkDigest(digest, wrong);

  const { registry, rest, qualified } = splitRegistry(beforeDigest);
  if (!registryForm.test(registry) || Number(/:([0-9]+)$/.exec(registry)?.[1] ?? 0) > 65_535)
    throw wrong(`names the registry "${registry}", which is not HOST or HOST:PORT`);
  const colon = rest.lastIndexOf(':');
  const tag = colon > rest.lastIndexOf('/') ? rest.slice(colon + 1) : undefined;
  const path = tag === undefined ? rest : rest.slice(0, colon);
  if (tag !== undefined && !tagForm.test(tag))
    throw wrong(`has the tag "${tag}"; a tag has 1 to 128 letters, digits, "_", "." or "-"`);
  if (path === '') throw wrong('has no repository');
  if (path !== path.toLowerCase()) throw wrong('has upper-case letters in its repository; repositories are lower case');
  if (!repositoryForm.test(path)) throw wrong(`names the repository "${path}", which is not valid`);
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (registry.length + 1 + repository.length > longestName) throw wrong(`is longer than ${longestName} characters`);

  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
    qualified,
  };
}

/** The full form, which parses to the same image: with registry, and with ":latest" when neither tag nor digest is given. */
export function printReference(reference: ImageReference): string {
  const tag = reference.tag ?? (reference.digest === undefined ? 'latest' : undefined);
  return `${nameOf(reference)}${tag === undefined ? '' : `:${tag}`}${reference.digest === undefined ? '' : `@${reference.digest}`}`;
}

/**
 * The name to give skopeo: with a digest, the tag is left out. podman drops it itself; skopeo refuses names with both ("Docker references with
 * both a tag and digest are currently not supported").
 */
export function sourceName(reference: ImageReference): string {
  return reference.digest === undefined ? printReference(reference) : pinnedTo(reference, reference.digest);
}

/**
 * True for `localhost/NAME`, without a port: so podman names what was built on a machine and never pushed. The name says nothing of where
 * it could come from.
 */
export function isLocalName({ registry }: ImageReference): boolean {
  return registry === 'localhost';
}

/** `registry/repository`, without tag and digest. */
export function nameOf(reference: ImageReference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** The same repository, fixed to one content. */
export function pinnedTo(reference: ImageReference, digest: string): string {
  return `${nameOf(reference)}@${digest}`;
}

/** True for a digest that this program can verify. */
export function isDigest(text: string): boolean {
  const [algorithm = '', hex = ''] = text.split(':');
  return (
    Object.hasOwn(digestForms, algorithm) &&
    digestForms[algorithm]?.test(hex) === true &&
    text === `${algorithm}:${hex}`
  );
}

function checkDigest(digest: string, wrong: (reason: string) => UsageError): void {
  if (isDigest(digest)) return;
  const [algorithm = ''] = digest.split(':');
  if (!Object.hasOwn(digestForms, algorithm))
    throw wrong(`has a digest of kind "${algorithm}"; known are ${Object.keys(digestForms).join(', ')}`);
  throw wrong(
    `has the digest "${digest}", which is not ${algorithm}: and ${algorithm === 'sha256' ? 64 : 128} lower-case hexadecimal digits`,
  );
}

function splitRegistry(text: string): { registry: string; rest: string; qualified: boolean } {
  const slash = text.indexOf('/');
  const first = slash === -1 ? '' : text.slice(0, slash);
  const isRegistry = first === 'localhost' || /[.:\[A-Z]/.test(first);
  if (!isRegistry) return { registry: 'docker.io', rest: text, qualified: false };
  // Docker Hub has an old second name; one spelling keeps credentials and mirrors findable.
  return { registry: first === 'index.docker.io' ? 'docker.io' : first, rest: text.slice(slash + 1), qualified: true };
}
