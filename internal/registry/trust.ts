import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { DEFAULT_CIPHERS, createSecureContext, type SecureContext } from 'node:tls';
import { UsageError, messageOf } from '../errors/errors.ts';
import { exists, namesIfPresent, readTextIfPresent } from '../host/files.ts';
import type { MissingAuthority } from './certificate-trouble.ts';
import { nameText } from './issuer.ts';
import { certificatesIn, systemRoots, type FoundCertificate } from './roots.ts';

/** Which authorities a registry's certificate may come from: those that podman would accept. */
export type Trust = {
  /** TLS settings for requests made on behalf of a registry (`host[:port]`); made once per registry. */
  contextFor(registry: string): Promise<SecureContext>;
  /** What to tell about an authority that is missing. */
  adviceFor(registry: string, issuer: string | undefined): Promise<MissingAuthority>;
};

export type TrustPaths = {
  /** PEM bundles; the first that exists counts. */
  readonly caBundles: readonly string[];
  /** Folders of PEM files; all count. */
  readonly caFolders: readonly string[];
  /**
   * Folders with one folder per registry (`*.crt` authorities, `NAME.cert` with `NAME.key` client certificates); the first that has one
   * for the registry counts, alone.
   */
  readonly certFolders: readonly string[];
};

type Material = {
  readonly folder: string | undefined;
  readonly roots: readonly FoundCertificate[];
  readonly client?: { cert: string; key: string };
};

/** Opens the trust of this system. */
export function openTrust(paths: TrustPaths): Trust {
  let shared: Promise<FoundCertificate[]> | undefined;
  const materials = new Map<string, Promise<Material>>();
  const contexts = new Map<string, Promise<SecureContext>>();
  const read = async (registry: string): Promise<Material> => {
    shared ??= systemRoots(paths.caBundles, paths.caFolders);
    const folder = await firstWith(paths.certFolders, registry);
    try {
      const own = folder === undefined ? { roots: [] } : await readRegistryFolder(folder);
      return { folder, ...own, roots: [...(await shared), ...own.roots] };
    } catch (error) {
      throw error instanceof UsageError ? error : unusable(registry, folder, error);
    }
  };
  const materialOf = once(materials, read);
  const contextOf = once(contexts, async (registry) => {
    const { folder, roots, client } = await materialOf(registry);
    try {
      return createSecureContext({
        // One certificate that OpenSSL cannot read must not take the others away: they are given one by one, each once.
        ca: [...new Set(roots.filter(({ counts }) => counts).map(({ pem }) => pem))],
        // For Go every certificate of the pool ends a chain: an issuing authority without its root, or the server's own.
        allowPartialTrustChain: true,
        // Go takes RSA keys of 1024 bits; OpenSSL at its level 1 does, too, and like Go refuses signatures by SHA-1.
        ciphers: `${DEFAULT_CIPHERS}:@SECLEVEL=1`,
        ...(client === undefined ? {} : { cert: client.cert, key: client.key }),
      });
    } catch (error) {
      throw unusable(registry, folder, error);
    }
  });
  return {
    contextFor: contextOf,
    async adviceFor(registry, issuer) {
      const { folder, roots } = await materialOf(registry);
      return {
        issuer,
        folder: folder ?? join('/etc/containers/certs.d', registry),
        file:
          issuer === undefined
            ? undefined
            : roots.find(({ pem, counts }) => !counts && subjectOf(pem) === issuer)?.path,
      };
    },
  };
}

function unusable(registry: string, folder: string | undefined, error: unknown): UsageError {
  return new UsageError(`certificates for registry "${registry}" cannot be used`, {
    why: messageOf(error).replace(/^error:[0-9A-F]+:[^:]*::?/, ''),
    next: `correct "${folder ?? ''}": NAME.crt authorities, NAME.cert with NAME.key client certificates`,
    cause: error,
  });
}

function once<T>(known: Map<string, Promise<T>>, make: (key: string) => Promise<T>): (key: string) => Promise<T> {
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.set(key, value);
    return value;
  };
}

/** In the words of `issuerOf`. */
function subjectOf(pem: string): string | undefined {
  try {
    return nameText(new X509Certificate(pem).toLegacyObject().subject);
  } catch {
    return undefined;
  }
}

/** The rules of c/image (pkg/tlsclientconfig): a client certificate without its key, or a key without its certificate, stops every request. */
async function readRegistryFolder(folder: string): Promise<Omit<Material, 'folder'>> {
  const roots: FoundCertificate[] = [];
  let client: Material['client'];
  const names = await namesIfPresent(folder);
  for (const name of names) {
    const path = join(folder, name);
    if (name.endsWith('.crt')) roots.push(...certificatesIn((await readTextIfPresent(path)) ?? '', path));
    const partner = name.endsWith('.cert')
      ? name.replace(/\.cert$/, '.key')
      : name.endsWith('.key')
        ? name.replace(/\.key$/, '.cert')
        : undefined;
    if (partner === undefined) continue;
    if (!names.includes(partner))
      throw new UsageError(
        `"${path}" has no ${partner.endsWith('.key') ? 'key' : 'client certificate'} "${partner}" beside it`,
        { next: `put "${partner}" into "${folder}"; an authority is named NAME.crt, not NAME.cert` },
      );
    if (name.endsWith('.cert') && client === undefined)
      client = {
        cert: (await readTextIfPresent(path)) ?? '',
        key: (await readTextIfPresent(join(folder, partner))) ?? '',
      };
  }
  return { roots, ...(client === undefined ? {} : { client }) };
}

async function firstWith(folders: readonly string[], registry: string): Promise<string | undefined> {
  for (const folder of folders.map((each) => join(each, registry))) if (await exists(folder)) return folder;
  return undefined;
}
