import { join } from 'node:path';

/** Where a site's config lies on the host, below the working folder. Names are the reference's. */
export const sitePlaces = (work: string) =>
  ({
    work,
    /** Its being there says that the config was taken whole: it is put in place last. */
    configuration: join(work, 'cluster-configuration'),
    manifest: join(work, 'cluster-configuration/manifest.json'),
    manifests: join(work, 'cluster-configuration/manifests'),
    certManagerKeys: join(work, 'cluster-configuration/certmanager-crypto'),
    extraManifests: join(work, 'extra-manifests'),
    connections: join(work, 'network-configuration/system-connections'),
    keptKeys: join(work, 'kubeconfig-crypto'),
    volumes: join(work, 'lvm-configuration/system.devices'),
    nmstate: join(work, 'nmstate.yaml'),
    recertConfig: join(work, 'recert_config.json'),
    marker: (name: string) => join(work, `${name}.done`),
  }) as const;

export type SitePlaces = ReturnType<typeof sitePlaces>;
