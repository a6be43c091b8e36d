import './provider.ts';
import {
  BasicConstraintsExtension,
  Extension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type JsonGeneralName,
} from '@peculiar/x509';
import { KeyObject, webcrypto, type webcrypto as types } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { extension } from './extensions.ts';
import type { ServerCertificate } from './server.ts';

/** What a certificate of a test is to be like; everything left out is as a good one has it. */
export type CertificateWish = {
  readonly subject?: string;
  /** `DNS:registry.lab`, `IP:127.0.0.1`, `URI:…`; empty: no subject alternative name at all. */
  readonly names?: readonly string[];
  readonly issuer?: Issued;
  /** True or a path length: may sign others. */
  readonly ca?: boolean | number;
  /** False: no basic constraints at all. */
  readonly basicConstraints?: false;
  readonly key?: KeyKind;
  /** Of the signature; an RSA key of the issuer always signs with SHA-256. */
  readonly hash?: 'SHA-1' | 'SHA-256';
  /** Days from now. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  /** Object identifiers; default: server authentication for a server, none for an authority. */
  readonly purposes?: readonly string[];
  readonly keyUsages?: KeyUsageFlags;
  readonly extensions?: readonly Extension[];
};

export type KeyKind = 'P-256' | 'P-521' | 'Ed25519' | 'RSA-1024' | 'RSA-2048';

/** A certificate with its key; may issue others. */
export type Issued = {
  readonly pem: string;
  readonly key: string;
  readonly subject: string;
  readonly keys: types.CryptoKeyPair;
  readonly kind: KeyKind;
};

export const purpose = {
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
  code: '1.3.6.1.5.5.7.3.3',
} as const;

export const usage = KeyUsageFlags;

const day = 86_400_000;
const serverName = ['IP:127.0.0.1', 'DNS:localhost'];

/** Issues a certificate; without an issuer it signs itself. */
export async function issue(wish: CertificateWish = {}): Promise<Issued> {
  const kind = wish.key ?? 'P-256';
  const isAuthority = wish.ca !== undefined && wish.ca !== false;
  const subject = wish.subject ?? (isAuthority ? 'CN=test authority' : 'CN=test registry');
  const keys = await newKeys(kind);
  const purposes = wish.purposes ?? (isAuthority ? [] : [purpose.server]);
  const names = wish.names ?? (isAuthority ? [] : serverName);
  const signer = wish.issuer?.keys.privateKey ?? keys.privateKey;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: Buffer.from(
      webcrypto.getRandomValues(new Uint8Array(8)).map((byte, at) => (at === 0 ? 1 : byte)),
    ).toString('hex'),
    subject,
    issuer: wish.issuer?.subject ?? subject,
    notBefore: new Date(Date.now() + (wish.notBefore ?? -1) * day),
    notAfter: new Date(Date.now() + (wish.notAfter ?? 30) * day),
    publicKey: keys.publicKey,
    signingKey: signer,
    signingAlgorithm: signatureOf(wish.issuer?.kind ?? kind, wish.hash ?? 'SHA-256'),
    extensions: [
      ...(wish.basicConstraints === false
        ? []
        : [new BasicConstraintsExtension(isAuthority, typeof wish.ca === 'number' ? wish.ca : undefined, true)]),
      ...(wish.keyUsages === undefined ? [] : [new KeyUsagesExtension(wish.keyUsages, true)]),
      ...(purposes.length === 0 ? [] : [new ExtendedKeyUsageExtension([...purposes])]),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names.map(generalName))]),
      ...(wish.extensions ?? []),
    ],
  });
  return {
    pem: `${certificate.toString('pem')}\n`,
    key: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string,
    subject,
    keys,
    kind,
  };
}

/** Lays what a registry shows, and what is to be trusted, into a folder. */
export function keepCertificates(
  folder: string,
  shown: readonly [Issued, ...Issued[]],
  trusted: string,
): ServerCertificate {
  const trustDir = join(folder, 'trust');
  mkdirSync(trustDir, { recursive: true });
  const keep = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const cert = shown.map(({ pem }) => pem).join('');
  return {
    ca: trusted,
    cert,
    key: shown[0].key,
    caFile: keep('trust/ca.crt', trusted),
    certFile: keep('server.crt', cert),
    keyFile: keep('server.key', shown[0].key),
    trustDir,
  };
}

/** Name constraints: only these DNS domains. */
export const onlyDomains = (...domains: readonly string[]): Extension => extension.nameConstraints(domains);

/** An extension that nobody knows. */
export function strangeExtension(critical: boolean): Extension {
  return new Extension('1.3.6.1.4.1.99999.1', critical, exact(der(0x04, Buffer.from('x'))));
}

function exact(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function der(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}

function generalName(text: string): JsonGeneralName {
  const [kind = '', ...rest] = text.split(':');
  const types = { DNS: 'dns', IP: 'ip', URI: 'url', EMAIL: 'email' } as const;
  const type = types[kind as keyof typeof types]; // written by the test itself
  return { type, value: rest.join(':') };
}

async function newKeys(kind: KeyKind): Promise<types.CryptoKeyPair> {
  const algorithm =
    kind === 'Ed25519'
      ? { name: 'Ed25519' }
      : kind === 'P-256' || kind === 'P-521'
        ? { name: 'ECDSA', namedCurve: kind }
        : {
            name: 'RSASSA-PKCS1-v1_5',
            modulusLength: Number(kind.slice(4)),
            publicExponent: new Uint8Array([1, 0, 1]),
            hash: 'SHA-256',
          };
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as types.CryptoKeyPair;
}

function signatureOf(kind: KeyKind, hash: string): { name: string; hash?: string } {
  if (kind === 'Ed25519') return { name: 'Ed25519' };
  return { name: kind.startsWith('RSA') ? 'RSASSA-PKCS1-v1_5' : 'ECDSA', hash };
}
