/**
 * The fields of a Deployment's spec in the order in which Go writes them, with their protobuf numbers: facts of the Kubernetes API,
 * proved by a test that writes the golden Deployment's JSON from its protobuf, byte for byte.
 *
 * One line of a message is `name number type`. The type is `text`, `int`, `bool`, `quantity`, `int-or-string`, `time`, `raw` (JSON held as
 * bytes) or another message; `[]` is a list, `{}` a map. Without a mark a value that is zero is left out, as `omitempty` does;
 *
 * | mark | Go                                  | written                          |
 * |------|-------------------------------------|----------------------------------|
 * | `?`  | a pointer                           | if it stands, zero or not        |
 * | `!`  | no `omitempty`, or a struct         | always                           |
 * | `*`  | a pointer without `omitempty`       | always, `null` if it is not set  |
 * | `^`  | an embedded struct                  | its members in its place         |
 */
const fields: Readonly<Record<string, string>> = {
  DeploymentSpec: `
    replicas 1 int?; selector 2 LabelSelector*; template 3 PodTemplateSpec!; strategy 4 DeploymentStrategy!; minReadySeconds 5 int; revisionHistoryLimit 6 int?;
    paused 7 bool; progressDeadlineSeconds 9 int?`,
  DeploymentStrategy: 'type 1 text; rollingUpdate 2 RollingUpdate?',
  RollingUpdate: 'maxUnavailable 1 int-or-string?; maxSurge 2 int-or-string?',
  LabelSelector: 'matchLabels 1 text{}; matchExpressions 2 Requirement[]',
  Requirement: 'key 1 text!; operator 2 text!; values 3 text[]',
  PodTemplateSpec: 'metadata 1 ObjectMeta!; spec 2 PodSpec!',
  ObjectMeta: `
    name 1 text; generateName 2 text; namespace 3 text; selfLink 4 text; uid 5 text; resourceVersion 6 text; generation 7 int; creationTimestamp 8 time!;
    deletionTimestamp 9 time?; deletionGracePeriodSeconds 10 int?; labels 11 text{}; annotations 12 text{}; ownerReferences 13 OwnerReference[];
    finalizers 14 text[]; managedFields 17 ManagedFields[]`,
  OwnerReference:
    'apiVersion 5 text!; kind 1 text!; name 3 text!; uid 4 text!; controller 6 bool?; blockOwnerDeletion 7 bool?',
  ManagedFields:
    'manager 1 text; operation 2 text; apiVersion 3 text; time 4 time?; fieldsType 6 text; fieldsV1 7 raw?; subresource 8 text',
  PodSpec: `
    volumes 1 Volume[]; initContainers 20 Container[]; containers 2 Container[]*; ephemeralContainers 34 EphemeralContainer[]; restartPolicy 3 text;
    terminationGracePeriodSeconds 4 int?; activeDeadlineSeconds 5 int?; dnsPolicy 6 text; nodeSelector 7 text{}; serviceAccountName 8 text; serviceAccount 9 text;
    automountServiceAccountToken 21 bool?; nodeName 10 text; hostNetwork 11 bool; hostPID 12 bool; hostIPC 13 bool; shareProcessNamespace 27 bool?;
    securityContext 14 PodSecurityContext?; imagePullSecrets 15 LocalReference[]; hostname 16 text; subdomain 17 text; affinity 18 Affinity?; schedulerName 19 text;
    tolerations 22 Toleration[]; hostAliases 23 HostAlias[]; priorityClassName 24 text; priority 25 int?; dnsConfig 26 DnsConfig?; readinessGates 28 ReadinessGate[];
    runtimeClassName 29 text?; enableServiceLinks 30 bool?; preemptionPolicy 31 text?; overhead 32 quantity{}; topologySpreadConstraints 33 SpreadConstraint[];
    setHostnameAsFQDN 35 bool?; os 36 Named?; hostUsers 37 bool?; schedulingGates 38 Named[]; resourceClaims 39 PodClaim[]; resources 40 Resources?;
    hostnameOverride 41 text?; schedulingGroup 43 SchedulingGroup?; evictionResponders 44 EvictionResponder[]`,
  LocalReference: 'name 1 text',
  Named: 'name 1 text!',
  SchedulingGroup: 'podGroupName 1 text?',
  EvictionResponder: 'name 1 text!; priority 2 int?',
  PodClaim: 'name 1 text!; resourceClaimName 3 text?; resourceClaimTemplateName 4 text?',
  HostAlias: 'ip 1 text!; hostnames 2 text[]',
  DnsConfig: 'nameservers 1 text[]; searches 2 text[]; options 3 DnsOption[]',
  DnsOption: 'name 1 text; value 2 text?',
  ReadinessGate: 'conditionType 1 text!',
  Toleration: 'key 1 text; operator 2 text; value 3 text; effect 4 text; tolerationSeconds 5 int?',
  SpreadConstraint: `
    maxSkew 1 int!; topologyKey 2 text!; whenUnsatisfiable 3 text!; labelSelector 4 LabelSelector?; minDomains 5 int?; nodeAffinityPolicy 6 text?;
    nodeTaintsPolicy 7 text?; matchLabelKeys 8 text[]`,

  Container: `
    name 1 text!; image 2 text; command 3 text[]; args 4 text[]; workingDir 5 text; ports 6 Port[]; envFrom 19 EnvFrom[]; env 7 EnvVar[]; resources 8 Resources!;
    resizePolicy 23 ResizePolicy[]; restartPolicy 24 text?; restartPolicyRules 25 RestartRule[]; volumeMounts 9 VolumeMount[]; volumeDevices 21 VolumeDevice[];
    livenessProbe 10 Probe?; readinessProbe 11 Probe?; startupProbe 22 Probe?; lifecycle 12 Lifecycle?; terminationMessagePath 13 text;
    terminationMessagePolicy 20 text; imagePullPolicy 14 text; securityContext 15 SecurityContext?; stdin 16 bool; stdinOnce 17 bool; tty 18 bool`,
  EphemeralContainer: 'common 1 Container^; targetContainerName 2 text',
  Port: 'name 1 text; hostPort 2 int; containerPort 3 int!; protocol 4 text; hostIP 5 text',
  EnvFrom: 'prefix 1 text; configMapRef 2 EnvSource?; secretRef 3 EnvSource?',
  EnvSource: 'local 1 LocalReference^; optional 2 bool?',
  EnvVar: 'name 1 text!; value 2 text; valueFrom 3 ValueFrom?',
  ValueFrom:
    'fieldRef 1 FieldRef?; resourceFieldRef 2 ResourceFieldRef?; configMapKeyRef 3 KeyRef?; secretKeyRef 4 KeyRef?; fileKeyRef 5 FileKeyRef?',
  FieldRef: 'apiVersion 1 text; fieldPath 2 text!',
  ResourceFieldRef: 'containerName 1 text; resource 2 text!; divisor 3 quantity!',
  KeyRef: 'local 1 LocalReference^; key 2 text!; optional 3 bool?',
  FileKeyRef: 'volumeName 1 text!; path 2 text!; key 3 text!; optional 4 bool?',
  Resources: 'limits 1 quantity{}; requests 2 quantity{}; claims 3 ResourceClaim[]',
  ResourceClaim: 'name 1 text!; request 2 text',
  ResizePolicy: 'resourceName 1 text!; restartPolicy 2 text!',
  RestartRule: 'action 1 text; exitCodes 2 ExitCodes?',
  ExitCodes: 'operator 1 text!; values 2 int[]',
  VolumeMount: `
    name 1 text!; readOnly 2 bool; recursiveReadOnly 7 text?; mountPath 3 text!; subPath 4 text; mountPropagation 5 text?; subPathExpr 6 text;
    bindMountOptions 8 text[]`,
  VolumeDevice: 'name 1 text!; devicePath 2 text!',
  Probe: `
    handler 1 ProbeHandler^; initialDelaySeconds 2 int; timeoutSeconds 3 int; periodSeconds 4 int; successThreshold 5 int; failureThreshold 6 int;
    terminationGracePeriodSeconds 7 int?`,
  ProbeHandler: 'exec 1 Exec?; httpGet 2 HttpGet?; tcpSocket 3 TcpSocket?; grpc 4 Grpc?',
  Exec: 'command 1 text[]',
  HttpGet: 'path 1 text; port 2 int-or-string!; host 3 text; scheme 4 text; httpHeaders 5 Header[]; protocol 6 text?',
  Header: 'name 1 text!; value 2 text!',
  TcpSocket: 'port 1 int-or-string!; host 2 text',
  Grpc: 'port 1 int!; service 2 text*; mode 3 text?',
  Lifecycle: 'postStart 1 LifecycleHandler?; preStop 2 LifecycleHandler?; stopSignal 3 text?',
  LifecycleHandler: 'exec 1 Exec?; httpGet 2 HttpGet?; tcpSocket 3 TcpSocket?; sleep 4 Sleep?',
  Sleep: 'seconds 1 int!',
  SecurityContext: `
    capabilities 1 Capabilities?; privileged 2 bool?; seLinuxOptions 3 SeLinux?; windowsOptions 10 Windows?; runAsUser 4 int?; runAsGroup 8 int?;
    runAsNonRoot 5 bool?; readOnlyRootFilesystem 6 bool?; allowPrivilegeEscalation 7 bool?; procMount 9 text?; seccompProfile 11 Profile?;
    appArmorProfile 12 Profile?`,
  PodSecurityContext: `
    seLinuxOptions 1 SeLinux?; windowsOptions 8 Windows?; runAsUser 2 int?; runAsGroup 6 int?; runAsNonRoot 3 bool?; supplementalGroups 4 int[];
    supplementalGroupsPolicy 12 text?; fsGroup 5 int?; sysctls 7 Header[]; fsGroupChangePolicy 9 text?; seccompProfile 10 Profile?; appArmorProfile 11 Profile?;
    seLinuxChangePolicy 13 text?`,
  Capabilities: 'add 1 text[]; drop 2 text[]',
  SeLinux: 'user 1 text; role 2 text; type 3 text; level 4 text',
  Windows: 'gmsaCredentialSpecName 1 text?; gmsaCredentialSpec 2 text?; runAsUserName 3 text?; hostProcess 4 bool?',
  Profile: 'type 1 text!; localhostProfile 2 text?',

  Affinity: 'nodeAffinity 1 NodeAffinity?; podAffinity 2 PodAffinity?; podAntiAffinity 3 PodAffinity?',
  NodeAffinity:
    'requiredDuringSchedulingIgnoredDuringExecution 1 NodeSelector?; preferredDuringSchedulingIgnoredDuringExecution 2 PreferredNode[]',
  NodeSelector: 'nodeSelectorTerms 1 NodeTerm[]*',
  NodeTerm: 'matchExpressions 1 Requirement[]; matchFields 2 Requirement[]',
  PreferredNode: 'weight 1 int!; preference 2 NodeTerm!',
  PodAffinity:
    'requiredDuringSchedulingIgnoredDuringExecution 1 PodTerm[]; preferredDuringSchedulingIgnoredDuringExecution 2 PreferredPod[]',
  PodTerm: `
    labelSelector 1 LabelSelector?; namespaces 2 text[]; topologyKey 3 text!; namespaceSelector 4 LabelSelector?; matchLabelKeys 5 text[];
    mismatchLabelKeys 6 text[]`,
  PreferredPod: 'weight 1 int!; podAffinityTerm 2 PodTerm!',

  Volume: 'name 1 text!; source 2 VolumeSource^',
  VolumeSource: `
    hostPath 1 HostPath?; emptyDir 2 EmptyDir?; gcePersistentDisk 3 GceDisk?; awsElasticBlockStore 4 AwsDisk?; gitRepo 5 GitRepo?; secret 6 SecretVolume?;
    nfs 7 Nfs?; iscsi 8 Iscsi?; glusterfs 9 Glusterfs?; persistentVolumeClaim 10 Claim?; rbd 11 Rbd?; flexVolume 12 FlexVolume?; cinder 13 Cinder?;
    cephfs 14 Cephfs?; flocker 15 Flocker?; downwardAPI 16 DownwardVolume?; fc 17 FibreChannel?; azureFile 18 AzureFile?; configMap 19 ConfigMapVolume?;
    vsphereVolume 20 Vsphere?; quobyte 21 Quobyte?; azureDisk 22 AzureDisk?; photonPersistentDisk 23 Photon?; projected 26 Projected?; portworxVolume 24 Portworx?;
    scaleIO 25 ScaleIo?; storageos 27 Storageos?; csi 28 Csi?; ephemeral 29 Ephemeral?; image 30 ImageVolume?`,
  HostPath: 'path 1 text!; type 2 text?',
  EmptyDir: 'medium 1 text; sizeLimit 2 quantity?; mode 3 int?',
  GceDisk: 'pdName 1 text!; fsType 2 text; partition 3 int; readOnly 4 bool',
  AwsDisk: 'volumeID 1 text!; fsType 2 text; partition 3 int; readOnly 4 bool',
  GitRepo: 'repository 1 text!; revision 2 text; directory 3 text',
  SecretVolume: 'secretName 1 text; items 2 KeyPath[]; defaultMode 3 int?; optional 4 bool?; defaultUser 5 int?',
  KeyPath: 'key 1 text!; path 2 text!; mode 3 int?; user 4 int?',
  Nfs: 'server 1 text!; path 2 text!; readOnly 3 bool',
  Iscsi: `
    targetPortal 1 text!; iqn 2 text!; lun 3 int!; iscsiInterface 4 text; fsType 5 text; readOnly 6 bool; portals 7 text[]; chapAuthDiscovery 8 bool;
    chapAuthSession 11 bool; secretRef 10 LocalReference?; initiatorName 12 text?`,
  Glusterfs: 'endpoints 1 text!; path 2 text!; readOnly 3 bool',
  Claim: 'claimName 1 text!; readOnly 2 bool',
  Rbd: 'monitors 1 text[]*; image 2 text!; fsType 3 text; pool 4 text; user 5 text; keyring 6 text; secretRef 7 LocalReference?; readOnly 8 bool',
  FlexVolume: 'driver 1 text!; fsType 2 text; secretRef 3 LocalReference?; readOnly 4 bool; options 5 text{}',
  Cinder: 'volumeID 1 text!; fsType 2 text; readOnly 3 bool; secretRef 4 LocalReference?',
  Cephfs:
    'monitors 1 text[]*; path 2 text; user 3 text; secretFile 4 text; secretRef 5 LocalReference?; readOnly 6 bool',
  Flocker: 'datasetName 1 text; datasetUUID 2 text',
  DownwardVolume: 'items 1 DownwardFile[]; defaultMode 2 int?; defaultUser 3 int?',
  DownwardFile: 'path 1 text!; fieldRef 2 FieldRef?; resourceFieldRef 3 ResourceFieldRef?; mode 4 int?; user 5 int?',
  FibreChannel: 'targetWWNs 1 text[]; lun 2 int?; fsType 3 text; readOnly 4 bool; wwids 5 text[]',
  AzureFile: 'secretName 1 text!; shareName 2 text!; readOnly 3 bool',
  ConfigMapVolume:
    'local 1 LocalReference^; items 2 KeyPath[]; defaultMode 3 int?; optional 4 bool?; defaultUser 5 int?',
  Vsphere: 'volumePath 1 text!; fsType 2 text; storagePolicyName 3 text; storagePolicyID 4 text',
  Quobyte: 'registry 1 text!; volume 2 text!; readOnly 3 bool; user 4 text; group 5 text; tenant 6 text',
  AzureDisk: 'diskName 1 text!; diskURI 2 text!; cachingMode 3 text?; fsType 4 text?; readOnly 5 bool?; kind 6 text?',
  Photon: 'pdID 1 text!; fsType 2 text',
  Projected: 'sources 1 ProjectedSource[]*; defaultMode 2 int?; defaultUser 3 int?',
  ProjectedSource: `
    secret 1 Projection?; downwardAPI 2 DownwardProjection?; configMap 3 Projection?; serviceAccountToken 4 TokenProjection?; clusterTrustBundle 5 TrustProjection?;
    podCertificate 6 CertificateProjection?`,
  Projection: 'local 1 LocalReference^; items 2 KeyPath[]; optional 4 bool?',
  DownwardProjection: 'items 1 DownwardFile[]',
  TokenProjection: 'audience 1 text; expirationSeconds 2 int?; path 3 text!; user 4 int?',
  TrustProjection:
    'name 1 text?; signerName 2 text?; labelSelector 3 LabelSelector?; optional 5 bool?; path 4 text!; user 6 int?',
  CertificateProjection: `
    signerName 1 text; keyType 2 text; maxExpirationSeconds 3 int?; credentialBundlePath 4 text; keyPath 5 text; certificateChainPath 6 text;
    userAnnotations 7 text{}; user 8 int?`,
  Portworx: 'volumeID 1 text!; fsType 2 text; readOnly 3 bool',
  ScaleIo: `
    gateway 1 text!; system 2 text!; secretRef 3 LocalReference*; sslEnabled 4 bool; protectionDomain 5 text; storagePool 6 text; storageMode 7 text;
    volumeName 8 text; fsType 9 text; readOnly 10 bool`,
  Storageos: 'volumeName 1 text; volumeNamespace 2 text; fsType 3 text; readOnly 4 bool; secretRef 5 LocalReference?',
  Csi: 'driver 1 text!; readOnly 2 bool?; fsType 3 text?; volumeAttributes 4 text{}; nodePublishSecretRef 5 LocalReference?',
  Ephemeral: 'volumeClaimTemplate 1 ClaimTemplate?',
  ClaimTemplate: 'metadata 1 ObjectMeta!; spec 2 ClaimSpec!',
  ClaimSpec: `
    accessModes 1 text[]; selector 4 LabelSelector?; resources 2 ClaimResources!; volumeName 3 text; storageClassName 5 text?; volumeMode 6 text?;
    dataSource 7 TypedReference?; dataSourceRef 8 NamespacedReference?; volumeAttributesClassName 9 text?`,
  ClaimResources: 'limits 1 quantity{}; requests 2 quantity{}',
  TypedReference: 'apiGroup 1 text*; kind 2 text!; name 3 text!',
  NamespacedReference: 'apiGroup 1 text*; kind 2 text!; name 3 text!; namespace 4 text?',
  ImageVolume: 'reference 1 text; pullPolicy 2 text',
};

/** What Go does with a member that is not set. */
export type Mark = 'omitted' | 'pointer' | 'always' | 'null' | 'embedded';
export type GoField = {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly shape: 'one' | 'list' | 'map';
  readonly mark: Mark;
};

const marks: Readonly<Record<string, Mark>> = {
  '': 'omitted',
  '?': 'pointer',
  '!': 'always',
  '*': 'null',
  '^': 'embedded',
};

const messages: ReadonlyMap<string, readonly GoField[]> = new Map(
  Object.entries(fields).map(([message, text]) => [message, text.trim().split(/;\s+/).map(fieldOf)]),
);

function fieldOf(text: string): GoField {
  const [, name = '', number = '', type = '', brackets = '', mark = ''] =
    /^(\S+) (\d+) ([\w-]+)(\[\]|\{\})?([?!*^]?)$/.exec(text) ?? [];
  return {
    name,
    number: Number(number),
    type,
    shape: brackets === '[]' ? 'list' : brackets === '{}' ? 'map' : 'one',
    mark: marks[mark] ?? 'omitted',
  };
}

/** The fields of a message in Go's order; undefined for a type that is no message. */
export function goFields(message: string): readonly GoField[] | undefined {
  return messages.get(message);
}
