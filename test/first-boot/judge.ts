import { accessOf } from './api.ts';
import type { Api } from './api.ts';
import { unit, type Host } from './lab.ts';
import type { Asked } from './asked.ts';
import type { Site } from './site.ts';

/*
 * What a host must look like when post-pivot has finished, seen from outside through the API and from inside in files and units. Each
 * judgement is a sentence that is said when it does not hold.
 */

/** A host whose post-pivot has finished, in a container or in a machine. */
export type Judged = {
  readonly host: Asked & Pick<Host, 'file' | 'api'>;
  readonly site: Site;
  /** The kubeconfig of the seed, which nobody may get in with afterwards. */
  readonly seedKubeconfig: string;
};

type List = { items: { metadata: { name: string; labels?: Record<string, string> } }[] };
type Check = { readonly says: string; readonly holds: () => Promise<boolean> };

/** Returns what is wrong; `onHeld` hears what is right. */
export async function judgeFinished(
  stage: Judged,
  onHeld: (says: string) => void = () => undefined,
): Promise<string[]> {
  const { host, site } = stage;
  const ip = (await host.ask('cat', '/run/nodeip-configuration/primary-ip')).trim();
  const api = await host.api(site.kubeconfig, ip);
  await host.waitFor('the API under its new name', async () => (await api.ask('GET', '/readyz')).status === 200);
  const wrong: string[] = [];
  for (const { says, holds } of [...inTheApi(stage, api), ...(await forTheSeed(stage, ip)), ...onTheHost(stage)]) {
    const problem = await holds().then((does) => (does ? undefined : says), becauseOf(says));
    if (problem === undefined) onHeld(says);
    else wrong.push(problem);
  }
  const leaked = await leaks(stage);
  if (leaked.length === 0) onHeld('no secret stands in the journal or in a command line');
  return [...wrong, ...leaked];
}

const becauseOf =
  (says: string) =>
  (error: unknown): string =>
    `${says}: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}`;

function onTheHost({ host, site: { identity, sshKey } }: Judged): Check[] {
  const isGone = (path: string): Check => ({
    says: `"${path}" is gone`,
    holds: async () => (await host.run('test', ['-e', path], { accept: 'any' })).exitCode !== 0,
  });
  const holds = (path: string, text: string, what: string): Check => ({
    says: `"${path}" holds ${what}`,
    holds: async () => (await host.file(path))?.includes(text) === true,
  });
  return [
    {
      says: 'the unit is disabled',
      holds: async () => (await host.ask('systemctl', 'is-enabled', unit)) === 'disabled',
    },
    {
      says: 'what waits for a reconfigured host may begin',
      holds: async () => (await host.ask('systemctl', 'is-active', 'reconfigured.target')) === 'active',
    },
    {
      says: 'kubelet is enabled',
      holds: async () => (await host.ask('systemctl', 'is-enabled', 'kubelet')) === 'enabled',
    },
    isGone('/var/opt/openshift'),
    isGone('/var/seed_data'),
    {
      says: `the host is called "${identity.hostname}"`,
      holds: async () => (await host.ask('hostname')) === identity.hostname,
    },
    holds('/home/core/.ssh/authorized_keys.d/ib-early-access', sshKey, 'the ssh key'),
    {
      says: 'the key file belongs to core, for nobody else to read',
      holds: async () =>
        (await host.ask('stat', '-c', '%U %a', '/home/core/.ssh/authorized_keys.d/ib-early-access')) === 'core 600',
    },
    holds('/var/lib/kubelet/config.json', identity.pullSecret, 'the pull secret'),
    holds(
      '/etc/default/sno_dnsmasq_configuration_overrides',
      `SNO_CLUSTER_NAME_OVERRIDE=${identity.clusterName}`,
      `the name "${identity.clusterName}"`,
    ),
    holds(
      '/etc/default/nodeip-configuration',
      `KUBELET_NODEIP_HINT=${identity.machineNetworks.map(addressOf).join(' ')}`,
      'the machine network',
    ),
    holds('/etc/chrony.conf', identity.chrony, 'the time servers'),
    {
      says: 'chronyd was started with the new configuration',
      holds: async () =>
        (await host.file('/etc/chrony.conf')) === (await host.ask('cat', '/run/lab-chrony-started-with')) + '\n',
    },
    {
      says: 'no container of podman is left',
      holds: async () => (await host.ask('podman', 'ps', '--all', '--quiet')) === '',
    },
    {
      says: 'the medium is let go',
      holds: async () => !(await host.ask('cat', '/proc/mounts')).includes('/mnt/config'),
    },
    {
      says: 'no unit has failed',
      holds: async () => (await host.ask('systemctl', '--failed', '--no-legend', '--plain')) === '',
    },
  ];
}

const addressOf = (network: string): string => network.replace(/\/.*/, '');

