import { userInfo } from 'node:os';
import { join } from 'node:path';
import { exists } from '../host/files.ts';
import type { TrustPaths } from './trust.ts';

/** Files that say how this machine reaches registries. */
export type EgressPaths = TrustPaths & {
  readonly registriesConf: string;
  /** Drop-ins, folder by folder, in each by name. */
  readonly registriesFolders: readonly string[];
  readonly policy: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** A file that podman is told to read instead of the usual one. skopeo does not look at these variables. */
export function namedRegistriesConf(env: Environment): string | undefined {
  return env['CONTAINERS_REGISTRIES_CONF'] || env['REGISTRIES_CONFIG_PATH'] || undefined;
}

/**
 * Where podman of this environment finds its files (c/image: sysregistriesv2, docker_client, policy_config; Go: crypto/x509): those of
 * the user's home before those of the machine, root's too; drop-ins count beside a named registries.conf as well.
 */
export async function egressPaths(env: Environment): Promise<EgressPaths> {
  const home = join(env['HOME'] || userInfo().homedir, '.config/containers');
  const system = '/etc/containers';
  const named = namedRegistriesConf(env);
  const inHome = named === undefined && (await exists(join(home, 'registries.conf')));
  const bundle = env['SSL_CERT_FILE'];
  const folders = env['SSL_CERT_DIR'];
  return {
    registriesConf: named ?? join(inHome ? home : system, 'registries.conf'),
    registriesFolders: [...(inHome ? [] : [system]), home].map((folder) => join(folder, 'registries.conf.d')),
    policy: join((await exists(join(home, 'policy.json'))) ? home : system, 'policy.json'),
    caBundles: bundle ? [bundle] : systemBundles,
    caFolders: folders ? folders.split(':') : systemFolders,
    certFolders: [join(home, 'certs.d'), join(system, 'certs.d'), '/etc/docker/certs.d'],
  };
}

const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian
  '/etc/pki/tls/certs/ca-bundle.crt', // RHEL
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];
const systemFolders = ['/etc/ssl/certs', '/etc/pki/tls/certs'];
