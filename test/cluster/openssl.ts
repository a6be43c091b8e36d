import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../internal/host/files.ts';

/** The openssl program, asked many things at once: a shell loops over files, for a process of our own each would cost more. */
const run = promisify(execFile);

export type CertificateFacts = {
  readonly publicKey: string;
  /** All that openssl prints but key, serial, identifiers and signature. */ readonly shape: string;
  readonly validity: string;
};

const separator = '=====';

async function loop(items: readonly string[], command: string): Promise<string[]> {
  if (items.length === 0) return [];
  await using folder = await temporaryFolder(tmpdir(), 'openssl-');
  await mkdir(join(folder.path, 'in'));
  await Promise.all(
    items.map((item, index) => writeFile(join(folder.path, 'in', String(index)), item, { mode: 0o600 })),
  );
  const half = Math.ceil(items.length / 2);
  // Two shells, for two cores.
  const parts = await Promise.all(
    [
      [0, half],
      [half, items.length],
    ].map(
      async ([from = 0, to = 0]) =>
        (
          await run(
            'sh',
            ['-c', `i=${from}; while [ $i -lt ${to} ]; do f=in/$i; ${command}; echo ${separator}; i=$((i+1)); done`],
            { cwd: folder.path, maxBuffer: 1e9 },
          )
        ).stdout,
    ),
  );
  return parts.flatMap((text) => text.split(`${separator}\n`).slice(0, -1));
}

/** Facts of certificates in PEM; undefined for one that openssl does not read. */
export async function certificateFacts(pems: readonly string[]): Promise<(CertificateFacts | undefined)[]> {
  const texts = await loop(
    pems,
    'openssl x509 -in $f -noout -pubkey -text -certopt no_pubkey,no_sigdump,no_serial 2>&1',
  );
  return texts.map((text) => {
    const [, publicKey] = /(-----BEGIN PUBLIC KEY-----[^]*-----END PUBLIC KEY-----\n)/.exec(text) ?? [];
    const [, validity] = /(Not Before[^]*?Not After[^\n]*)/.exec(text) ?? [];
    if (publicKey === undefined || validity === undefined) return undefined;
    const shape = text
      .replace(publicKey, '')
      .replace(validity, '')
      .replace(/(Key Identifier:[^\n]*\n\s*)(?:keyid:)?[0-9A-F]{2}(?::[0-9A-F]{2})+/g, '$1ID')
      .replace(/(serial:)[0-9A-F:]+/g, '$1N');
    return { publicKey, shape, validity };
  });
}

/** Public halves of private or public keys in PEM; an empty text for one that openssl does not read. */
export async function publicHalves(pems: readonly string[]): Promise<string[]> {
  const isPrivate = (pem: string): boolean => pem.includes('PRIVATE');
  const secret = pems.filter(isPrivate);
  const open = pems.filter((pem) => !isPrivate(pem));
  // OpenShift writes SubjectPublicKeyInfo under the label of PKCS#1: both are tried.
  const [ofSecret, ofOpen] = await Promise.all([
    loop(secret, 'openssl pkey -in $f -pubout 2>/dev/null || true'),
    loop(
      open.map((pem) => pem.replaceAll('RSA PUBLIC', 'PUBLIC')),
      'openssl pkey -pubin -in $f -pubout 2>/dev/null || { sed "s/ PUBLIC/ RSA PUBLIC/" $f | openssl rsa -RSAPublicKey_in -pubout 2>/dev/null; } || true',
    ),
  ]);
  return pems.map((pem) => (isPrivate(pem) ? ofSecret.shift() : ofOpen.shift()) ?? '');
}

/** Which of the certificates do not follow from the signer; with the reason. Dates are not asked: a seed may be old. */
export async function notSignedBy(
  signer: string,
  certificates: readonly { readonly name: string; readonly pem: string }[],
): Promise<string[]> {
  await using folder = await temporaryFolder(tmpdir(), 'openssl-');
  await writeFile(join(folder.path, 'signer.pem'), signer);
  await Promise.all(certificates.map(({ pem }, index) => writeFile(join(folder.path, `${index}.pem`), pem)));
  const { stdout, stderr } = await run(
    'openssl',
    [
      'verify',
      '-no_check_time',
      '-partial_chain',
      '-check_ss_sig',
      '-no-CAfile',
      '-no-CApath',
      '-trusted',
      'signer.pem',
      ...certificates.map((_, index) => `${index}.pem`),
    ],
    { cwd: folder.path, maxBuffer: 1e8 },
  ).catch((error: unknown) => error as { stdout: string; stderr: string }); // execFile's error carries both
  return certificates.flatMap(({ name }, index) =>
    new RegExp(`^${index}\\.pem: OK$`, 'm').test(stdout)
      ? []
      : [
          `${name}: ${new RegExp(`error ${index}\\.pem: .*|error \\d+ at .*`).exec(stderr)?.[0] ?? stderr.split('\n', 1)[0] ?? ''}`,
        ],
  );
}

/** Whether a token is signed by this key (RS256). */
export async function tokenVerifies(token: string, publicKey: string): Promise<boolean> {
  const [header = '', payload = '', signature = ''] = token.split('.');
  await using folder = await temporaryFolder(tmpdir(), 'openssl-');
  const at = (name: string): string => join(folder.path, name);
  await Promise.all([
    writeFile(at('signed'), `${header}.${payload}`),
    writeFile(at('signature'), Buffer.from(signature, 'base64url')),
    writeFile(at('key'), publicKey),
  ]);
  return await run('openssl', [
    'dgst',
    '-sha256',
    '-verify',
    at('key'),
    '-signature',
    at('signature'),
    at('signed'),
  ]).then(
    () => true,
    () => false,
  );
}
