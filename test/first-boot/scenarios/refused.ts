import { refusedThenGood, type Scenario } from '../scenario.ts';
import type { Site } from '../site.ts';

/** A medium whose site manifest differs from the good one. */
const withManifest =
  (changes: Readonly<Record<string, unknown>>) =>
  ({ files, manifest }: Site): Site['files'] => ({
    ...files,
    'cluster-configuration/manifest.json': JSON.stringify({ ...manifest, ...changes }),
  });

export const brokenJson: Scenario = {
  name: 'broken-json',
  says: 'a manifest that is cut off is refused, and a good medium in its place is read',
  story: refusedThenGood(
    ({ files }) => ({
      ...files,
      'cluster-configuration/manifest.json': files['cluster-configuration/manifest.json']?.slice(0, 300),
    }),
    /manifest\.json/,
  ),
};

export const wrongFamily: Scenario = {
  name: 'wrong-family',
  says: 'a machine network of the other family is refused with nothing changed',
  story: refusedThenGood(withManifest({ machine_networks: ['2001:db8:7::/64'] }), /machineNetwork|family/),
};

export const proxyMismatch: Scenario = {
  name: 'proxy-mismatch',
  says: 'a site without the proxy that the seed has is refused with nothing changed',
  story: refusedThenGood(withManifest({ proxy: undefined }), /proxy configuration mismatch|proxy/),
};

export const wrongVersion: Scenario = {
  name: 'wrong-api-version',
  says: 'an api_version of the future is refused with nothing changed',
  story: refusedThenGood(withManifest({ api_version: 2 }), /unsupported seed reconfiguration version|api_version/),
};
