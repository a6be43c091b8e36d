import { copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startApiServer } from '../../cluster/api-server.ts';
import {
  clusterSources,
  identityOf,
  makeCluster,
  thisQuarter,
  type Cluster,
  type ClusterOptions,
} from '../../cluster/cluster.ts';
import type { Identity } from '../../cluster/identity.ts';
import { run } from '../../vm/command.ts';
import { ensure, type Artefact, type Say } from '../../vm/artefacts/cache.ts';
import { accessOf, apiAt } from '../api.ts';
import { runnablePod } from '../static-pods.ts';
import { createKinds, createObjects } from './objects.ts';

export type SeedOptions = Pick<ClusterOptions, 'size' | 'stack' | 'encryption' | 'identity'>;

/** Files of the guest that every seed has, by where they go. */
const guestFiles: Readonly<Record<string, string>> = {
  'etc/systemd/system/kubelet.service': 'units/kubelet.service',
  'etc/systemd/system/containerd.service': 'units/containerd.service',
  'etc/systemd/system/NetworkManager.service': 'units/NetworkManager.service',
  'etc/systemd/system/nodeip-configuration.service': 'units/nodeip-configuration.service',
  'etc/systemd/system/dnsmasq.service': 'units/dnsmasq.service',
  'etc/systemd/system/chronyd.service': 'units/chronyd.service',
  'etc/systemd/system/lab-cgroups.service': 'units/lab-cgroups.service',
  'etc/systemd/system/lab-node-role.service': 'units/lab-node-role.service',
  'etc/systemd/system/installation-configuration.service': '../../../systemd-units/installation-configuration.service',
  'etc/systemd/system/lca-init-monitor.service': '../../../systemd-units/lca-init-monitor.service',
  'etc/systemd/system/reconfigured.target': '../../../systemd-units/reconfigured.target',
  'etc/systemd/system/reconfigured.path': '../../../systemd-units/reconfigured.path',
  'etc/systemd/system/usr-lib-lab.mount': 'units/usr-lib-lab.mount',
  'etc/systemd/system/var-lib-containerd.mount': 'units/var-lib-containerd.mount',
  'etc/systemd/network/10-ens3.link': '10-ens3.link',
  'etc/containerd/config.toml': 'containerd.toml',
  'etc/containers/containers.conf': 'containers.conf',
  'etc/containers/policy.json': 'policy.json',
  'etc/cni/net.d/10-lab.conflist': 'lab.conflist',
  'etc/kubernetes/kubelet.conf': 'kubelet.conf',
  'etc/dnsmasq.conf': 'dnsmasq.conf',
  'etc/resolv.conf': 'resolv.conf',
  'var/usrlocal/bin/dnsmasq_config.sh': 'dnsmasq_config.sh',
  'var/usrlocal/bin/nmstatectl': 'nmstatectl',
  'var/usrlocal/bin/update-ca-trust': '../../vm/guest/update-ca-trust',
};

const guestFile = (name: string): URL => new URL(`../guest/${name}`, import.meta.url);

/**
 * A host on whose disk a seed has been deployed and that has not started since: `etc/` and other folders of its root, and `var/`. The etcd
 * in it was written by the generator and then by the real API server.
 */
export async function seedHost(
  options: SeedOptions,
  { kinds, rootfs }: { kinds: Artefact; rootfs: Artefact },
  say: Say,
): Promise<Artefact> {
  return ensure(
    {
      name: `first-boot-seed-${options.size}`,
      sources: [
        import.meta.url,
        new URL('objects.ts', import.meta.url),
        new URL('../static-pods.ts', import.meta.url),
        ...Object.values(guestFiles).map(guestFile),
        ...(await clusterSources()),
      ],
      inputs: { options, identity: identityOf(options), quarter: thisQuarter().toISOString() },
      from: [kinds, rootfs],
      async build(dir) {
        await using cluster = await makeCluster(options, say);
        await writtenByTheApiServer(cluster, kinds.dir, say);
        await cluster.etcd.stop();
        await layOut(dir, cluster);
        await userCore(dir, rootfs.path('root/etc'));
      },
    },
    say,
  );
}

