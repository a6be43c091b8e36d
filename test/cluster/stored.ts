import { field, varint } from '../../internal/wire/protobuf.ts';
import { kubernetesCbor } from '../../internal/wire/test-cbor.ts';
import { goJson } from './settings/hashes.ts';
import { workloadShapes, type Shape } from './settings/shapes.ts';
import { traceShapes } from './shapes.ts';

/**
 * An object as `kubectl get -o json` shows it, except that byte fields (data of a Secret, CA bundles of webhooks) are Buffers here.
 * It is turned into an etcd value as the API servers do it: protobuf for the built-in kinds, JSON or CBOR for the rest.
 */
export type KubeObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [member: string]: unknown;
};
export type Metadata = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly creationTimestamp: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly unknown[];
};
export type Encoding = 'protobuf' | 'json' | 'cbor';

/**
 * Field numbers of what the generator writes. `!`: Go writes it even when it is empty. `[]` list, `{}` map; `raw` is JSON inside of
 * a message that holds nothing else; `^` a message whose members stand one level higher in the JSON form.
 */
const shapes: Readonly<Record<string, Shape>> = {
  ...workloadShapes,
  ...traceShapes,
  ObjectMeta: {
    name: [1, 'text!'],
    generateName: [2, 'text!'],
    namespace: [3, 'text!'],
    selfLink: [4, 'text!'],
    uid: [5, 'text!'],
    resourceVersion: [6, 'text!'],
    generation: [7, 'int!'],
    creationTimestamp: [8, 'time'],
    labels: [11, 'text{}'],
    annotations: [12, 'text{}'],
    managedFields: [17, 'ManagedFieldsEntry[]'],
  },
  ManagedFieldsEntry: {
    manager: [1, 'text!'],
    operation: [2, 'text!'],
    apiVersion: [3, 'text!'],
    time: [4, 'time'],
    fieldsType: [6, 'text!'],
    fieldsV1: [7, 'raw'],
    subresource: [8, 'text!'],
  },
  Secret: { metadata: [1, 'ObjectMeta'], data: [2, 'bytes{}'], type: [3, 'text!'], immutable: [5, 'bool'] },
  ConfigMap: { metadata: [1, 'ObjectMeta'], data: [2, 'text{}'], binaryData: [3, 'bytes{}'], immutable: [4, 'bool'] },
  ServiceAccount: {
    metadata: [1, 'ObjectMeta'],
    secrets: [2, 'ObjectReference[]'],
    imagePullSecrets: [3, 'LocalObjectReference[]'],
  },
  ObjectReference: {
    kind: [1, 'text!'],
    namespace: [2, 'text!'],
    name: [3, 'text!'],
    uid: [4, 'text!'],
    apiVersion: [5, 'text!'],
    resourceVersion: [6, 'text!'],
    fieldPath: [7, 'text!'],
  },
  LocalObjectReference: { name: [1, 'text!'] },
  Namespace: { metadata: [1, 'ObjectMeta'], spec: [2, 'NamespaceSpec'], status: [3, 'NamespaceStatus'] },
  NamespaceSpec: { finalizers: [1, 'text[]'] },
  NamespaceStatus: { phase: [1, 'text!'] },
  ValidatingWebhookConfiguration: { metadata: [1, 'ObjectMeta'], webhooks: [2, 'ValidatingWebhook[]'] },
  ValidatingWebhook: {
    name: [1, 'text!'],
    clientConfig: [2, 'WebhookClientConfig'],
    rules: [3, 'Rule[]'],
    failurePolicy: [4, 'text'],
    sideEffects: [6, 'text'],
    timeoutSeconds: [7, 'int'],
    admissionReviewVersions: [8, 'text[]'],
    matchPolicy: [9, 'text'],
  },
  MutatingWebhookConfiguration: { metadata: [1, 'ObjectMeta'], webhooks: [2, 'MutatingWebhook[]'] },
  MutatingWebhook: {
    name: [1, 'text!'],
    clientConfig: [2, 'WebhookClientConfig'],
    rules: [3, 'Rule[]'],
    failurePolicy: [4, 'text'],
    sideEffects: [6, 'text'],
    timeoutSeconds: [7, 'int'],
    admissionReviewVersions: [8, 'text[]'],
    matchPolicy: [9, 'text'],
    reinvocationPolicy: [10, 'text'],
  },
  WebhookClientConfig: { service: [1, 'ServiceReference'], caBundle: [2, 'bytes'], url: [3, 'text'] },
  ServiceReference: { namespace: [1, 'text!'], name: [2, 'text!'], path: [3, 'text'], port: [4, 'int'] },
  Rule: { operations: [1, 'text[]'], rule: [2, 'RuleBody'] },
  RuleBody: { apiGroups: [1, 'text[]'], apiVersions: [2, 'text[]'], resources: [3, 'text[]'], scope: [4, 'text'] },
  OAuthAccessToken: {
    metadata: [1, 'ObjectMeta'],
    clientName: [2, 'text!'],
    expiresIn: [3, 'int!'],
    scopes: [4, 'text[]'],
    redirectURI: [5, 'text!'],
    userName: [6, 'text!'],
    userUID: [7, 'text!'],
    authorizeToken: [8, 'text!'],
  },
  OAuthAuthorizeToken: {
    metadata: [1, 'ObjectMeta'],
    clientName: [2, 'text!'],
    expiresIn: [3, 'int!'],
    scopes: [4, 'text[]'],
    redirectURI: [5, 'text!'],
    state: [6, 'text!'],
    userName: [7, 'text!'],
    userUID: [8, 'text!'],
  },
  Event: { metadata: [1, 'ObjectMeta'] },
  Route: { metadata: [1, 'ObjectMeta'], spec: [2, 'RouteSpec'], status: [3, 'RouteStatus'] },
  RouteSpec: {
    host: [1, 'text!'],
    path: [2, 'text!'],
    to: [3, 'RouteTarget'],
    tls: [6, 'TLSConfig'],
    wildcardPolicy: [7, 'text!'],
    subdomain: [8, 'text!'],
  },
  RouteTarget: { kind: [1, 'text!'], name: [2, 'text!'], weight: [3, 'int'] },
  TLSConfig: {
    termination: [1, 'text!'],
    certificate: [2, 'text!'],
    key: [3, 'text!'],
    caCertificate: [4, 'text!'],
    destinationCACertificate: [5, 'text!'],
    insecureEdgeTerminationPolicy: [6, 'text!'],
  },
  RouteStatus: { ingress: [1, 'RouteIngress[]'] },
  RouteIngress: {
    host: [1, 'text!'],
    routerName: [2, 'text!'],
    wildcardPolicy: [4, 'text!'],
    routerCanonicalHostname: [5, 'text!'],
  },
};

