import type { LiveIsoWishes } from '../../ignition/live-iso.ts';

/*
 * The Ignition document as the OpenShift installer of today writes it into its ISO: its files, modes, units and the meaning of
 * its script, in our words. Nothing of ours is in it: it proves that a seed with our program installs from their ISO.
 */

const script = `#!/bin/bash
set -e
seed="\${1:-$SEED_IMAGE}"
auth="\${PULL_SECRET_FILE:-/var/tmp/pull-secret.json}"
configuration="\${IBI_CONFIGURATION_FILE:-/var/tmp/ibi-configuration.json}"
until podman create --authfile "$auth" --name lca-cli "$seed" lca-cli; do
  sleep 10
done
podman cp lca-cli:lca-cli /usr/local/bin/lca-cli
podman rm lca-cli
/usr/local/bin/lca-cli ibi -f "$configuration"
`;

function installUnit({ seedImage, proxy }: LiveIsoWishes): string {
  const pairs = [
    ['HTTP_PROXY', proxy?.http],
    ['HTTPS_PROXY', proxy?.https],
    ['NO_PROXY', proxy?.no],
  ] as const;
  const variables = pairs.flatMap(([name, value]) =>
    value === undefined ? [] : [name, name.toLowerCase()].map((each) => `Environment=${each}="${value}"`),
  );
  return `[Unit]
Description=SNO Image-based Installation
Wants=network-online.target
After=network-online.target
[Service]
Environment=SEED_IMAGE=${seedImage}
Environment=IBI_CONFIGURATION_FILE=/var/tmp/ibi-configuration.json
Environment=PULL_SECRET_FILE=/var/tmp/pull-secret.json
${variables.join('\n')}
Type=oneshot
RemainAfterExit=yes
ExecStartPre=-/usr/bin/chcon -t install_exec_t /usr/local/bin/install-rhcos-and-restore-seed.sh
ExecStart=/usr/local/bin/install-rhcos-and-restore-seed.sh
[Install]
WantedBy=multi-user.target
`;
}

const networkUnit = `[Unit]
Description=Apply the network configuration
After=NetworkManager.service
Before=install-rhcos-and-restore-seed.service
[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutSec=60
ExecStart=/bin/bash -c "until nmstatectl apply /var/tmp/network-config.yaml; do sleep 1; done"
[Install]
WantedBy=multi-user.target
`;

export function installerIgnition(wishes: LiveIsoWishes): Promise<unknown> {
  const file = (path: string, mode: number, text: string): unknown => ({
    path,
    mode,
    overwrite: true,
    user: { name: 'root' },
    contents: { source: `data:text/plain;charset=utf-8;base64,${Buffer.from(text).toString('base64')}` },
  });
  return Promise.resolve({
    ignition: { version: '3.2.0' },
    passwd: {
      users: [
        {
          name: 'core',
          sshAuthorizedKeys: [
            'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILabLabLabLabLabLabLabLabLabLabLabLabLabLabLab lab@example.com',
          ],
        },
      ],
    },
    storage: {
      files: [
        ...(wishes.trustBundle === undefined
          ? []
          : [file('/etc/pki/ca-trust/source/anchors/additional-trust-bundle.pem', 0o600, wishes.trustBundle)]),
        file('/usr/local/bin/install-rhcos-and-restore-seed.sh', 0o555, script),
        file('/var/tmp/ibi-configuration.json', 0o600, `${wishes.configuration}\n`),
        file('/var/tmp/network-config.yaml', 0o600, '\n'),
        file('/var/tmp/pull-secret.json', 0o600, `${wishes.pullSecret}\n`),
      ],
    },
    systemd: {
      units: [
        { name: 'install-rhcos-and-restore-seed.service', enabled: true, contents: installUnit(wishes) },
        { name: 'network-config.service', enabled: false, contents: networkUnit },
      ],
    },
  });
}