async function writtenByTheApiServer(cluster: Cluster, kinds: string, say: Say): Promise<void> {
  await using server = await startApiServer(cluster, say);
  const file = 'kubernetes/static-pod-resources/kube-apiserver-certs/secrets/node-kubeconfigs/localhost.kubeconfig';
  const api = apiAt(server.port, accessOf(await readFile(join(cluster.root, file), 'utf8')));
  await createKinds(api, kinds);
  await createObjects(api, cluster.seed);
}

async function layOut(dir: string, { root, etcd, seed }: Cluster): Promise<void> {
  const host = (path: string): string => join(dir, path);
  const copy = async (from: string, to: string): Promise<void> => {
    await mkdir(dirname(host(to)), { recursive: true });
    await run('cp', ['-a', '--sparse=always', from, host(to)]);
  };
  await copy(join(root, 'etc'), 'etc');
  await copy(join(root, 'kubernetes'), 'etc/kubernetes');
  await copy(join(root, 'machine-config-daemon'), 'etc/machine-config-daemon');
  await copy(join(root, 'kubelet'), 'var/lib/kubelet');
  await copy(etcd.dataDir, 'var/lib/etcd');
  await rm(host('var/lib/kubelet/pods'), { recursive: true, force: true });
  for (const [to, from] of Object.entries(guestFiles)) {
    await mkdir(dirname(host(to)), { recursive: true });
    await copyFile(fileURLToPath(guestFile(from)), host(to));
  }
  await staticPods(host('etc/kubernetes/manifests'));
  await kubeletIdentity(host('var/lib/kubelet'), host('etc/kubernetes/kubeconfig'));
  await folders(host);
  await mkdir(host('etc/systemd/system/kubelet.service.d'), { recursive: true });
  await writeFile(
    host('etc/systemd/system/kubelet.service.d/20-nodenet.conf'),
    `[Service]\nEnvironment="KUBELET_NODE_IP=${seed.ips[0]}" "KUBELET_NODE_IPS=${seed.ips.join(',')}"\n`,
  );
  // as MachineConfig 50-master-dnsmasq-configuration has it in its text: the seed's names, until an override says others
  await writeFile(
    host('etc/default/lab_dnsmasq_seed'),
    `SNO_CLUSTER_NAME=${seed.clusterName}\nSNO_BASE_DOMAIN=${seed.baseDomain}\nSNO_DNSMASQ_IP=${seed.ips[0]}\n`,
  );
  await writeFile(host('var/seed_data/manifest.json'), JSON.stringify(seedManifest(seed)), { mode: 0o600 });
}

