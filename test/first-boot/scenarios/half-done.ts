import { finished, type Scenario } from '../scenario.ts';

export const halfDone: Scenario = {
  name: 'half-done',
  says: 'the reference has copied the medium, let people in, and was stopped before the network',
  async prepare({ host, site }) {
    const at = '/var/opt/openshift';
    for (const [path, text] of Object.entries(site.files)) await host.put(`${at}/${path}`, text);
    await host.put('/var/home/core/.ssh/authorized_keys.d/ib-early-access', site.sshKey);
    for (const role of ['master', 'worker'])
      await host.put(
        `${at}/cluster-configuration/manifests/99-${role}-ssh.json`,
        JSON.stringify(sshConfig(role, site.sshKey)),
      );
    await host.put('/var/lib/kubelet/config.json', site.identity.pullSecret);
    for (const marker of ['setSSHKey', 'pull-secret']) await host.put(`${at}/${marker}.done`, '');
  },
  async story(stage) {
    await stage.host.boot();
    await stage.host.run('chown', ['core', '/home/core/.ssh/authorized_keys.d/ib-early-access']);
    await finished(stage);
  },
};

/** As the reference writes it, with the zero values of its types. */
const sshConfig = (role: string, key: string): object => ({
  kind: 'MachineConfig',
  apiVersion: 'machineconfiguration.openshift.io/v1',
  metadata: { name: `99-${role}-ssh`, labels: { 'machineconfiguration.openshift.io/role': role } },
  spec: {
    osImageURL: '',
    baseOSExtensionsContainerImage: '',
    config: { ignition: { version: '3.2.0' }, passwd: { users: [{ name: 'core', sshAuthorizedKeys: [key] }] } },
    kernelArguments: null,
    extensions: null,
    fips: false,
    kernelType: '',
  },
});
