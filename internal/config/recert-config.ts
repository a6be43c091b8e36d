import { UsageError } from '../errors/errors.ts';
import { Secret } from '../log/secret.ts';
import { parseConfigDocument } from './document.ts';
import { isFolder, mustBe, placesOf, readStateFolder } from './recert-config-places.ts';
import { readClusterChanges, type ClusterChanges } from './recert-config-cluster.ts';
import {
  readGiven,
  readNameRule,
  readUseCertRule,
  readUseKeyRule,
  type NameRule,
  type UseCertRule,
  type UseKeyRule,
} from './recert-config-rules.ts';
import { valuesOfDocument, valuesOfFlags, type RecertValues } from './recert-config-values.ts';

/** A checked configuration of recert. Paths exist; keys and certificates that it names have been read. */
export type RecertConfig = {
  /** `host:port`; absent: files only. */
  readonly etcdEndpoint?: string;
  readonly dryRun: boolean;
  readonly postprocessOnly: boolean;
  readonly threads?: number;
  readonly crypto: {
    readonly dirs: readonly string[];
    readonly files: readonly string[];
    readonly nameRules: readonly NameRule[];
    readonly ipChangeOnly: boolean;
    readonly useKeyRules: readonly UseKeyRule[];
    readonly useCertRules: readonly UseCertRule[];
    readonly extendExpiration: boolean;
    readonly forceExpire: boolean;
    readonly keepSerialNumbers: boolean;
    /** Absolute paths of PEM files, or `namespace/name` of ConfigMaps and Secrets in etcd. */
    readonly externalCertificates: readonly string[];
  };
  readonly cluster: ClusterChanges & { readonly dirs: readonly string[]; readonly files: readonly string[] };
  /** JSON texts of EncryptionConfiguration objects, by API server. */
  readonly encryption: { readonly kube?: Secret; readonly openshift?: Secret; readonly oauth?: Secret };
  readonly serverSshKeys?: string;
  readonly summaryFile?: string;
  readonly summaryFileClean?: string;
  readonly etcdDefrag: boolean;
  readonly stateFolder: string;
  /** The configuration as it was given, for the report: text of the file, or JSON array of the arguments. */
  readonly raw: { readonly route: 'file' | 'flags'; readonly text: Secret };
};

export const defaultStateFolder = '/var/lib/recert';

/** Reads and checks the file that RECERT_CONFIG names. Throws UsageError. */
export async function readRecertConfigFile(file: string): Promise<RecertConfig> {
  return readRecertConfigText(await readGiven(file, 'config file'), file);
}

/** The same for a text at hand; `file` only names it in errors. Throws UsageError. */
export function readRecertConfigText(text: string, file: string): Promise<RecertConfig> {
  return checkRecertConfig(valuesOfDocument(parseConfigDocument(Buffer.from(text), file), file), {
    route: 'file',
    text: new Secret(text),
  });
}

/** Reads and checks the flags of a command line; `argv` is what they were parsed from. Throws UsageError. */
export async function readRecertFlags(
  flags: Readonly<Record<string, string | readonly string[] | boolean | undefined>>,
  argv: readonly string[],
): Promise<RecertConfig> {
  return checkRecertConfig(valuesOfFlags(flags), { route: 'flags', text: new Secret(JSON.stringify(argv)) });
}

