import type { Scenario } from '../scenario.ts';
import { siteMirrors } from '../site.ts';

const registry = 'registry.example.org:5000';
const mirrors = {
  ...siteMirrors,
  spec: { imageDigestMirrors: [{ source: 'registry.other.example/ocp', mirrors: [`${registry}/ocp`] }] },
};

type Deployment = { spec: { template: { spec: { containers: { image: string; args: string[] }[] } } } };

export const registryOverride: Scenario = {
  name: 'registry-override',
  says: 'the release comes from a registry of the site: the version operator is told',
  site: {
    manifest: { release_registry: registry },
    files: { 'cluster-configuration/manifests/image-digest-mirror-set.json': JSON.stringify(mirrors) },
  },
  async judge({ host, site }) {
    const api = await host.api(site.kubeconfig);
    const path = '/apis/apps/v1/namespaces/openshift-cluster-version/deployments/cluster-version-operator';
    const [container] = (await api.get<Deployment>(path)).spec.template.spec.containers;
    // The generator's operator names its release by the image alone; internal/cluster has tests of its arguments.
    return container?.image.startsWith(`${registry}/`) === true
      ? []
      : [`the version operator has the image of the registry: ${JSON.stringify(container)}`];
  },
};
