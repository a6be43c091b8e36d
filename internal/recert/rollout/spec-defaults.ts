import type { Plain } from '../../edit/tree.ts';
import type { Members } from './go-spec.ts';
import { isMembers } from './go-spec.ts';

/**
 * What the API server writes into a Deployment where the manifest is silent, and what a manifest may as well have said itself. The
 * operator hashed the manifest, so each of these may have to be taken away again.
 */
export type DefaultRule = {
  /** The member's message and name. */
  readonly member: string;
  readonly isDefault: (value: Plain | undefined, around: Around) => boolean;
  /** How unlikely it is that the manifest said nothing, and that it said this: orders the search, decides nothing. */
  readonly silent: number;
  readonly said: number;
  /** Rules that one hand answers alike: the four numbers of a probe. Default: the member itself. */
  readonly family: string;
  /** The operator's code decides, so that all places are alike. */
  readonly isUniform?: true;
};

/** What stands around a member: its own message, and the pod's spec. */
export type Around = { readonly message: Members; readonly pod: Members | undefined };

const is =
  (expected: Plain) =>
  (value: Plain | undefined): boolean =>
    value === expected;
const isEmpty = (value: Plain | undefined): boolean => isMembers(value) && Object.keys(value).length === 0;
const rule = (
  member: string,
  isDefault: DefaultRule['isDefault'],
  silent: number,
  said: number,
  family = member,
): DefaultRule => ({ member, isDefault, silent, said, family });

export const defaultRules: readonly DefaultRule[] = [
  // Go before Kubernetes 1.34 writes `"creationTimestamp":null`; newer code leaves it out. No default, but as unknown as one.
  {
    ...rule('ObjectMeta.creationTimestamp', (value) => value === undefined || value === null, 0.5, 0),
    isUniform: true,
  },

  rule('DeploymentSpec.replicas', is(1), 2, 0),
  rule('DeploymentSpec.revisionHistoryLimit', is(10), 0, 3),
  rule('DeploymentSpec.progressDeadlineSeconds', is(600), 0, 3),
  rule('DeploymentStrategy.type', is('RollingUpdate'), 0.5, 0.5),
  rule('DeploymentStrategy.rollingUpdate', (value) => isMembers(value) && Object.values(value).every(is('25%')), 0, 5),
  rule('RollingUpdate.maxUnavailable', is('25%'), 0, 2),
  rule('RollingUpdate.maxSurge', is('25%'), 0, 2),

  rule('PodSpec.restartPolicy', is('Always'), 0, 2),
  rule('PodSpec.terminationGracePeriodSeconds', is(30), 0, 2),
  rule('PodSpec.dnsPolicy', is('ClusterFirst'), 0, 2),
  rule('PodSpec.schedulerName', is('default-scheduler'), 0, 4),
  rule('PodSpec.securityContext', isEmpty, 0, 3),
  // Each of the two names is copied to the other.
  rule(
    'PodSpec.serviceAccount',
    (value, { message }) => value !== undefined && value === message['serviceAccountName'],
    0,
    4,
  ),
  rule(
    'PodSpec.serviceAccountName',
    (value, { message }) => value !== undefined && value === message['serviceAccount'],
    5,
    0,
  ),

  rule('Container.imagePullPolicy', (value, { message }) => value === pullPolicyOf(message['image']), 0.5, 0.5),
  rule('Container.terminationMessagePath', is('/dev/termination-log'), 0, 3),
  rule('Container.terminationMessagePolicy', is('File'), 0, 2),
  rule('SecurityContext.procMount', is('Default'), 0, 4),
  rule('Port.protocol', is('TCP'), 0, 1.5),
  rule(
    'Port.hostPort',
    (value, { message, pod }) => pod?.['hostNetwork'] === true && value === message['containerPort'],
    2,
    0,
  ),

  rule('Probe.timeoutSeconds', is(1), 0, 1.5, 'Probe'),
  rule('Probe.periodSeconds', is(10), 0, 1.5, 'Probe'),
  rule('Probe.successThreshold', is(1), 0, 1.5, 'Probe'),
  rule('Probe.failureThreshold', is(3), 0, 1.5, 'Probe'),
  rule('HttpGet.scheme', is('HTTP'), 0, 2),
  rule('HttpGet.path', is('/'), 2, 0.5),
  rule('Grpc.service', is(''), 0, 2),

  rule('FieldRef.apiVersion', is('v1'), 0, 2.5),
  rule('HostPath.type', is(''), 0, 3),
  ...['SecretVolume', 'ConfigMapVolume', 'Projected', 'DownwardVolume'].map((volume) =>
    rule(`${volume}.defaultMode`, is(0o644), 0, 2.5, 'defaultMode'),
  ),
  rule('TokenProjection.expirationSeconds', is(3600), 1.5, 0.5),
  rule('VolumeSource.emptyDir', isEmpty, 6, 0),
  rule('Iscsi.iscsiInterface', is('default'), 0, 3),
  rule('Rbd.pool', is('rbd'), 0, 2),
  rule('Rbd.user', is('admin'), 0, 2),
  rule('Rbd.keyring', is('/etc/ceph/keyring'), 0, 2),
  rule('AzureDisk.cachingMode', is('ReadWrite'), 0, 2),
  rule('AzureDisk.fsType', is('ext4'), 0, 2),
  rule('AzureDisk.readOnly', is(false), 0, 2),
  rule('AzureDisk.kind', is('Shared'), 0, 2),
  rule('ScaleIo.storageMode', is('ThinProvisioned'), 0, 2),
  rule('ScaleIo.fsType', is('xfs'), 0, 2),
  rule('ClaimSpec.volumeMode', is('Filesystem'), 0, 2),
  rule('ImageVolume.pullPolicy', (value, { message }) => value === pullPolicyOf(message['reference']), 0.5, 0.5),
];

/** `Always` for the tag `latest` and for none; an image with a digest or another tag is not pulled again. */
function pullPolicyOf(image: Plain | undefined): string {
  const [, tag] = typeof image === 'string' ? (/:([^/:@]+)(?:@.*)?$/.exec(image.replace(/@.*$/, '')) ?? []) : [];
  const hasDigest = typeof image === 'string' && image.includes('@');
  return tag === 'latest' || (tag === undefined && !hasDigest) ? 'Always' : 'IfNotPresent';
}