/** The bytes of an etcd value. */
export function storedValue(object: KubeObject, encoding: Encoding): Buffer {
  switch (encoding) {
    case 'json':
      return Buffer.from(`${goJson(plain(object))}\n`);
    case 'cbor':
      return Buffer.from(kubernetesCbor(plain(object)));
    case 'protobuf': {
      if (shapes[object.kind] === undefined) throw new Error(`the generator has no protobuf shape for ${object.kind}`);
      const typeMeta = [text(1, object.apiVersion), text(2, object.kind)];
      return Buffer.concat([
        Buffer.from('k8s\0'),
        field(1, Buffer.concat(typeMeta)),
        field(2, message(object, object.kind)),
        field(3, Buffer.alloc(0)),
        field(4, Buffer.alloc(0)),
      ]);
    }
  }
}

/** What a field of a message is, for whoever reads what is written here: a message with a shape of its own, an entry of a map, or a value. */
export type FieldKind =
  | { readonly is: 'message'; readonly shape: string }
  | { readonly is: 'entry'; readonly value: FieldKind }
  | { readonly is: 'value' };

/** The kind of a numbered field of a shape; undefined for a number that the shape does not have. */
export function fieldKind(shapeName: string, number: number): FieldKind | undefined {
  const type = Object.values(shapes[shapeName] ?? {}).find(([known]) => known === number)?.[1];
  return type === undefined ? undefined : kindOf(type);
}

function kindOf(type: string): FieldKind {
  if (type.endsWith('{}')) return { is: 'entry', value: kindOf(type.slice(0, -2)) };
  const name = type.replace(/(?:\[\]|[!^])$/, '');
  return shapes[name] === undefined ? { is: 'value' } : { is: 'message', shape: name };
}

