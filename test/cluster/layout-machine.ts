import type { Content, StoredObject } from './content.ts';
import { site } from './fixture.ts';
import { certificatePem, type Pki } from './issue.ts';
import type { ObjectMaker } from './objects.ts';

/** The form in which the machine-config operator writes a file's content: any other spelling means a reboot. */
export const dataUrl = (text: string): string => `data:,${encodeURIComponent(text)}`;

/** The kinds beside Secrets and ConfigMaps that carry certificates, and the files that mirror a MachineConfig. */
export function layOutMachine(pki: Pki, objects: ObjectMaker, encryption: string | undefined): Content {
  const pem = (...cns: readonly string[]): string => cns.map((cn) => certificatePem(pki.named(cn))).join('');
  const serviceCa = pem('openshift-service-serving-signer@1747106528');
  const clientCa = pem('admin-kubeconfig-signer', 'kube-control-plane-signer', 'kubelet-bootstrap-kubeconfig-signer');
  const serverCa = pem('kube-apiserver-lb-signer', 'kube-apiserver-localhost-signer', 'kube-apiserver-service-network-signer');
  const olm = pki.issued.find(({ spec }) => spec.cn.startsWith('olm-selfsigned'));

  const file = (path: string, text: string): object => ({ contents: { source: dataUrl(text) }, mode: 420, overwrite: true, path });
  const spec = {
    config: {
      ignition: { version: '3.4.0' },
      storage: { files: [
        file('/etc/kubernetes/kubelet-ca.crt', clientCa), file('/etc/kubernetes/ca.crt', serverCa), file('/etc/kubernetes/apiserver-url.env', `KUBERNETES_SERVICE_HOST='api-int.${site.domain}'\nKUBERNETES_SERVICE_PORT='6443'\n`),
        { contents: { compression: '', source: dataUrl('unqualified-search-registries = ["registry.access.redhat.com", "docker.io"]\n') }, mode: 420, overwrite: true, path: '/etc/containers/registries.conf' },
      ] },
      systemd: { units: [{ contents: '[Unit]\nDescription=Kubernetes Kubelet\nWants=rpc-statd.service\n', enabled: true, name: 'kubelet.service' }] },
    },
    extensions: null, fips: false, kernelArguments: ['systemd.unified_cgroup_hierarchy=1'], kernelType: 'default', osImageURL: 'quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:0000000000000000000000000000000000000000000000000000000000000000',
  };
  const machineConfig = objects.make('MachineConfig', 'machineconfiguration.openshift.io/v1', 'rendered-master-0123456789abcdef0123456789abcdef', { spec }, { manager: 'machine-config-controller' });
  const plainConfig = { kind: 'MachineConfig', apiVersion: 'machineconfiguration.openshift.io/v1', metadata: { name: machineConfig.metadata.name, creationTimestamp: null }, spec };

  const webhook = (name: string, clientConfig: object): object => ({ name, clientConfig, rules: [{ operations: ['CREATE', 'UPDATE'], rule: { apiGroups: ['lab.example.com'], apiVersions: ['v1'], resources: ['things'], scope: '*' } }], failurePolicy: 'Ignore', sideEffects: 'None', timeoutSeconds: 10, admissionReviewVersions: ['v1'], matchPolicy: 'Equivalent' });
  const service = (name: string): object => ({ service: { namespace: name, name: 'webhook', path: '/validate', port: 443 }, caBundle: Buffer.from(serviceCa) });
  const apiService = (name: string, caBundle: string): StoredObject => ({ object: objects.make('APIService', 'apiregistration.k8s.io/v1', name, {
    spec: { caBundle: Buffer.from(caBundle), group: name.slice(name.indexOf('.') + 1), groupPriorityMinimum: 9900, service: { name: 'api', namespace: 'openshift-apiserver', port: 443 }, version: name.slice(0, name.indexOf('.')), versionPriority: 15 },
  }, { manager: 'service-ca-operator' }) });

  const stored: StoredObject[] = [
    { object: machineConfig },
    { object: objects.make('ControllerConfig', 'machineconfiguration.openshift.io/v1', 'machine-config-controller', { spec: {
      additionalTrustBundle: null, cloudProviderConfig: '', clusterDNSIP: '172.30.0.10', kubeAPIServerServingCAData: Buffer.from(serverCa), platform: 'None', rootCAData: Buffer.from(clientCa), internalRegistryPullSecret: null,
    } }, { manager: 'machine-config-operator' }) },
    { object: objects.make('ValidatingWebhookConfiguration', 'admissionregistration.k8s.io/v1', 'multus.openshift.io', { webhooks: [webhook('multus-validating-config.k8s.io', service('openshift-multus')), webhook('second.multus.example.com', service('openshift-multus'))] }) },
    { object: objects.make('MutatingWebhookConfiguration', 'admissionregistration.k8s.io/v1', 'machine-api', { webhooks: [webhook('default.machine.machine.openshift.io', service('openshift-machine-api'))] }) },
    { object: objects.make('ValidatingWebhookConfiguration', 'admissionregistration.k8s.io/v1', 'network-node-identity.openshift.io', { webhooks: [webhook('node.network-node-identity.openshift.io', { url: 'https://127.0.0.1:9743/node', caBundle: Buffer.from(pem('openshift-network-node-identity_network-node-identity-ca@1747106477')) })] }) },
    apiService('v1.apps.openshift.io', serviceCa), apiService('v1.user.openshift.io', serviceCa),
    { object: objects.make('APIServer', 'config.openshift.io/v1', 'cluster', { spec: { audit: { profile: 'Default' }, ...(encryption === undefined ? {} : { encryption: { type: encryption } }) } }) },
    { object: objects.make('Image', 'config.openshift.io/v1', 'cluster', { spec: {}, status: { internalRegistryHostname: 'image-registry.openshift-image-registry.svc:5000' } }) },
    { object: objects.make('Infrastructure', 'config.openshift.io/v1', 'cluster', { spec: { platformSpec: { type: 'None' } }, status: { apiServerURL: `https://api.${site.domain}:6443`, infrastructureName: 'seed-x7k2p' } }) },
  ];
  if (olm !== undefined) stored.push(apiService('v1.packages.operators.coreos.com', certificatePem(olm)));
  return {
    objects: stored,
    files: [
      { path: '/etc/machine-config-daemon/currentconfig', text: JSON.stringify(plainConfig), mode: 0o644 },
      { path: '/etc/mcs-machine-config-content.json', text: JSON.stringify(plainConfig), mode: 0o644 },
      { path: '/etc/kubernetes/apiserver-url.env', text: `KUBERNETES_SERVICE_HOST='api-int.${site.domain}'\n`, mode: 0o644 },
    ],
  };
}
