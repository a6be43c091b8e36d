import { mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { nodeKeyMaker } from '../../internal/pki/signer.ts';
import { extension } from './extensions.ts';
import { cn, makeCertificate } from './make.ts';
import { keyPem, pemOf } from './pem.ts';

/** What a TLS server of a test stands on: texts in PEM, and the files that hold them. */
export type ServerCertificate = {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Holds nothing but the CA: container tools take every other key they find in such a directory for their own. */
  readonly trustDir: string;
};

export type ServerRecipe = {
  /** Common name of the authority. */
  readonly authority: string;
  /** Common name of the server; its names and addresses follow in `names`. */
  readonly server: string;
  readonly names: readonly string[];
  /** Of the server alone. Left out: ten years from yesterday, as for the authority. */
  readonly notBefore?: Date;
  readonly notAfter?: Date;
};

/** An authority of its own and a certificate of it for one server, written into a folder. Both keys are P-256. */
export async function makeServerCertificate(
  folder: string,
  { authority, server, names, ...dates }: ServerRecipe,
): Promise<ServerCertificate> {
  const day = 86_400_000;
  const usual = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 3650 * day) };
  const [caKey, key] = await Promise.all([nodeKeyMaker.make(p256), nodeKeyMaker.make(p256)]);
  const ca = await makeCertificate({
    subject: cn(authority),
    key: caKey,
    keyIds: 'rfc5280-1',
    ...usual,
    extensions: [extension.basicConstraints(true), extension.keyUsage('keyCertSign', 'cRLSign')],
  });
  const certificate = await makeCertificate({
    subject: cn(server),
    key,
    by: { certificate: ca, key: caKey },
    keyIds: 'rfc5280-1',
    serial: Uint8Array.of(2),
    ...usual,
    ...dates,
    extensions: [
      extension.altNames(
        names.filter((name) => isIP(name) === 0),
        names.filter((name) => isIP(name) !== 0),
      ),
      extension.extendedUsage('serverAuth', 'clientAuth'),
      extension.basicConstraints(false),
    ],
  });

  const trustDir = join(folder, 'trust');
  const texts = { ca: pemOf('CERTIFICATE', ca.der), cert: pemOf('CERTIFICATE', certificate.der), key: keyPem(key) };
  const files = {
    caFile: join(folder, 'ca.crt'),
    certFile: join(folder, 'server.crt'),
    keyFile: join(folder, 'server.key'),
  };
  await mkdir(trustDir, { recursive: true });
  await Promise.all([
    writeFile(files.caFile, texts.ca),
    writeFile(join(trustDir, 'ca.crt'), texts.ca),
    writeFile(files.certFile, texts.cert),
    writeFile(files.keyFile, texts.key, { mode: 0o600 }),
  ]);
  return { ...texts, ...files, trustDir };
}

const p256 = { type: 'ec', curve: 'P-256' } as const;