/** What a seed's RHCOS has: links into /var, the user `core`, units that start and units that do not. */
async function folders(host: (path: string) => string): Promise<void> {
  const inVar = [
    'opt',
    'home',
    'mnt',
    'srv',
    'roothome',
    'lib/containerd',
    'lib/containers',
    'log',
    'tmp',
    'cache',
    'spool',
    'usrlocal/bin',
  ];
  for (const name of [...inVar, 'seed_data', 'home/core/.ssh/authorized_keys.d', 'log/kube-apiserver'])
    await mkdir(host(`var/${name}`), { recursive: true });
  for (const name of ['opt', 'home', 'mnt', 'srv']) await symlink(`var/${name}`, host(name));
  await symlink('var/roothome', host('root'));
  await mkdir(host('usr'), { recursive: true });
  await symlink('../var/usrlocal', host('usr/local'));
  await mkdir(host('etc/default'), { recursive: true });
  await mkdir(host('etc/dnsmasq.d'), { recursive: true });
  await mkdir(host('etc/NetworkManager/system-connections'), { recursive: true });
  await mkdir(host('etc/pki/ca-trust/source/anchors'), { recursive: true });
  await mkdir(host('etc/ssh'), { recursive: true });
  const wanted = host('etc/systemd/system/multi-user.target.wants');
  await mkdir(wanted, { recursive: true });
  for (const unit of [
    'containerd',
    'NetworkManager',
    'nodeip-configuration',
    'dnsmasq',
    'chronyd',
    'installation-configuration',
    'lca-init-monitor',
  ])
    await symlink(`/etc/systemd/system/${unit}.service`, join(wanted, `${unit}.service`));
  await symlink('/etc/systemd/system/reconfigured.path', join(wanted, 'reconfigured.path'));
  const mounts = host('etc/systemd/system/local-fs.target.wants');
  await mkdir(mounts, { recursive: true });
  for (const unit of ['usr-lib-lab.mount', 'var-lib-containerd.mount'])
    await symlink(`/etc/systemd/system/${unit}`, join(mounts, unit));
  // addresses of test/vm's own network, which would be this host's besides
  await symlink('/dev/null', host('etc/systemd/system/lab-network.service'));
  for (const name of await readdir(host('var/usrlocal/bin')))
    await run('chmod', ['755', host(`var/usrlocal/bin/${name}`)]);
  await run('chown', ['-R', '1000:1000', host('var/home/core')]);
  await run('chmod', ['700', host('var/seed_data'), host('var/roothome'), host('var/lib/etcd')]);
  await run('chmod', ['1777', host('var/tmp')]);
}

/** As Ignition has made the user on RHCOS. */
async function userCore(dir: string, etc: string): Promise<void> {
  for (const name of ['passwd', 'group', 'shadow', 'gshadow'])
    await run('cp', ['-a', join(etc, name), join(dir, 'etc', name)]);
  const user = ['--uid', '1000', '--no-create-home', '--home-dir', '/var/home/core', '--shell', '/bin/bash', 'core'];
  await run('useradd', ['--prefix', dir, ...user]);
}

async function staticPods(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    await writeFile(path, runnablePod(name, await readFile(path, 'utf8')), { mode: 0o600 });
  }
}

/** What kubelet has on a node that has joined: links to its newest certificates and a kubeconfig that names the first. */
async function kubeletIdentity(folder: string, bootstrap: string): Promise<void> {
  const pki = join(folder, 'pki');
  for (const kind of ['client', 'server']) {
    const newest = (await readdir(pki))
      .filter((name) => name.startsWith(`kubelet-${kind}-2`))
      .sort()
      .at(-1);
    if (newest !== undefined) {
      await rm(join(pki, `kubelet-${kind}-current.pem`), { force: true });
      await symlink(newest, join(pki, `kubelet-${kind}-current.pem`));
    }
  }
  const text = await readFile(bootstrap, 'utf8');
  const current = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  await writeFile(
    join(folder, 'kubeconfig'),
    text
      .replace(/client-certificate-data: .*/, `client-certificate: ${current}`)
      .replace(/client-key-data: .*/, `client-key: ${current}`),
    { mode: 0o600 },
  );
}

type SeedManifest = { readonly seed_cluster_ocp_version: string; readonly [key: string]: unknown };

/** What `lca-cli create` notes of the cluster. */
export function seedManifest(seed: Identity): SeedManifest {
  return {
    seed_cluster_ocp_version: '4.20.1',
    base_domain: seed.baseDomain,
    cluster_name: seed.clusterName,
    node_ips: seed.ips,
    release_registry: 'quay.io',
    sno_hostname: seed.hostname,
    recert_image_pull_spec: 'quay.io/edge-infrastructure/recert:v0',
    has_proxy: seed.proxy !== undefined,
    has_fips: false,
    additionalTrustBundle: {
      hasUserCaBundle: seed.userCaBundle !== undefined,
      proxyConfigmapName: seed.proxyTrustedCa?.configMap ?? '',
    },
    ingress_certificate_cn: 'ingress-operator@1747106563',
    machine_networks: seed.machineNetworks,
  };
}