/** How this kind is stored when nothing else is said. */
export function usualEncoding({ kind }: KubeObject): Encoding {
  return shapes[kind] === undefined ? 'json' : 'protobuf';
}

function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, function (this: Record<string, unknown>, name, member: unknown) {
      const here = this[name];
      return Buffer.isBuffer(here) ? here.toString('base64') : member;
    }),
  );
}

function message(value: object, shapeName: string): Buffer {
  const shape = shapes[shapeName] ?? {};
  const members = value as Readonly<Record<string, unknown>>;
  const parts = Object.entries(shape)
    .sort(([, [a]], [, [b]]) => a - b)
    .flatMap(([name, [number, type]]) =>
      type.endsWith('^') ? [one(number, type.slice(0, -1), members)] : written(number, type, members[name]),
    );
  return Buffer.concat(parts);
}

function written(number: number, type: string, value: unknown): Uint8Array[] {
  if (type.endsWith('[]'))
    return Array.isArray(value) ? value.map((item: unknown) => one(number, type.slice(0, -2), item)) : [];
  if (type.endsWith('{}')) {
    // Go sorts the entries of a map by key.
    const entries = Object.entries((value ?? {}) as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1));
    return entries.map(([key, item]) => field(number, Buffer.concat([text(1, key), one(2, type.slice(0, -2), item)])));
  }
  if (type.endsWith('!')) return [one(number, type.slice(0, -1), value ?? (type === 'int!' ? 0 : ''))];
  return value === undefined
    ? type === 'ObjectMeta'
      ? [field(number, Buffer.alloc(0))]
      : []
    : [one(number, type, value)];
}

function one(number: number, type: string, value: unknown): Uint8Array {
  switch (type) {
    case 'text':
      return text(number, String(value));
    case 'bytes':
      return field(number, Buffer.isBuffer(value) ? value : Buffer.from(String(value)));
    case 'int':
    case 'bool':
      return Buffer.concat([varint(number * 8), varint(Number(value))]);
    case 'time':
      return field(number, Buffer.concat([varint(8), varint(Date.parse(String(value)) / 1000), varint(16), varint(0)]));
    case 'raw':
      return field(number, field(1, Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))));
    case 'quantity':
      return field(number, text(1, String(value)));
    case 'intOrString':
      return field(
        number,
        Buffer.concat([
          varint(8),
          varint(Number(typeof value === 'string')),
          varint(16),
          varint(typeof value === 'number' ? value : 0),
          text(3, typeof value === 'string' ? value : ''),
        ]),
      );
    default:
      return field(number, message(value as object, type)); // the type is the name of a shape
  }
}

function text(number: number, value: string): Uint8Array {
  return field(number, Buffer.from(value));
}

/** Plurals that are not the kind and an "s", and kinds that stand under a name of their own (internal/recert/rename/README.md, keys). */
const plurals: Readonly<Record<string, string>> = {
  Proxy: 'proxies',
  Prometheus: 'prometheuses',
  Ingress: 'ingresses',
  DNS: 'dnses',
  Node: 'minions',
  Endpoints: 'services/endpoints',
  OAuthClient: 'oauth/clients',
  OAuthAccessToken: 'oauth/accesstokens',
  OAuthAuthorizeToken: 'oauth/authorizetokens',
};

/** Groups of built-in kinds leave no trace in the key. */
const builtInGroups = new Set([
  '',
  'apps',
  'batch',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'certificates.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'route.openshift.io',
  'oauth.openshift.io',
]);

/** The etcd key under which an API server keeps the object. */
export function etcdKeyOf({ apiVersion, kind, metadata: { namespace, name } }: KubeObject): string {
  const [group = ''] = apiVersion.includes('/') ? apiVersion.split('/') : [];
  const openshift = group === 'route.openshift.io' || group === 'oauth.openshift.io';
  const words = [
    openshift ? 'openshift.io' : 'kubernetes.io',
    ...(builtInGroups.has(group) ? [] : [group]),
    plurals[kind] ?? `${kind.toLowerCase()}s`,
    ...(namespace === undefined ? [] : [namespace]),
    name,
  ];
  return `/${words.join('/')}`;
}