/** The rules that hold for both routes. */
export async function checkRecertConfig(values: RecertValues, raw: RecertConfig['raw']): Promise<RecertConfig> {
  const places = placesOf(values);
  refuseTogether(values);
  const nameRules = (values.cn_san_replace_rules ?? []).map(readNameRule);
  if (values.ip_change_only === true && nameRules.length === 0)
    throw new UsageError('ip-change-only requires at least one cn_san_replace rule', {
      next: 'give the rule that replaces the address',
    });
  if (values.threads !== undefined && values.threads < 1)
    throw new UsageError(`threads must be an integer from 1, it is ${String(values.threads)}`, {
      next: 'leave it out for one thread for each CPU',
    });
  const etcdEndpoint = values.etcd_endpoint === undefined ? undefined : readEndpoint(values.etcd_endpoint);
  for (const path of places.cryptoDirs) await mustBe('folder', 'crypto_dir', path);
  for (const path of places.cryptoFiles) await mustBe('file', 'crypto_file', path);
  for (const path of places.clusterDirs) await mustBe('folder', 'cluster_customization_dir', path);
  for (const path of places.clusterFiles) await mustBe('file', 'cluster_customization_file', path);
  if (values.regenerate_server_ssh_keys !== undefined)
    await mustBe('folder', 'regenerate_server_ssh_keys', values.regenerate_server_ssh_keys);
  for (const key of ['summary_file', 'summary_file_clean'] as const) {
    const file = values[key];
    if (file === '')
      throw new UsageError(`${key} must not be empty`, { next: 'give a file, or "-" for standard output' });
    if (file !== undefined && file !== '-' && (await isFolder(file)))
      throw new UsageError(`${key} must be a file: ${file}`, { next: 'give a file in that folder' });
  }
  if (values.summary_file !== undefined && values.summary_file === values.summary_file_clean)
    throw new UsageError('summary_file and summary_file_clean must not be the same', {
      next: 'give two files; the first one holds private keys',
    });
  const externalCertificates = await inOrder(values.external_certificates ?? [], (source) =>
    readExternal(source, etcdEndpoint),
  );
  const stateFolder = readStateFolder(values.state_dir ?? defaultStateFolder, places.cryptoDirs);
  const useKeyRules = await inOrder(values.use_key_rules ?? [], readUseKeyRule);
  const useCertRules = await inOrder(values.use_cert_rules ?? [], readUseCertRule);
  const encryption = {
    ...(await readEncryption('kube', 'kube_encryption_config', values.kube_encryption_config)),
    ...(await readEncryption('openshift', 'openshift_encryption_config', values.openshift_encryption_config)),
    ...(await readEncryption('oauth', 'oauth_encryption_config', values.oauth_encryption_config)),
  };
  const cluster = await readClusterChanges(values);
  refuseWithoutEtcd(values, etcdEndpoint);
  if (
    etcdEndpoint === undefined &&
    places.cryptoDirs.length + places.cryptoFiles.length === 0 &&
    values.regenerate_server_ssh_keys === undefined
  ) {
    throw new UsageError('there is nothing to renew: no etcd_endpoint, no crypto_dirs, no crypto_files', {
      next: 'name the etcd, the folders or the files of the cluster',
    });
  }
  return {
    ...(etcdEndpoint === undefined ? {} : { etcdEndpoint }),
    dryRun: values.dry_run ?? false,
    postprocessOnly: values.postprocess_only ?? false,
    ...(values.threads === undefined ? {} : { threads: values.threads }),
    crypto: {
      dirs: places.cryptoDirs,
      files: places.cryptoFiles,
      nameRules,
      ipChangeOnly: values.ip_change_only ?? false,
      useKeyRules,
      useCertRules,
      extendExpiration: values.extend_expiration ?? false,
      forceExpire: values.force_expire ?? false,
      keepSerialNumbers: values.keep_serial_numbers ?? false,
      externalCertificates,
    },
    cluster: { ...cluster, dirs: places.clusterDirs, files: places.clusterFiles },
    encryption,
    ...(values.regenerate_server_ssh_keys === undefined ? {} : { serverSshKeys: values.regenerate_server_ssh_keys }),
    ...(values.summary_file === undefined ? {} : { summaryFile: values.summary_file }),
    ...(values.summary_file_clean === undefined ? {} : { summaryFileClean: values.summary_file_clean }),
    etcdDefrag: values.etcd_defrag ?? false,
    stateFolder,
    raw,
  };
}

