import { sign } from 'node:crypto';
import { extension } from '../../test/certificates/extensions.ts';
import { cn, makeCertificate, type Recipe } from '../../test/certificates/make.ts';
import { keyPem as privatePem, pemOf, type PemForm } from '../../test/certificates/pem.ts';
import type { KubeObject, Encoding } from '../../test/cluster/stored.ts';
import { storedValue } from '../../test/cluster/stored.ts';
import type { Place as TextPlace } from '../edit/edit.ts';
import { readAt } from '../edit/edit.ts';
import type { FieldPath } from '../edit/json.ts';
import type { Certificate } from '../pki/certificate.ts';
import { readCertificate } from '../pki/certificate.ts';
import type { KeyShape, PrivateForm, PrivateKey } from '../pki/keys.ts';
import { readPrivateKey } from '../pki/keys.ts';
import { resignJwt, readJwt } from '../pki/jwt.ts';
import { nodeKeyMaker, nodeSigner } from '../pki/signer.ts';
import { fieldAt, openStored } from '../wire/wire.ts';
import type { Document } from './document.ts';
import { documentName } from './document.ts';
import { externalsOf } from './find/external.ts';
import { openKeyPool } from './keys/key-pool.ts';
import type { RenewOptions } from './renew/options.ts';
import { plainRenewal } from './renew/options.ts';
import { renewOpened } from './renew/renew.ts';
import type { Renewal } from './renew/renewal.ts';

/** A cluster of a few documents, for tests. */

export const p256: KeyShape = { type: 'ec', curve: 'P-256' };
export const rsa: KeyShape = { type: 'rsa', bits: 2048 };

/** A certificate with its key. */
export type Pair = { readonly certificate: Certificate; readonly key: PrivateKey };

/** Makes a pair; a signer when it has no issuer. */
export async function pair(
  name: string,
  {
    shape = p256,
    by,
    ca = by === undefined,
    key,
    ...recipe
  }: { shape?: KeyShape; by?: Pair; ca?: boolean; key?: PrivateKey } & Partial<Omit<Recipe, 'key' | 'by'>> = {},
): Promise<Pair> {
  const own = key ?? (await nodeKeyMaker.make(shape));
  const certificate = await makeCertificate({
    subject: cn(name),
    key: own,
    keyIds: 'rfc5280-1',
    extensions: [extension.basicConstraints(ca)],
    ...(by === undefined ? {} : { by }),
    ...recipe,
  });
  return { certificate, key: own };
}

export { pemOf };

export const certPem = ({ certificate }: Pair, form: PemForm & { readonly tag?: string } = {}): string =>
  pemOf(form.tag ?? 'CERTIFICATE', certificate.der, form);

export const certificateOfPem = (certificate: Certificate): string => pemOf('CERTIFICATE', certificate.der);

export const keyPem = ({ key }: Pick<Pair, 'key'>, form?: PrivateForm, tag?: string): string =>
  privatePem(key, form, tag);

