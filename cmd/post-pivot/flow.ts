import { heading, type Flow } from '../../internal/steps/step.ts';
import type { PostPivot } from './context.ts';
import { applyManifests } from './steps/apply-manifests.ts';
import { checkSite } from './steps/check-site.ts';
import { clusterId } from './steps/cluster-id.ts';
import { dropSeedMirrors } from './steps/drop-seed-mirrors.ts';
import { hostName } from './steps/host-name.ts';
import { nameService } from './steps/name-service.ts';
import { network } from './steps/network.ts';
import { nodeAddress } from './steps/node-address.ts';
import { nodeLabels } from './steps/node-labels.ts';
import { pullSecret } from './steps/pull-secret.ts';
import { readSeed } from './steps/read-seed.ts';
import { readSite } from './steps/read-site.ts';
import { releaseRegistry } from './steps/release-registry.ts';
import { renewIdentity } from './steps/renew-identity.ts';
import { reportExpiry } from './steps/report-expiry.ts';
import { retire } from './steps/retire.ts';
import { serverSshKeys } from './steps/server-ssh-keys.ts';
import { showHealth } from './steps/show-health.ts';
import { sshKey } from './steps/ssh-key.ts';
import { startKubelet } from './steps/start-kubelet.ts';
import { takeSite } from './steps/take-site.ts';
import { timeServers } from './steps/time-servers.ts';
import { trust } from './steps/trust.ts';
import { volumes } from './steps/volumes.ts';
import { waitForApi } from './steps/wait-for-api.ts';

/** Turns a copied seed into the cluster of its site. Read from top to bottom. */
export const flow: Flow<PostPivot> = [
  heading('Let people in'),
  takeSite,
  sshKey,
  pullSecret,
  heading('Check: nothing more is changed', 'nothing'),
  readSeed,
  readSite,
  checkSite,
  heading('Make the host'),
  network,
  hostName,
  nodeAddress,
  nameService,
  trust,
  timeServers,
  heading('Make the identity'),
  renewIdentity,
  serverSshKeys,
  heading('Start the cluster'),
  startKubelet,
  waitForApi,
  dropSeedMirrors,
  applyManifests,
  releaseRegistry,
  clusterId,
  nodeLabels,
  volumes,
  heading('Finish'),
  showHealth,
  reportExpiry,
  retire,
];
