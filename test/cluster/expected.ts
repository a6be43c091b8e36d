import { contentsOf, type ClusterOptions } from './cluster.ts';
import { askedFor } from './configuration.ts';
import { mountedPath } from './content.ts';
import { isDeleted } from './fates.ts';
import type { Identity } from './identity.ts';
import { labelOf } from './node-files.ts';
import { differences, fileRemainder, linkRemainder, valueRemainder, type Remainder } from './remainder.ts';

/**
 * The remainder (`remainder.ts`) of the cluster of these options after a run from `seed` to `now`: its templates written from `now`, less
 * what is deleted. Moves of objects and files (hostname/all-certs, hostname/member-certs, trust/hashed-copies) are in the templates, which call things by their new names.
 */
export async function expectedAfter(options: ClusterOptions, seed: Identity, now: Identity): Promise<Remainder> {
  const { clear, files, labels } = await contentsOf({ ...options, identity: { ...nothing, ...seed } }, now);
  const asked = askedFor(seed, now);
  const expected = new Map<string, string>();
  for (const [key, bytes] of clear) {
    if (isDeleted(key, asked)) continue;
    expected.set(
      `etcd:${key}`,
      valueRemainder(
        key === '/kubernetes.io/config.openshift.io/clusterversions/version' ? unknownVersion(bytes) : bytes,
      ),
    );
  }
  for (const file of files) {
    const document = `file:${mountedPath(file.path)}`;
    if ('link' in file) expected.set(document, linkRemainder(file.link));
    else
      expected.set(
        document,
        fileRemainder(
          `${file.mode.toString(8)} ${file.owner ?? 0}:${file.owner ?? 0} ${labelOf(file.path, labels)}`,
          Buffer.from(file.text),
        ),
      );
  }
  return expected;
}

/** An identity that is given whole takes away what the stack's own has and it has not. */
const nothing = {
  kubeadminHash: undefined,
  proxy: undefined,
  installConfig: undefined,
  userCaBundle: undefined,
  proxyTrustedCa: undefined,
};

/** always/cluster-version: nobody shall take the seed's word for the site's. */
function unknownVersion(stored: Buffer): Buffer {
  return Buffer.from(
    stored
      .toString()
      .replace(
        '"message":"Done applying 4.20.1","status":"True","type":"Available"',
        '"message":"Cluster version status unknown","status":"False","type":"Available"',
      ),
  );
}

/**
 * What differs from the expected: one readable line for each document. The Secrets and files of encryption at rest are left out: a rotation
 * makes new keys (the API server judges those).
 */
export const differencesFrom = (expected: Remainder, found: Remainder): string[] =>
  differences(expected, found, (document) => /\/encryption-(?:config|key)/.test(document));
