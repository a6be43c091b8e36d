/**
 * Numbers of the protobuf fields that this program reads or edits, and which fields hold bytes. Everything else in an object is
 * carried along unread. The golden test proves each line of the built-in kinds; Route and OAuthClient have no golden value.
 */
export type FieldType = 'text' | 'bytes' | { readonly message: string };
export type FieldSpec = {
  readonly number: number;
  readonly type: FieldType;
  readonly shape: 'one' | 'list' | 'map';
  /** A pointer in Go: it is absent where it has no value. Other single texts are written even when they are empty. */
  readonly isPointer?: true;
};
export type MessageSpec = Readonly<Record<string, FieldSpec>>;

const typed = (type: string): FieldType => (type === 'text' || type === 'bytes' ? type : { message: type });
const one = (number: number, type: string): FieldSpec => ({ number, type: typed(type), shape: 'one' });
const pointer = (number: number, type: string): FieldSpec => ({ ...one(number, type), isPointer: true });
const list = (number: number, type: string): FieldSpec => ({ number, type: typed(type), shape: 'list' });
const map = (number: number, type: string): FieldSpec => ({ number, type: typed(type), shape: 'map' });

const metadata = one(1, 'ObjectMeta');
const template = (number: number): FieldSpec => one(number, 'PodTemplateSpec');
const workload = (templateAt: number): MessageSpec => ({ template: template(templateAt) });

/**
 * Messages by name.
 * `raw` stands for JSON that protobuf holds as bytes (`fieldsV1`, the data of a ControllerRevision): it has no path of its own in JSON.
 */
const messages: Readonly<Record<string, MessageSpec>> = {
  ObjectMeta: {
    name: one(1, 'text'),
    namespace: one(3, 'text'),
    uid: one(5, 'text'),
    labels: map(11, 'text'),
    annotations: map(12, 'text'),
    ownerReferences: list(13, 'OwnerReference'),
    managedFields: list(17, 'ManagedFieldsEntry'),
  },
  OwnerReference: { kind: one(1, 'text'), name: one(3, 'text'), uid: one(4, 'text'), apiVersion: one(5, 'text') },
  ManagedFieldsEntry: {
    manager: one(1, 'text'),
    operation: one(2, 'text'),
    apiVersion: one(3, 'text'),
    fieldsType: one(6, 'text'),
    fieldsV1: one(7, 'Raw'),
  },
  Raw: { raw: one(1, 'bytes') },

  Secret: { metadata, data: map(2, 'bytes'), type: one(3, 'text') },
  ConfigMap: { metadata, data: map(2, 'text'), binaryData: map(3, 'bytes') },

  Node: { metadata, spec: one(2, 'NodeSpec'), status: one(3, 'NodeStatus') },
  NodeSpec: { podCIDR: one(1, 'text'), providerID: one(3, 'text'), podCIDRs: list(7, 'text') },
  NodeStatus: { addresses: list(5, 'NodeAddress') },
  NodeAddress: { type: one(1, 'text'), address: one(2, 'text') },

  Pod: { metadata, spec: one(2, 'PodSpec') },
  PodTemplateSpec: { metadata, spec: one(2, 'PodSpec') },
  PodSpec: {
    containers: list(2, 'Container'),
    serviceAccountName: one(8, 'text'),
    nodeName: one(10, 'text'),
    initContainers: list(20, 'Container'),
  },
  Container: {
    name: one(1, 'text'),
    image: one(2, 'text'),
    command: list(3, 'text'),
    args: list(4, 'text'),
    env: list(7, 'EnvVar'),
  },
  EnvVar: { name: one(1, 'text'), value: one(2, 'text'), valueFrom: pointer(3, 'EnvVarSource') },
  EnvVarSource: {},

  Deployment: { metadata, spec: one(2, 'DeploymentSpec') },
  DeploymentSpec: workload(3),
  DaemonSet: { metadata, spec: one(2, 'DaemonSetSpec') },
  DaemonSetSpec: workload(2),
  StatefulSet: { metadata, spec: one(2, 'StatefulSetSpec') },
  StatefulSetSpec: workload(3),
  Job: { metadata, spec: one(2, 'JobSpec') },
  JobSpec: workload(6),
  CronJob: { metadata, spec: one(2, 'CronJobSpec') },
  CronJobSpec: { schedule: one(1, 'text'), jobTemplate: one(5, 'JobTemplateSpec') },
  JobTemplateSpec: { metadata, spec: one(2, 'JobSpec') },
  ControllerRevision: { metadata, data: one(2, 'Raw') },

  ValidatingWebhookConfiguration: { metadata, webhooks: list(2, 'Webhook') },
  MutatingWebhookConfiguration: { metadata, webhooks: list(2, 'Webhook') },
  Webhook: { name: one(1, 'text'), clientConfig: one(2, 'WebhookClientConfig') },
  WebhookClientConfig: { service: one(1, 'ServiceReference'), caBundle: one(2, 'bytes'), url: pointer(3, 'text') },
  ServiceReference: { namespace: one(1, 'text'), name: one(2, 'text'), path: pointer(3, 'text') },

  // Stored as JSON by every release seen; the numbers are for one that changes its mind, the byte fields are for JSON.
  APIService: { metadata, spec: one(2, 'APIServiceSpec') },
  APIServiceSpec: {
    service: one(1, 'APIServiceReference'),
    group: one(2, 'text'),
    version: one(3, 'text'),
    caBundle: one(5, 'bytes'),
  },
  APIServiceReference: { namespace: one(1, 'text'), name: one(2, 'text') },
  CustomResourceDefinition: { metadata, spec: one(2, 'CustomResourceDefinitionSpec') },
  CustomResourceDefinitionSpec: { group: one(1, 'text'), conversion: one(9, 'CustomResourceConversion') },
  CustomResourceConversion: { strategy: one(1, 'text'), webhook: one(2, 'WebhookConversion') },
  WebhookConversion: { clientConfig: one(2, 'WebhookClientConfig') },

  Route: { metadata, spec: one(2, 'RouteSpec'), status: one(3, 'RouteStatus') },
  RouteSpec: { host: one(1, 'text'), path: one(2, 'text'), tls: one(6, 'TLSConfig'), subdomain: one(8, 'text') },
  TLSConfig: {
    termination: one(1, 'text'),
    certificate: one(2, 'text'),
    key: one(3, 'text'),
    caCertificate: one(4, 'text'),
    destinationCACertificate: one(5, 'text'),
    insecureEdgeTerminationPolicy: one(6, 'text'),
  },
  RouteStatus: { ingress: list(1, 'RouteIngress') },
  RouteIngress: {
    host: one(1, 'text'),
    routerName: one(2, 'text'),
    wildcardPolicy: one(4, 'text'),
    routerCanonicalHostname: one(5, 'text'),
  },
  OAuthClient: {
    metadata,
    secret: one(2, 'text'),
    additionalSecrets: list(3, 'text'),
    redirectURIs: list(5, 'text'),
    grantMethod: one(6, 'text'),
  },
};

