import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { UsageError, isNotFound, messageOf } from '../errors/errors.ts';
import { readTextIfPresent } from '../host/files.ts';

/** Which authorities a registry's certificate may come from. */
export type Trust = {
  /** TLS settings for requests made on behalf of a registry (`host[:port]`); made once per registry. */
  contextFor(registry: string): Promise<SecureContext>;
};

export type TrustPaths = {
  /** PEM bundles; all that exist count. */
  readonly caBundles: readonly string[];
  /** Folders with one folder per registry: `*.crt` authorities, `NAME.cert` with `NAME.key` client certificates. */
  readonly certFolders: readonly string[];
};

/**
 * Opens the trust of this system: the union of the runtime's own authorities, the system's bundles and the registry's folder.
 * A union, because leaving one of them out was a field bug each time.
 */
export function openTrust(paths: TrustPaths): Trust {
  let shared: Promise<string[]> | undefined;
  const contexts = new Map<string, Promise<SecureContext>>();
  const make = async (registry: string): Promise<SecureContext> => {
    shared ??= readBundles(paths.caBundles);
    const own = await readRegistryFolders(paths.certFolders, registry);
    try {
      return createSecureContext({
        ca: [...(await shared), ...own.authorities],
        ...(own.client === undefined ? {} : { cert: own.client.cert, key: own.client.key }),
      });
    } catch (error) {
      throw new UsageError(`certificates for registry "${registry}" cannot be used`, {
        why: messageOf(error),
        next: `check ${paths.certFolders.map((folder) => join(folder, registry)).join(' and ')}`,
        cause: error,
      });
    }
  };
  return {
    contextFor(registry) {
      const context = contexts.get(registry) ?? make(registry);
      contexts.set(registry, context);
      return context;
    },
  };
}

async function readBundles(paths: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(paths.map(readTextIfPresent));
  // One certificate that OpenSSL cannot read must not take the others away: they are given one by one, each once.
  return [...new Set([...rootCertificates, ...texts.flatMap((text) => certificatesIn(text ?? ''))])];
}

function certificatesIn(text: string): string[] {
  return (
    text.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g) ?? []
  ).map((pem) => pem.trim());
}

type RegistryFolder = { authorities: string[]; client?: { cert: string; key: string } };

async function readRegistryFolders(folders: readonly string[], registry: string): Promise<RegistryFolder> {
  const found: RegistryFolder = { authorities: [] };
  for (const folder of folders.map((each) => join(each, registry))) {
    for (const name of await namesIn(folder)) {
      if (name.endsWith('.crt'))
        found.authorities.push(...certificatesIn((await readTextIfPresent(join(folder, name))) ?? ''));
      if (!name.endsWith('.cert') || found.client !== undefined) continue;
      const cert = (await readTextIfPresent(join(folder, name))) ?? '';
      const keyPath = join(folder, name.replace(/\.cert$/, '.key'));
      const key = await readTextIfPresent(keyPath);
      if (key === undefined) throw new UsageError(`client certificate "${join(folder, name)}" has no key "${keyPath}"`);
      found.client = { cert, key };
    }
  }
  return found;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
