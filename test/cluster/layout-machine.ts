import type { Content, StoredObject } from './content.ts';
import { domainOf } from './identity.ts';
import { certificatePem, type Pki } from './issue.ts';
import { dns, infrastructure } from './layout-cluster-config.ts';
import type { Names } from './names.ts';
import type { ObjectMaker } from './objects.ts';
import { controllerConfigSpec, dataUrl, ignitionFiles } from './settings/ignition.ts';

/** The kinds beside Secrets and ConfigMaps that carry certificates, and the files that mirror a MachineConfig: they hold much of the cluster's identity, too. */
export function layOutMachine(
  pki: Pki,
  objects: ObjectMaker,
  encryption: string | undefined,
  registryCas: string,
  names: Names,
): Content {
  const { seed, now } = names;
  const pem = (...cns: readonly string[]): string => cns.map((cn) => certificatePem(pki.named(cn))).join('');
  const serviceCa = pem('openshift-service-serving-signer@1747106528');
  const clientCa = pem('admin-kubeconfig-signer', 'kube-control-plane-signer', 'kubelet-bootstrap-kubeconfig-signer');
  const serverCa = pem(
    'kube-apiserver-lb-signer',
    'kube-apiserver-localhost-signer',
    'kube-apiserver-service-network-signer',
  );
  const olm = pki.issued.find(({ spec }) => spec.cn.startsWith('olm-selfsigned'));

  const file = (path: string, text: string): object => ({
    contents: { source: dataUrl(text) },
    mode: 420,
    overwrite: true,
    path,
  });
  // 4.15 leaves it empty where a service network leads to the API server.
  const apiServerUrl = (ending: string): string => `KUBERNETES_SERVICE_HOST='api-int.${domainOf(now)}'\n${ending}`;
  const specWith = (files: readonly object[]): object => ({
    config: {
      ignition: { version: '3.4.0' },
      storage: {
        files: [
          ...files,
          {
            contents: {
              compression: '',
              source: dataUrl('unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]\n'),
            },
            mode: 420,
            overwrite: true,
            path: '/etc/containers/registries.conf',
          },
        ],
      },
      systemd: {
        units: [
          {
            contents: '[Unit]\nDescription=Kubernetes Kubelet\nWants=rpc-statd.service\n',
            enabled: true,
            name: 'kubelet.service',
          },
        ],
      },
    },
    baseOSExtensionsContainerImage: '',
    extensions: null,
    fips: false,
    kernelArguments: ['systemd.unified_cgroup_hierarchy=1'],
    kernelType: 'default',
    osImageURL:
      'quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:0000000000000000000000000000000000000000000000000000000000000000',
  });
  const url = (ending: string): object => file('/etc/kubernetes/apiserver-url.env', apiServerUrl(ending));
  const spec = specWith([
    file('/etc/kubernetes/kubelet-ca.crt', clientCa),
    file('/etc/kubernetes/ca.crt', serverCa),
    url("KUBERNETES_SERVICE_PORT='6443'\n"),
    ...ignitionFiles(seed, now),
  ]);
  const config = (name: string, content: object): StoredObject => ({
    object: objects.make(
      'MachineConfig',
      'machineconfiguration.openshift.io/v1',
      name,
      { spec: content },
      { manager: 'machine-config-controller' },
    ),
  });
  const machineConfig = objects.make(
    'MachineConfig',
    'machineconfiguration.openshift.io/v1',
    'rendered-master-0123456789abcdef0123456789abcdef',
    { spec },
    { manager: 'machine-config-controller' },
  );
  const plainConfig = {
    kind: 'MachineConfig',
    apiVersion: 'machineconfiguration.openshift.io/v1',
    metadata: { name: machineConfig.metadata.name, creationTimestamp: null },
    spec,
  };

  const webhook = (name: string, clientConfig: object): object => ({
    name,
    clientConfig,
    rules: [
      {
        operations: ['CREATE', 'UPDATE'],
        rule: { apiGroups: ['lab.example.com'], apiVersions: ['v1'], resources: ['things'], scope: '*' },
      },
    ],
    failurePolicy: 'Ignore',
    sideEffects: 'None',
    timeoutSeconds: 10,
    admissionReviewVersions: ['v1'],
    matchPolicy: 'Equivalent',
  });
  const service = (name: string): object => ({
    service: { namespace: name, name: 'webhook', path: '/validate', port: 443 },
    caBundle: Buffer.from(serviceCa),
  });
  const apiService = (name: string, caBundle: string): StoredObject => ({
    object: objects.make(
      'APIService',
      'apiregistration.k8s.io/v1',
      name,
      {
        spec: {
          caBundle: Buffer.from(caBundle),
          group: name.slice(name.indexOf('.') + 1),
          groupPriorityMinimum: 9900,
          service: { name: 'api', namespace: 'openshift-apiserver', port: 443 },
          version: name.slice(0, name.indexOf('.')),
          versionPriority: 15,
        },
      },
      { manager: 'service-ca-operator' },
    ),
  });

  const stored: StoredObject[] = [
    { object: machineConfig },
    config('00-master', specWith([url(''), ...ignitionFiles(seed, now).slice(0, 2)])),
    config('00-worker', specWith([file('/etc/kubernetes/apiserver-url.env', '')])),
    config('99-master-ssh', {
      config: {
        ignition: { version: '3.4.0' },
        passwd: {
          users: [{ name: 'core', sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk seeds@example.net'] }],
        },
      },
    }),
    {
      object: objects.make(
        'ControllerConfig',
        'machineconfiguration.openshift.io/v1',
        'machine-config-controller',
        {
          spec: {
            ...controllerConfigSpec(seed, now),
            cloudProviderConfig: '',
            clusterDNSIP: '172.30.0.10',
            dns: {
              apiVersion: 'config.openshift.io/v1',
              kind: 'DNS',
              metadata: { name: 'cluster', uid: objects.uidOf('DNS', 'cluster') },
              ...dns(names),
            },
            infra: {
              apiVersion: 'config.openshift.io/v1',
              kind: 'Infrastructure',
              metadata: { name: 'cluster', uid: objects.uidOf('Infrastructure', 'cluster') },
              ...infrastructure(names),
            },
            internalRegistryPullSecret: null,
            ipFamilies: seed.ips.length === 2 ? 'DualStack' : seed.ips[0].includes(':') ? 'IPv6' : 'IPv4',
            kubeAPIServerServingCAData: Buffer.from(serverCa),
            platform: 'None',
            pullSecret: { name: 'pull-secret', namespace: 'openshift-config' },
            rootCAData: Buffer.from(clientCa),
          },
        },
        { manager: 'machine-config-operator' },
      ),
    },
    {
      object: objects.make('ValidatingWebhookConfiguration', 'admissionregistration.k8s.io/v1', 'multus.openshift.io', {
        webhooks: [
          webhook('multus-validating-config.k8s.io', service('openshift-multus')),
          webhook('second.multus.example.com', service('openshift-multus')),
        ],
      }),
    },
    {
      object: objects.make('MutatingWebhookConfiguration', 'admissionregistration.k8s.io/v1', 'machine-api', {
        webhooks: [webhook('default.machine.machine.openshift.io', service('openshift-machine-api'))],
      }),
    },
    {
      object: objects.make(
        'ValidatingWebhookConfiguration',
        'admissionregistration.k8s.io/v1',
        'network-node-identity.openshift.io',
        {
          webhooks: [
            webhook('node.network-node-identity.openshift.io', {
              url: 'https://127.0.0.1:9743/node',
              caBundle: Buffer.from(pem('openshift-network-node-identity_network-node-identity-ca@1747106477')),
            }),
          ],
        },
      ),
    },
    apiService('v1.apps.openshift.io', serviceCa),
    apiService('v1.user.openshift.io', serviceCa),
    {
      object: objects.make('APIServer', 'config.openshift.io/v1', 'cluster', {
        spec: {
          audit: { profile: 'Default' },
          ...(encryption === undefined ? {} : { encryption: { type: encryption } }),
        },
      }),
    },
    {
      object: objects.make('Image', 'config.openshift.io/v1', 'cluster', {
        spec: registryCas === '' ? {} : { additionalTrustedCA: { name: 'registry-authorities' } },
        status: { internalRegistryHostname: 'image-registry.openshift-image-registry.svc:5000' },
      }),
    },
  ];
  // scope/external: what a person told the registries' clients to trust.
  if (registryCas !== '')
    stored.push({
      object: objects.configMap('openshift-config/registry-authorities', {
        'registry.lab.example.net..5000': registryCas,
      }),
    });
  if (olm !== undefined) stored.push(apiService('v1.packages.operators.coreos.com', certificatePem(olm)));
  return {
    objects: stored,
    files: [
      { path: '/etc/machine-config-daemon/currentconfig', text: JSON.stringify(plainConfig), mode: 0o644 },
      { path: '/etc/mcs-machine-config-content.json', text: JSON.stringify(plainConfig), mode: 0o644 },
      { path: '/etc/kubernetes/apiserver-url.env', text: apiServerUrl(''), mode: 0o644 },
      {
        path: '/etc/kubernetes/apiserver-url.env.mcdorig',
        text: apiServerUrl("KUBERNETES_SERVICE_PORT='6443'\n"),
        mode: 0o644,
      },
      // Debian and Red Hat both say there what the folder is for. It makes the folder be there.
      {
        path: '/etc/pki/ca-trust/source/README',
        text: 'Anchors of this machine; run update-ca-trust after a change.\n',
        mode: 0o644,
      },
    ],
  };
}