async function readExternal(source: string, endpoint: string | undefined): Promise<string> {
  if (source.startsWith('/')) {
    await mustBe('file', 'external_certificates', source);
    return source;
  }
  if (!/^[a-z0-9.-]+\/[a-z0-9.-]+$/.test(source))
    throw new UsageError(`external_certificates "${source}" is neither an absolute path nor namespace/name`, {
      next: 'give a PEM file, or a ConfigMap or Secret as namespace/name',
    });
  if (endpoint === undefined)
    throw new UsageError(`external_certificates "${source}" stands in etcd, and there is no etcd_endpoint`, {
      next: 'name the etcd of the stopped cluster, or give a PEM file',
    });
  return source;
}

/** Upstream's command line refuses more pairs, by mistake; its file route and its production caller do not. */
function refuseTogether(values: RecertValues): void {
  const pairs = [
    ['extend_expiration', 'force_expire'],
    ['dry_run', 'force_expire'],
    ['dry_run', 'extend_expiration'],
    ['dry_run', 'etcd_defrag'],
  ] as const;
  for (const [one, other] of pairs) {
    if (values[one] === true && values[other] === true)
      throw new UsageError(`${one} and ${other} are mutually exclusive`, { next: `leave one of them out` });
  }
}

/** The old identity stands in etcd, and half of a cluster renamed is worse than none. */
function refuseWithoutEtcd(values: RecertValues, endpoint: string | undefined): void {
  if (endpoint !== undefined) return;
  const asked = (
    [
      'cluster_rename',
      'hostname',
      'ip',
      'machine_network_cidr',
      'kubeadmin_password_hash',
      'pull_secret',
      'proxy',
      'install_config',
      'user_ca_bundle',
      'proxy_trusted_ca_bundle',
      'chrony_config',
      'postprocess_only',
    ] as const
  ).filter((key) => {
    const value = values[key];
    return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
  });
  if (asked.length > 0)
    throw new UsageError(
      `${asked.join(', ')}: the identity of a cluster is changed in etcd and in files together, and there is no etcd_endpoint`,
      { next: 'name the etcd of the stopped cluster' },
    );
}

function readEndpoint(text: string): string {
  const refuse = (why: string): never => {
    throw new UsageError(`etcd_endpoint "${text}" ${why}`, { next: 'write host:port, for example localhost:2379' });
  };
  if (text.startsWith('https://')) refuse('asks for TLS, which the etcd of a stopped cluster does not speak');
  const found = /^(?:http:\/\/)?(\[[0-9a-fA-F:.]+\]|[^\s/:@[\]]+):(\d{1,5})\/?$/.exec(text);
  if (found === null || Number(found[2]) < 1 || Number(found[2]) > 65_535) return refuse('is not host:port');
  return `${String(found[1])}:${String(found[2])}`;
}

async function readEncryption<K extends string>(
  name: K,
  key: string,
  given: Secret | undefined,
): Promise<{ readonly [Key in K]?: Secret }> {
  if (given === undefined) return {};
  const text = given.reveal().includes('{') ? given.reveal() : await readGiven(given.reveal(), key);
  const refuse = (why: string): never => {
    throw new UsageError(`${key} ${why}`, {
      next: 'give an EncryptionConfiguration of apiserver.config.k8s.io/v1 as JSON',
    });
  };
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return refuse('is not JSON');
  }
  const has = (name_: string, wanted: string): boolean =>
    typeof data === 'object' &&
    data !== null &&
    name_ in data &&
    Object.entries(data).some(([field, value]) => field === name_ && value === wanted);
  if (!has('kind', 'EncryptionConfiguration')) refuse('is not of kind EncryptionConfiguration');
  if (!has('apiVersion', 'apiserver.config.k8s.io/v1')) refuse('is not of apiVersion apiserver.config.k8s.io/v1');
  // The computed key is of the type parameter, which TypeScript widens to string.
  return { [name]: new Secret(text) } as { readonly [Key in K]?: Secret };
}

async function inOrder<From, To>(values: readonly From[], read: (value: From) => Promise<To>): Promise<To[]> {
  const done: To[] = [];
  for (const value of values) done.push(await read(value));
  return done;
}
