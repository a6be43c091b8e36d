/**
 * What is looked at, as data. The reference looks at seven kinds of objects; what is marked `known` here it misses (scope/objects).
 *
 * Whose a value is:
 * * `cluster`: the place is one that the cluster fills itself. A value there is renewed unless it is external.
 * * `known`: people put their own things there, too. A value is renewed only where it is one that the cluster has elsewhere, or is signed
 *   by one of the cluster's: a route of the company's CA, a kubeconfig of another cluster, a registry's token stay as they are.
 */
export type Whose = 'cluster' | 'known';

/** Ignition files whose content is the cluster's own; what other files hold (a company's root in the trust store, a registry's) is `known`. */
export const ownIgnitionFile = /^\/etc\/kubernetes\/.*\.(?:pem|crt)$/;

/** How the text at a place is read; see `candidates.ts`. */
export type Reading =
  /** PEM or a token; else, if it looks like one, a kubeconfig, a docker configuration or an Ignition document (whose values are `known`). */
  | 'value'
  /** Base64 of PEM. */
  | 'base64'
  /** The source of an Ignition file: a data URL of anything above. */
  | 'data-url';

/** A path in an object; `*` stands for every key of a map and every index of a list. */
export type FieldScope = {
  readonly path: readonly string[];
  readonly reading: Reading;
  readonly whose: Whose | 'by-file-name';
  readonly except?: readonly string[];
  readonly why: string;
};

/** `sign`: bytes without which an object has none of the fields, in any encoding; for kinds that are large and rarely have them. */
export type ObjectScope = {
  readonly prefix: string;
  readonly kind: string;
  readonly sign?: string;
  readonly fields: readonly FieldScope[];
};

const any = '*';
const webhooks: FieldScope = {
  path: ['webhooks', any, 'clientConfig', 'caBundle'],
  reading: 'value',
  whose: 'cluster',
  why: 'the API server trusts the webhook by it; injected from the service CA. A configuration without webhooks has none',
};
const ignitionFiles = (...above: string[]): FieldScope => ({
  path: [...above, 'storage', 'files', any, 'contents', 'source'],
  reading: 'data-url',
  whose: 'by-file-name',
  why: 'root and kubelet CAs that the machine-config daemon writes; it compares texts',
});

