import { join } from 'node:path';
import { goJsonText } from '../../internal/config/go-json-text.ts';
import { readTextIfPresent } from '../../internal/host/files.ts';
import type { Host } from '../../internal/host/host.ts';
import { places } from './places.ts';

export const earlyAccessStands = async (key: string): Promise<boolean> =>
  (await readTextIfPresent(places.earlyAccess)) === key;

/** Lets a key in before the machine-config operator does. */
export async function giveAccess(host: Host, key: string): Promise<void> {
  await host.writeFile(places.earlyAccess, key);
  await host.run('chown', ['core', places.earlyAccess]);
}

/**
 * MachineConfigs that give the key to the roles of the cluster, where they take the place of the seed's. Fields are those that Go's types
 * write, zero values among them, which put back what the seed may have set.
 */
export function sshMachineConfigs(key: string): { readonly path: string; readonly text: string }[] {
  return ['master', 'worker'].map((role) => ({
    path: join(places.site.manifests, `99-${role}-ssh.json`),
    text: goJsonText({
      apiVersion: 'machineconfiguration.openshift.io/v1',
      kind: 'MachineConfig',
      metadata: { labels: { 'machineconfiguration.openshift.io/role': role }, name: `99-${role}-ssh` },
      spec: {
        baseOSExtensionsContainerImage: '',
        config: {
          ignition: { version: '3.2.0' },
          passwd: { users: [{ name: 'core', sshAuthorizedKeys: [key] }] },
        },
        extensions: null,
        fips: false,
        kernelArguments: null,
        kernelType: '',
        osImageURL: '',
      },
    }),
  }));
}
