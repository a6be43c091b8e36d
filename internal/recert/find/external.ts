import { readFile } from 'node:fs/promises';
import type { EtcdReader } from '../document.ts';
import { pemBlocksIn } from '../../edit/pem.ts';
import { Failure, UsageError } from '../../errors/errors.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { digestOf, tlvAt, whole } from '../../pki/der.ts';
import { materialOf } from '../../pki/material.ts';
import { fieldAt, keysAt, openStored } from '../../wire/wire.ts';
import type { Tell } from './candidates.ts';
import { externalScopes } from './scope.ts';

/** Certificates of other people, by the SHA-256 of their DER: a name says nothing (clusters trust each other's CAs of the same name). */
export type Externals = {
  readonly has: (digest: string) => boolean;
  /** All of them, read when first asked for: only a certificate or key without partner asks. */
  readonly certificates: () => readonly Certificate[];
};

/**
 * Reads what the cluster trusts of others (scope/external), and what a person names beside.
 *
 * @param named paths of PEM files, or `namespace/name` of ConfigMaps and Secrets
 */
export async function externalsIn(etcd: EtcdReader, named: readonly string[], tell: Tell): Promise<Externals> {
  const texts = [...(await textsOfFiles(named)), ...(await textsOfObjects(etcd, named))];
  const [merged, users] = externalScopes.bundles;
  const trusted = await valueOf(etcd, merged.key);
  if (trusted === undefined)
    throw new Failure(
      'etcd has no ConfigMap "openshift-config-managed/trusted-ca-bundle", by which public authorities are told from the cluster\'s own',
      { next: 'check that this etcd serves the data of an OpenShift cluster' },
    );
  texts.push(...textsOf(trusted));
  const image = await valueOf(etcd, externalScopes.image);
  const name = image === undefined ? undefined : registryBundleOf(image);
  if (name !== undefined) {
    const bundle = await valueOf(etcd, externalScopes.imageBundles + name);
    if (bundle === undefined)
      throw new Failure(
        `etcd has no ConfigMap "openshift-config/${name}", which Image "cluster" names for the authorities of registries`,
      );
    texts.push(...textsOf(bundle));
  }
  const own = await valueOf(etcd, users.key);
  if (own !== undefined) texts.push(...textsOf(own));
  return externalsOf(texts, tell);
}

const isFile = (named: string): boolean => named.startsWith('/');

/** The files among the named externals. @throws UsageError for one that protects nothing */
export async function textsOfFiles(named: readonly string[]): Promise<string[]> {
  const texts: string[] = [];
  for (const path of named.filter(isFile)) {
    const text = await readFile(path, 'latin1');
    refuseWithoutCertificate(path, [text], `write it as PEM: openssl x509 -inform DER -in ${path} -out FILE`);
    texts.push(text);
  }
  return texts;
}

async function textsOfObjects(etcd: EtcdReader, named: readonly string[]): Promise<string[]> {
  const texts: string[] = [];
  for (const name of named.filter((one) => !isFile(one))) {
    const values: Uint8Array[] = [];
    for (const kind of ['configmaps', 'secrets']) {
      const value = await valueOf(etcd, `/kubernetes.io/${kind}/${name}`);
      if (value !== undefined) values.push(value);
    }
    if (values.length === 0)
      throw new UsageError(`external_certificates: there is no ConfigMap or Secret "${name}" in etcd`, {
        next: 'correct external_certificates, or leave the entry out',
      });
    const found = values.flatMap(textsOf);
    refuseWithoutCertificate(name, found, 'name the object that holds them as PEM, or give a PEM file');
    texts.push(...found);
  }
  return texts;
}

/** What names no certificate protects none, and its author believes that it does. */
function refuseWithoutCertificate(source: string, texts: readonly string[], next: string): void {
  const isCertificate = ({ tag, der }: { readonly tag: string; readonly der: Uint8Array | undefined }): boolean =>
    der !== undefined && tag.endsWith('CERTIFICATE') && materialOf('CERTIFICATE', bareOf(der)).kind === 'certificate';
  if (!texts.some((text) => pemBlocksIn(text).some(isCertificate)))
    throw new UsageError(`external_certificates "${source}" holds no certificate in PEM`, { next });
}

/** Without OpenSSL's trust settings behind it. */
function bareOf(der: Uint8Array): Uint8Array {
  try {
    return whole(der, tlvAt(der));
  } catch {
    return der;
  }
}

/** The same from texts of PEM blocks. */
export function externalsOf(texts: readonly string[], tell: Tell): Externals {
  const ders = new Map<string, Uint8Array>();
  for (const text of texts) {
    for (const { tag, der } of pemBlocksIn(text)) {
      if (der === undefined || !tag.endsWith('CERTIFICATE')) continue;
      try {
        const bare = whole(der, tlvAt(der));
        ders.set(digestOf(bare), bare);
      } catch {
        tell('a trust bundle holds a block that is no certificate');
      }
    }
  }
  let read: readonly Certificate[] | undefined;
  return {
    has: (digest) => ders.has(digest),
    certificates: () =>
      (read ??= [...ders.values()].flatMap((der) => {
        const material = materialOf('CERTIFICATE', der);
        return material.kind === 'certificate' ? [material.certificate] : [];
      })),
  };
}

async function valueOf(etcd: EtcdReader, key: string): Promise<Uint8Array | undefined> {
  for await (const entry of etcd.list(key)) if (entry.key === key) return entry.value;
  return undefined;
}

function textsOf(bytes: Uint8Array): string[] {
  const stored = openStored(bytes);
  if (stored === undefined) return [];
  const places = ['data', 'binaryData'].flatMap((member) => keysAt(stored, [member]).map((name) => [member, name]));
  return places.flatMap((place) => {
    const field = fieldAt(stored, place);
    if (field?.type === 'bytes') return [Buffer.from(field.bytes).toString('latin1')];
    return field?.type === 'text' ? [field.text] : [];
  });
}

function registryBundleOf(bytes: Uint8Array): string | undefined {
  const stored = openStored(bytes);
  const field = stored === undefined ? undefined : fieldAt(stored, ['spec', 'additionalTrustedCA', 'name']);
  return field?.type === 'text' && field.text !== '' ? field.text : undefined;
}