export const objectScopes: readonly ObjectScope[] = [
  {
    prefix: '/kubernetes.io/secrets/',
    kind: 'Secret',
    fields: [
      {
        path: ['data', any],
        reading: 'value',
        whose: 'cluster',
        // Packed, raw, Red Hat's, or a person's way into a git server: none of them is made by the cluster.
        except: [
          'prometheus.yaml.gz',
          'alertmanager.yaml.gz',
          'encryption.apiserver.operator.openshift.io-key',
          'entitlement.pem',
          'entitlement-key.pem',
          'ssh-privatekey',
          'sshPrivateKey',
        ],
        why: 'pairs, signers, service-account keys and tokens; kubeconfigs (node-kubeconfigs), dockercfg tokens, pointer Ignition (user-data) as `known`',
      },
      {
        path: ['metadata', 'annotations', any],
        reading: 'value',
        whose: 'cluster',
        why: 'openshift.io/token-secret.value is a token',
      },
    ],
  },
  {
    prefix: '/kubernetes.io/configmaps/',
    kind: 'ConfigMap',
    fields: [
      {
        path: ['data', any],
        reading: 'value',
        whose: 'cluster',
        // Red Hat's key; and PEM in an installation's own configuration is what its author trusted then, not what the cluster made.
        except: ['verifier-public-key-redhat', 'install-config'],
        why: 'CA bundles and public service-account keys; kubeconfigs as `known`',
      },
      {
        path: ['binaryData', any],
        reading: 'value',
        whose: 'known',
        why: 'the same things, put there because of one byte that is not UTF-8',
      },
    ],
  },
  {
    prefix: '/kubernetes.io/validatingwebhookconfigurations/',
    kind: 'ValidatingWebhookConfiguration',
    fields: [webhooks],
  },
  { prefix: '/kubernetes.io/mutatingwebhookconfigurations/', kind: 'MutatingWebhookConfiguration', fields: [webhooks] },
  {
    prefix: '/kubernetes.io/apiregistration.k8s.io/apiservices/',
    kind: 'APIService',
    fields: [
      {
        path: ['spec', 'caBundle'],
        reading: 'value',
        whose: 'cluster',
        why: 'the aggregator trusts the extension server by it; OLM hashes it',
      },
    ],
  },
  {
    prefix: '/kubernetes.io/apiextensions.k8s.io/customresourcedefinitions/',
    kind: 'CustomResourceDefinition',
    sign: 'Webhook',
    fields: [
      {
        path: ['spec', 'conversion', 'webhook', 'clientConfig', 'caBundle'],
        reading: 'value',
        whose: 'known',
        why: 'without it no object of the kind can be read in another version until the service CA operator comes by',
      },
    ],
  },
  {
    prefix: '/kubernetes.io/machineconfiguration.openshift.io/machineconfigs/',
    kind: 'MachineConfig',
    fields: [ignitionFiles('spec', 'config')],
  },
  {
    prefix: '/kubernetes.io/machineconfiguration.openshift.io/controllerconfigs/',
    kind: 'ControllerConfig',
    fields: [
      {
        path: ['spec', 'kubeAPIServerServingCAData'],
        reading: 'base64',
        whose: 'cluster',
        why: "rendered into the kubelet's kubeconfig",
      },
      {
        path: ['spec', 'rootCAData'],
        reading: 'base64',
        whose: 'cluster',
        why: "rendered into every machine's ca.crt",
      },
      {
        path: ['spec', any],
        reading: 'base64',
        whose: 'known',
        except: ['kubeAPIServerServingCAData', 'rootCAData'],
        why: 'cloudProviderCAData, additionalTrustBundle and what later releases add',
      },
    ],
  },
  {
    prefix: '/openshift.io/routes/',
    kind: 'Route',
    fields: ['certificate', 'key', 'caCertificate', 'destinationCACertificate'].map(
      (name) =>
        ({
          path: ['spec', 'tls', name],
          reading: 'value',
          whose: 'known',
          why: "a re-encrypt route to a service of the cluster holds the service CA; others are their owner's",
        }) as const,
    ),
  },
];

/** Where an Ignition document (a file on disk, a value of a Secret) holds what we look for. */
export const ignitionScopes: readonly FieldScope[] = [
  ignitionFiles('spec', 'config'),
  ignitionFiles(),
  {
    path: ['ignition', 'security', 'tls', 'certificateAuthorities', any, 'source'],
    reading: 'data-url',
    whose: 'known',
    why: 'a pointer document trusts the machine-config server by it',
  },
];

/** Where a kubeconfig does. */
export const kubeconfigScopes: readonly { readonly path: readonly string[]; readonly reading: 'value' | 'base64' }[] = [
  { path: ['clusters', any, 'cluster', 'certificate-authority-data'], reading: 'base64' },
  { path: ['users', any, 'user', 'client-certificate-data'], reading: 'base64' },
  { path: ['users', any, 'user', 'client-key-data'], reading: 'base64' },
  { path: ['users', any, 'user', 'token'], reading: 'value' },
];

/** Certificates that other people made and the cluster was told to trust (scope/external): they are never touched. */
export const externalScopes = {
  bundles: [
    {
      key: '/kubernetes.io/configmaps/openshift-config-managed/trusted-ca-bundle',
      why: 'the public CAs and what the cluster was told to add',
    },
    {
      key: '/kubernetes.io/configmaps/openshift-config/user-ca-bundle',
      why: 'read by the machine-config operator whether or not the proxy names it',
    },
  ],
  image: '/kubernetes.io/config.openshift.io/images/cluster',
  imageBundles: '/kubernetes.io/configmaps/openshift-config/',
  /** Without etcd, the copies on disk have to do. */
  files: /(?:\/configmaps\/trusted-ca-bundle\/ca-bundle\.crt|\/anchors\/openshift-config-user-ca-bundle\.crt)$/,
} as const;
