import { Failure, messageOf } from '../../errors/errors.ts';
import { decrypt, encrypt, encryptionOf } from '../../wire/encryption.ts';
import { fieldAt, openStored } from '../../wire/wire.ts';
import { readConfiguration, type EncryptionConfiguration } from './configuration.ts';
import { providersByPrefix, providersFor, type Providers } from './resources.ts';
import { configurationFiles, type RevisionFile } from './seed-files.ts';

/** What is asked of an etcd here. */
export type StoredReader = { readonly get: (key: string) => Promise<{ readonly value: Uint8Array } | undefined> };

/** The encryption at rest of the cluster as it was found. */
export type AtRest = {
  readonly type: 'off' | 'aescbc' | 'aesgcm';
  /** The kube-apiserver's configuration on disk, in all its revisions. */
  readonly files: readonly RevisionFile[];
  /** A stored value in clear. Throws naming the key. */
  readonly open: (key: string, stored: Uint8Array) => Uint8Array;
};

const apiServerKey = '/kubernetes.io/config.openshift.io/apiservers/cluster';
export const configurationSecrets = {
  openshift: '/kubernetes.io/secrets/openshift-apiserver/encryption-config',
  oauth: '/kubernetes.io/secrets/openshift-oauth-apiserver/encryption-config',
} as const;

/**
 * Finds out how the cluster's values are encrypted. `aescbc` and `aesgcm` are on; `identity`, the empty text and nothing at all are off.
 * Values that are still encrypted after it was switched off are opened by the configuration that is left on disk.
 *
 * @param folders where the kube-apiserver's static pod keeps its configuration
 * @throws Failure when this is no cluster, or its keys are not to be found
 */
export async function findAtRest(etcd: StoredReader, folders: readonly string[]): Promise<AtRest> {
  const type = typeOf(await etcd.get(apiServerKey));
  const files = await configurationFiles(folders);
  const [newest] = files;
  if (newest === undefined) {
    if (type !== 'off')
      throw new Failure(`the cluster's etcd is encrypted by ${type}, and its key is not to be found`, {
        why: 'no kube-apiserver-pod-*/secrets/encryption-config/encryption-config stands in the cluster customization folders',
        next: 'give the folder of the static pods (/etc/kubernetes) as cluster_customization_dirs',
      });
    return { type, files, open: openWith(new Map()) };
  }
  const kube = readConfiguration(Buffer.from(newest.document.bytes).toString('utf8'), `"${newest.document.path}"`);
  const byKube = openWith(providersByPrefix([kube]));
  const others: EncryptionConfiguration[] = [];
  for (const key of Object.values(configurationSecrets)) {
    const found = await etcd.get(key);
    if (found !== undefined) others.push(configurationIn(key, byKube(key, found.value)));
    else if (type !== 'off')
      throw new Failure(`the cluster's etcd is encrypted by ${type}, and the etcd key "${key}" is absent`, {
        next: 'make the seed image anew: its encryption was not complete',
      });
  }
  return { type, files, open: openWith(providersByPrefix([kube, ...others])) };
}

function typeOf(found: { readonly value: Uint8Array } | undefined): AtRest['type'] {
  const stored = found === undefined ? undefined : openStored(found.value);
  if (stored === undefined)
    throw new Failure(
      `the etcd key "${apiServerKey}" is ${found === undefined ? 'absent' : 'no object'}: this is not the etcd of an OpenShift cluster`,
      { next: 'start etcd on the data of the stopped cluster (/var/lib/etcd)' },
    );
  const field = fieldAt(stored, ['spec', 'encryption', 'type']);
  const type = field?.type === 'text' ? field.text : '';
  if (type === 'aescbc' || type === 'aesgcm') return type;
  if (type === '' || type === 'identity') return 'off';
  throw new Failure(`Unsupported encryption type "${type}" in APIServer/cluster`, {
    next: 'decrypt the seed cluster, or use aescbc or aesgcm there',
  });
}

function openWith(providers: Providers): AtRest['open'] {
  return (key, stored) => {
    if (encryptionOf(stored) === undefined) return stored;
    try {
      return decrypt(stored, key, providersFor(providers, key));
    } catch (error) {
      throw new Failure(`the etcd value of "${key}" cannot be opened: ${messageOf(error)}`, {
        ...(error instanceof Failure && error.next !== undefined
          ? { next: error.next }
          : { next: 'see whether the encryption configuration on disk belongs to this etcd' }),
      });
    }
  };
}

/** The field of an encryption-config Secret that holds the configuration. */
export const configurationField = ['data', 'encryption-config'] as const;

function configurationIn(key: string, clear: Uint8Array): EncryptionConfiguration {
  const stored = openStored(clear);
  const field = stored === undefined ? undefined : fieldAt(stored, configurationField);
  if (field?.type !== 'bytes')
    throw new Failure(`the etcd key "${key}" holds no encryption configuration`, { next: 'make the seed image anew' });
  return readConfiguration(Buffer.from(field.bytes).toString('utf8'), `the configuration in the etcd key "${key}"`);
}

/** Puts values under the first provider of their resource. */
export function sealWith(
  configurations: readonly EncryptionConfiguration[],
): (key: string, clear: Uint8Array) => Uint8Array {
  const providers = providersByPrefix(configurations);
  return (key, clear) => encrypt(clear, key, providersFor(providers, key));
}