/** A token that names its key, or does not. */
export async function token(
  key: PrivateKey,
  {
    kid,
    claims = { sub: 'system:serviceaccount:a:b' },
    alg = key.public.shape.type === 'rsa' ? 'RS256' : 'ES256',
  }: { kid?: 'yes'; claims?: object; alg?: string } = {},
): Promise<string> {
  const [head, payload] = [{ alg, ...(kid === undefined ? {} : { kid: 'x' }) }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const signed = `${head ?? ''}.${payload ?? ''}`;
  if (kid === undefined)
    return `${signed}.${sign(`sha${alg.slice(2)}`, Buffer.from(signed), { key: key.object, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  const unsigned = readJwt(`${signed}.AAAA`);
  if (unsigned === undefined) throw new Error('the test made no token');
  return resignJwt(unsigned, nodeSigner(key));
}

/** Where the usual Secrets and ConfigMaps have a certificate and a bundle. */
export const crt: FieldPath = ['data', 'tls.crt'];
export const bundle: FieldPath = ['data', 'ca-bundle.crt'];

export function object(
  key: string,
  value: Omit<KubeObject, 'metadata'> & { readonly metadata?: Partial<KubeObject['metadata']> },
  encoding: Encoding = 'protobuf',
): Document {
  const { apiVersion, kind, metadata, ...content } = value; // the order in which Go writes an object
  const stored = storedValue(
    {
      apiVersion,
      kind,
      metadata: { name: key.split('/').at(-1) ?? '', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
      ...content,
    } as KubeObject,
    encoding,
  );
  return { in: 'etcd', key, bytes: new Uint8Array(stored), modRevision: '1' };
}

export function secret(
  place: string,
  data: Readonly<Record<string, string | Uint8Array>>,
  { annotations, encoding }: { annotations?: Readonly<Record<string, string>>; encoding?: Encoding } = {},
): Document {
  return object(
    `/kubernetes.io/secrets/${place}`,
    {
      apiVersion: 'v1',
      kind: 'Secret',
      ...(annotations === undefined ? {} : { metadata: { annotations } }),
      data: Object.fromEntries(Object.entries(data).map(([name, value]) => [name, Buffer.from(value)])),
      type: 'Opaque',
    },
    encoding,
  );
}

/** A Secret of a pair as Kubernetes keeps one: its certificate, followed by those that sign it, and its key. */
export function tlsSecret(place: string, one: Pair, ...chain: readonly Pair[]): Document {
  return secret(place, { 'tls.crt': [one, ...chain].map((each) => certPem(each)).join(''), 'tls.key': keyPem(one) });
}

export function configMap(
  place: string,
  data: Readonly<Record<string, string>>,
  { binaryData, encoding }: { binaryData?: Readonly<Record<string, Uint8Array>>; encoding?: Encoding } = {},
): Document {
  return object(
    `/kubernetes.io/configmaps/${place}`,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      data,
      ...(binaryData === undefined
        ? {}
        : {
            binaryData: Object.fromEntries(
              Object.entries(binaryData).map(([name, value]) => [name, Buffer.from(value)]),
            ),
          }),
    },
    encoding,
  );
}

export function file(path: string, content: string | Uint8Array): Document {
  return { in: 'file', path, bytes: new Uint8Array(Buffer.from(content)) };
}

/** A kubeconfig as Go writes it. */
export function kubeconfig({ ca, client, bearer }: { ca?: Pair; client?: Pair; bearer?: string }): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return [
    'apiVersion: v1',
    'clusters:',
    '- cluster:',
    ...(ca === undefined ? [] : [`    certificate-authority-data: ${base64(certPem(ca))}`]),
    '    server: https://api-int.seed.example.com:6443',
    '  name: seed',
    'contexts:',
    '- context: {cluster: seed, user: admin} # by hand',
    '  name: admin',
    'kind: Config',
    'users:',
    '- name: admin',
    '  user:',
    ...(client === undefined
      ? []
      : [`    client-certificate-data: ${base64(certPem(client))}`, `    client-key-data: ${base64(keyPem(client))}`]),
    ...(bearer === undefined ? [] : [`    token: ${bearer}`]),
    '',
  ].join('\n');
}

/** A renewal with the documents as they are afterwards. */
export type Renewed = Renewal & {
  readonly before: readonly Document[];
  readonly after: readonly Document[];
  /** The field of a document afterwards, or a part of it. */
  readonly bytes: (document: Document, field?: FieldPath, within?: TextPlace) => Uint8Array;
  readonly text: (document: Document, field?: FieldPath, within?: TextPlace) => string;
  readonly certificate: (document: Document, field?: FieldPath, index?: number, within?: TextPlace) => Certificate;
  readonly key: (document: Document, field?: FieldPath, index?: number, within?: TextPlace) => PrivateKey;
};

/** Renews some documents without host and files. Keys are made as they are asked for. */
export async function renewing(
  documents: readonly Document[],
  options: Partial<RenewOptions> = {},
  external: readonly string[] = [],
): Promise<Renewed> {
  using pool = openKeyPool(nodeKeyMaker, []);
  const renewal = await renewOpened(
    { externals: externalsOf(external, () => undefined), documents, folders: [] },
    { ...plainRenewal, now: new Date('2026-06-01T12:00:00Z'), ...options },
    { pool, crypto: { signerOf: nodeSigner }, started: performance.now(), stopIfAsked: () => undefined },
  );
  const changed = new Map(
    renewal.replacements.flatMap((one) =>
      one.kind === 'changed' ? [[documentName(one.document), one.after] as const] : [],
    ),
  );
  const after = documents.map((document) => ({
    ...document,
    bytes: changed.get(documentName(document)) ?? document.bytes,
  }));
  const bytes: Renewed['bytes'] = (document, field = [], within = []) => {
    const found = after.find((one) => documentName(one) === documentName(document));
    const whole = found === undefined ? undefined : contentAt(found, field);
    const inner = whole === undefined ? undefined : readAt(whole, within);
    if (inner === undefined) throw new Error(`nothing stands at ${documentName(document)} ${field.join('/')}`);
    return inner;
  };
  return {
    ...renewal,
    before: documents,
    after,
    bytes,
    text: (document, field, within) => Buffer.from(bytes(document, field, within)).toString('utf8'),
    certificate: (document, field, index = 0, within = []) =>
      readCertificate(bytes(document, field, [...within, { in: 'pem', index }])),
    key: (document, field, index = 0, within = []) =>
      readPrivateKey(bytes(document, field, [...within, { in: 'pem', index }])).key,
  };
}

export function contentAt(document: Document, field: FieldPath): Uint8Array | undefined {
  if (field.length === 0) return document.bytes;
  const stored = openStored(document.bytes);
  const found = stored === undefined ? undefined : fieldAt(stored, field);
  return found?.type === 'bytes'
    ? found.bytes
    : found?.type === 'text'
      ? new TextEncoder().encode(found.text)
      : undefined;
}