/** API groups whose kinds above are meant; a custom resource that is also called `Secret` is another thing. */
const groupOf: Readonly<Record<string, string>> = {
  Secret: '',
  ConfigMap: '',
  Node: '',
  Pod: '',
  Deployment: 'apps',
  DaemonSet: 'apps',
  StatefulSet: 'apps',
  ControllerRevision: 'apps',
  Job: 'batch',
  CronJob: 'batch',
  ValidatingWebhookConfiguration: 'admissionregistration.k8s.io',
  MutatingWebhookConfiguration: 'admissionregistration.k8s.io',
  APIService: 'apiregistration.k8s.io',
  CustomResourceDefinition: 'apiextensions.k8s.io',
  Route: 'route.openshift.io',
  OAuthClient: 'oauth.openshift.io',
};

/** The kinds whose fields are known. */
export const knownKinds: readonly string[] = Object.keys(groupOf);

/** The message of a kind; one without fields for a kind that we do not know. */
export function messageOfKind(apiVersion: string, kind: string): MessageSpec {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return groupOf[kind] === group ? messageNamed(kind) : {};
}

/** A message by name. */
export function messageNamed(name: string): MessageSpec {
  return messages[name] ?? {};
}

/** True when a field holds bytes, which its JSON form writes in base64. */
export function isByteField(apiVersion: string, kind: string, path: readonly (string | number)[]): boolean {
  let message = messageOfKind(apiVersion, kind);
  for (let at = 0; at < path.length; at += 1) {
    const field = message[String(path[at])];
    if (field === undefined) return false;
    if (field.shape !== 'one') at += 1;
    if (field.type === 'bytes') return at === path.length - 1;
    if (field.type === 'text') return false;
    message = messageNamed(field.type.message);
  }
  return false;
}
