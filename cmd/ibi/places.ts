/** Fixed places on the live system and on the target (README.md, files). */
export const places = {
  runFolder: '/run/ibi',
  stateFolder: '/var/lib/ibi',
  root: '/mnt',
  containers: '/var/lib/containers',
  pullSecret: '/var/tmp/pull-secret.json',
  siteHook: '/var/tmp/post.sh',
  precacheStatus: '/var/lib/lca/workspace/precache_status.json',
  /** Copies for the site's hook, where the reference leaves them. */
  containersList: '/var/tmp/containers.list',
  seedManifest: '/var/tmp/manifest.json',
} as const;
