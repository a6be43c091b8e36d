import type { SeedOs } from './commits.ts';

/** Files at the root of a seed image that can be left out or replaced. The origin file has a name that depends on the commit. */
export const seedMembers = [
  'lca-cli',
  'containers.list',
  'manifest.json',
  'var.tgz',
  'etc.tgz',
  'etc.deletions',
  'ostree.tgz',
  'rpm-ostree.json',
  'mco-currentconfig.json',
  'origin',
] as const;
export type SeedMember = (typeof seedMembers)[number];

/** Ways in which an archive inside a seed may try to write outside its target, each leaving a file `lab-escape` where it should not be. */
export const escapes = ['parent', 'absolute', 'symlink', 'symlink-relative', 'hardlink', 'sibling'] as const;
export type Escape = (typeof escapes)[number];

/** How a gzip member can be damaged. */
export type Damage = 'truncated' | 'flipped' | 'not-gzip' | 'empty';

/** Everything that one seed may differ in. Plain data, so that a seed can be cached by it. */
export type SeedOptions = {
  /** OpenShift version of the manifest; also the tag when none is given. */
  version?: string;
  tag?: string;
  os?: Partial<SeedOs>;
  /** Path of the executable that becomes the member `lca-cli`; a few lines of shell when absent. */
  lcaCli?: string;
  /** Put the executable into var.tgz as `var/usrlocal/bin/lca-cli` too, as real seeds do. */
  lcaCliInVar?: boolean;
  /** Lines of containers.list. */
  containers?: readonly string[];
  /** Laid over the seed manifest; `null` removes a key. */
  manifest?: Readonly<Record<string, unknown>>;
  /** Laid over the two labels; `null` removes one. */
  labels?: Readonly<Record<string, string | null>>;
  architecture?: string;
  kernelArguments?: readonly string[];
  fips?: boolean;
  /** Device nodes, fifos, hard links, odd and non-UTF-8 names, xattrs, ACLs: all legitimate in `var`. */
  oddFiles?: boolean;
  /** Number of further small files in var.tgz. */
  manyFiles?: number;
  without?: readonly SeedMember[];
  replace?: Readonly<Partial<Record<SeedMember, string>>>;
  damage?: Readonly<Partial<Record<'var.tgz' | 'etc.tgz' | 'ostree.tgz', Damage>>>;
  evil?: { archive: 'var.tgz' | 'etc.tgz' | 'ostree.tgz'; escape: Escape };
};

export const formatLabel = 'com.openshift.lifecycle-agent.seed_format_version';
export const infoLabel = 'com.openshift.lifecycle-agent.seed_cluster_info';

/** One argument with quotes: it must reach the boot entry with them. */
export const defaultKernelArguments = [
  'console=ttyS0,115200n8',
  'tsc=nowatchdog',
  'cgroup_no_v1="all"',
  'lab.seed=yes',
];

/** A seed manifest as seed creation writes it. */
export const defaultManifest: Readonly<Record<string, unknown>> = {
  seed_cluster_ocp_version: '4.17.0',
  base_domain: 'seed.example.com',
  cluster_name: 'seed',
  node_ips: ['192.168.126.10'],
  release_registry: 'registry.lab:5000',
  sno_hostname: 'seed-node',
  recert_image_pull_spec: 'registry.lab:5000/edge-infrastructure/recert:v0',
  has_proxy: false,
  has_fips: false,
  additionalTrustBundle: { hasUserCaBundle: false, proxyConfigmapName: '' },
  container_storage_mountpoint_target: '/dev/disk/by-partlabel/var-lib-containers',
  ingress_certificate_cn: 'ingress-operator@1700000000',
  machine_networks: ['192.168.126.0/24'],
};

/** Name of the stateroot that belongs to a version. */
export const staterootOf = (version: string): string => `rhcos_${version.replaceAll('-', '_')}`;
