import type { Identity } from './identity.ts';

/**
 * `install-config` as two ConfigMaps keep it: written by a person, so with comments and long lines. A whole text that was given takes its
 * place (install-config/text); the machine networks are set in whatever stands there then.
 */
export function installConfigText(seed: Identity, now: Identity): string {
  const given =
    now.installConfig !== undefined && now.installConfig !== seed.installConfig ? now.installConfig : undefined;
  const text = given ?? seed.installConfig ?? ownText(now);
  // Step 13 comes after step 10.
  const asked = JSON.stringify(now.machineNetworks) !== JSON.stringify(seed.machineNetworks);
  return given === undefined || !asked
    ? text
    : text.replace(/( {2}machineNetwork:\n)(?: {2}- cidr: .*\n)+/, (_, head: string) => head + networks(now));
}

const networks = ({ machineNetworks }: Identity): string =>
  machineNetworks.map((cidr) => `  - cidr: ${cidr}\n`).join('');

/** domain/install-config sets two names in it. A seed that was installed with a text of its own is not described here when it is renamed. */
function ownText(now: Identity): string {
  return `# written at the bench, kept by the installer
additionalTrustBundlePolicy: Proxyonly
apiVersion: v1
baseDomain: ${now.baseDomain} # the company's
compute:
- architecture: amd64
  hyperthreading: Enabled
  name: worker
  platform: {}
  replicas: 0
controlPlane:
  architecture: amd64
  hyperthreading: Enabled
  name: master
  platform: {}
  replicas: 1
metadata:
  creationTimestamp: null
  name: ${now.clusterName}
networking:
  clusterNetwork:
  - cidr: 10.128.0.0/14
    hostPrefix: 23
  # where the machines are
  machineNetwork:
${networks(now)}  networkType: OVNKubernetes
  serviceNetwork:
  - 172.30.0.0/16
platform:
  none: {}
publish: External
pullSecret: ""
sshKey: |
  ssh-rsa ${'AAAAB3NzaC1yc2EAAAADAQABAAABgQ'.repeat(12)} core@bench.prefix.seed.example.com.other
  ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk seeds@example.net
`;
}
