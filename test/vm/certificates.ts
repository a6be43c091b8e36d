import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';

/** `trustDir` holds nothing but the CA: container tools take every other key they find in such a directory for their own. */
export type Certificates = {
  trustDir: string;
  caFile: string;
  certFile: string;
  keyFile: string;
  ca: string;
  cert: string;
  key: string;
};

/** A certificate authority of its own and a server certificate for the given names and addresses, valid for ten years from yesterday. */
export async function makeCertificates(dir: string, names: readonly string[]): Promise<Certificates> {
  const at = (name: string): string => join(dir, name);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await run('openssl', [
    'req',
    '-x509',
    ...curve,
    '-days',
    '3650',
    '-subj',
    '/CN=lab registry CA',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
    '-addext',
    'basicConstraints=critical,CA:TRUE',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  ]);
  await run('openssl', [
    'req',
    ...curve,
    '-subj',
    '/CN=registry.lab',
    '-keyout',
    at('server.key'),
    '-out',
    at('server.csr'),
  ]);
  const alternatives = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',');
  await writeFile(
    at('server.ext'),
    `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n`,
  );
  await run('openssl', [
    'x509',
    '-req',
    '-in',
    at('server.csr'),
    '-CA',
    at('ca.crt'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '3650',
    '-extfile',
    at('server.ext'),
    '-out',
    at('server.crt'),
  ]);
  await mkdir(at('trust'));
  await copyFile(at('ca.crt'), at('trust/ca.crt'));
  const text = (name: string): Promise<string> => readFile(at(name), 'utf8');
  return {
    trustDir: at('trust'),
    caFile: at('ca.crt'),
    certFile: at('server.crt'),
    keyFile: at('server.key'),
    ca: await text('ca.crt'),
    cert: await text('server.crt'),
    key: await text('server.key'),
  };
}