function inTheApi({ host, site }: Judged, api: Api): Check[] {
  const names = async (path: string): Promise<string[]> =>
    (await api.get<List>(path)).items.map(({ metadata }) => metadata.name);
  const is = (path: string, expected: readonly string[]): Check => ({
    says: `${path.split('/').at(-1) ?? ''} are ${expected.join(', ') || 'none'}`,
    holds: async () => (await names(path)).join() === expected.join(),
  });
  return [
    {
      says: `the API answers as "${api.name}"`,
      holds: async () => (await api.ask('GET', '/readyz')).status === 200,
    },
    {
      says: "the site's kubeconfig, made before the cluster, is its administrator",
      holds: async () => {
        const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
        const { body } = await api.ask('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', review);
        return JSON.stringify(body).includes('"username":"system:admin"');
      },
    },
    {
      says: `ClusterVersion carries the id "${site.clusterId}"`,
      holds: async () => {
        const version = await api.get<{ spec: { clusterID: string } }>(
          '/apis/config.openshift.io/v1/clusterversions/version',
        );
        return version.spec.clusterID === site.clusterId;
      },
    },
    is('/apis/operator.openshift.io/v1alpha1/imagecontentsourcepolicies', []),
    is('/apis/config.openshift.io/v1/imagedigestmirrorsets', ['image-digest-mirror']),
    is('/apis/operators.coreos.com/v1alpha1/catalogsources', []),
    is('/api/v1/nodes', [site.identity.hostname]),
    {
      says: 'the Node is ready, and has the labels of the site',
      holds: async () => {
        type Node = {
          metadata: { labels: Record<string, string> };
          status: { conditions: { type: string; status: string }[] };
        };
        let labels: Record<string, string> = {};
        await host.waitFor('the Node to be ready', async () => {
          const { metadata, status } = await api.get<Node>(`/api/v1/nodes/${site.identity.hostname}`);
          labels = metadata.labels;
          return status.conditions.some((one) => one.type === 'Ready' && one.status === 'True');
        });
        return labels['site.example.org/rack'] === '7' && labels['node-role.kubernetes.io/master'] === '';
      },
    },
    {
      says: 'the ConfigMap of the extra manifests is there',
      holds: async () =>
        (await api.ask('GET', '/api/v1/namespaces/openshift-config/configmaps/openshift-install-manifests')).status ===
        200,
    },
    ...['master', 'worker'].map((role) => ({
      says: `MachineConfig 99-${role}-ssh carries the key of the site alone`,
      holds: async () => {
        const config = await api.get(`/apis/machineconfiguration.openshift.io/v1/machineconfigs/99-${role}-ssh`);
        return JSON.stringify(config).includes(`"sshAuthorizedKeys":[${JSON.stringify(site.sshKey)}]`);
      },
    })),
    {
      says: "kubelet's serving certificate was approved, signed and taken",
      holds: async () => {
        await host.waitFor('a serving certificate of kubelet', async () =>
          (
            await host.ask(
              'bash',
              '-c',
              'openssl x509 -noout -subject -in /var/lib/kubelet/pki/kubelet-server-current.pem',
            )
          ).includes(site.identity.hostname),
        );
        return true;
      },
    },
  ];
}

/** Nobody gets in with what the seed knew, and it believes nothing that the host says. */
async function forTheSeed({ host, site, seedKubeconfig }: Judged, ip: string): Promise<Check[]> {
  const [old, now] = [accessOf(seedKubeconfig), accessOf(site.kubeconfig)];
  const asAccess = (access: typeof old): string => kubeconfigOf(access);
  const [believing, intruding] = [
    await host.api(asAccess({ ...now, ca: old.ca }), ip),
    await host.api(asAccess({ ...now, certificate: old.certificate, key: old.key }), ip),
  ];
  return [
    {
      says: "the seed's trust does not verify the API",
      holds: async () => (await believing.ask('GET', '/readyz')).trouble !== undefined,
    },
    {
      says: "the seed's administrator is refused",
      holds: async () => (await intruding.ask('GET', '/api/v1/nodes')).status === 401,
    },
  ];
}

function kubeconfigOf({ name, ca, certificate, key }: ReturnType<typeof accessOf>): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return JSON.stringify({
    clusters: [{ cluster: { server: `https://${name}:6443`, 'certificate-authority-data': base64(ca) } }],
    users: [{ user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) } }],
  });
}

/** Secrets that stand where no secret may. */
async function leaks({ host, site }: Judged): Promise<string[]> {
  const journal = await host.ask('journalctl', '--no-pager', '-o', 'cat');
  const places = await host.ask('bash', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "');
  return Object.entries(site.secrets).flatMap(([name, text]) => [
    ...(journal.includes(text) ? [`the secret "${name}" stands in the journal`] : []),
    ...(places.includes(text) ? [`the secret "${name}" stands in a command line`] : []),
  ]);
}
