import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t as file, test } from 'tap';
import { startConnectProxy } from '../../test/connect-proxy.ts';
import {
  issue,
  keepCertificates,
  onlyDomains,
  purpose,
  strangeExtension,
  usage,
  type CertificateWish,
  type Issued,
} from '../../test/certificates/wished.ts';
import { makeLayer, pushImage, startPeer } from '../../test/registry-peer.ts';
import { surroundings } from './test-surroundings.ts';
import { assertSame, verdictsOn, type Verdicts } from './test-verdicts.ts';
import { RegistryFailure } from './trouble.ts';

/*
 * Certificates of registries: what our client and skopeo say to the same registry with the same trust. The registry is docker-registry with
 * that certificate; names lead to it through a proxy.
 */

file.setTimeout(0); // one registry a certificate; run by hand, a file has 30 s

type Shown = [Issued, ...Issued[]];
type Refusal = { what: string; why: string; next: string };
type Case = {
  readonly name: string;
  /** What the registry shows, and what this machine trusts. */
  readonly make: () => Promise<readonly [shown: Shown, trusted: string]>;
  /** The name that the image has; default 127.0.0.1. */
  readonly host?: string;
  /** Absent: both read it. */
  readonly refused?: Refusal;
  /** Our client alone says otherwise; its failure, where it has one. */
  readonly differs?: 'reads' | { why: string };
};

const root = await issue({ ca: true });
const middle = await issue({ ca: true, subject: 'CN=issuing authority', issuer: root });
const leaf = async (wish: CertificateWish = {}): Promise<readonly [Shown, string]> => [
  [await issue({ issuer: root, ...wish })],
  root.pem,
];
/** A server certificate from an authority of its own. */
const below = async (authority: CertificateWish): Promise<readonly [Shown, string]> => {
  const own = await issue({ ca: true, ...authority });
  return [[await issue({ issuer: own })], own.pem];
};
/** The same with an authority between it and the root. */
const through = async (between: CertificateWish): Promise<readonly [Shown, string]> => {
  const own = await issue({ ca: true, subject: 'CN=issuing authority', issuer: root, ...between });
  return [[await issue({ issuer: own }), own], root.pem];
};
const trusting = async (text: (pem: string) => string): Promise<readonly [Shown, string]> => [
  [await issue({ issuer: root })],
  text(root.pem),
];

const another = 'give the registry another certificate';
const notAccepted = (why: string): Refusal => ({
  what: 'certificate of registry "R" is not accepted',
  why,
  next: another,
});
const notTrusted = (issuer: string, reason: string): Refusal => ({
  what: 'certificate of registry "R" is not trusted',
  why: `its issuer "${issuer}" is not among the authorities of this system (${reason})`,
  next: 'add the CA of "R" to additionalTrustBundle, or to /etc/containers/certs.d/R/ca.crt',
});
const anotherName = (has: string): Refusal => ({
  what: 'certificate of registry "R" is for another name',
  why: `it has ${has}`,
  next: 'use a name that the certificate has, or give the registry a certificate for this name',
});
const noName = (why: string, wish: string): Refusal => ({
  what: 'certificate of registry "R" has no name that podman looks at',
  why,
  next: `give the registry a certificate with the subject alternative name ${wish}`,
});
const outOfTime = (what: string): Refusal => ({
  what: `certificate of registry "R" ${what} by this machine's clock`,
  why: 'the clock says TIME',
  next: `set the clock of this machine if it is wrong, else ${another}`,
});
const unverified = 'unable to get local issuer certificate';

const names: Case[] = [
  {
    name: 'a common name and no alternative name',
    host: 'registry.lab',
    make: () => leaf({ names: [], subject: 'CN=registry.lab' }),
    refused: noName('it has the common name "registry.lab" and no subject alternative name', 'DNS:registry.lab'),
  },
  {
    name: 'the same for an address',
    make: () => leaf({ names: [], subject: 'CN=127.0.0.1' }),
    refused: noName('it has the common name "127.0.0.1" and no subject alternative name', 'IP:127.0.0.1'),
  },
  {
    name: 'no name at all',
    host: 'registry.lab',
    make: () => leaf({ names: [], subject: 'O=lab' }),
    refused: noName('it has no subject alternative name', 'DNS:registry.lab'),
  },
  {
    name: 'a common name beside an alternative name of another kind',
    host: 'registry.lab',
    make: () => leaf({ names: ['URI:https://registry.lab'], subject: 'CN=registry.lab' }),
    refused: anotherName('URI:https://registry.lab'),
  },
  {
    name: 'an address as a DNS name',
    make: () => leaf({ names: ['DNS:127.0.0.1'] }),
    refused: anotherName('DNS:127.0.0.1'),
  },
  {
    name: 'another name',
    host: 'registry.lab',
    make: () => leaf({ names: ['DNS:other.lab', 'IP:127.0.0.1'] }),
    refused: anotherName('DNS:other.lab, IP Address:127.0.0.1'),
  },
  { name: 'the name', host: 'registry.lab', make: () => leaf({ names: ['DNS:a.lab', 'DNS:registry.lab'] }) },
  { name: 'the name in capitals', host: 'registry.lab', make: () => leaf({ names: ['DNS:REGISTRY.Lab'] }) },
  { name: 'a capital name of the image', host: 'Registry.lab', make: () => leaf({ names: ['DNS:registry.lab'] }) },
  { name: 'a wildcard of one label', host: 'registry.lab', make: () => leaf({ names: ['DNS:*.lab'] }) },
  { name: 'a wildcard of two labels', host: 'registry.a.lab', make: () => leaf({ names: ['DNS:*.a.lab'] }) },
  {
    name: 'a wildcard one level up',
    host: 'registry.a.lab',
    make: () => leaf({ names: ['DNS:*.lab'] }),
    refused: anotherName('DNS:*.lab'),
  },
  {
    name: 'a wildcard for its own domain',
    host: 'a.lab',
    make: () => leaf({ names: ['DNS:*.a.lab'] }),
    refused: anotherName('DNS:*.a.lab'),
  },
  {
    name: 'a wildcard within a label',
    host: 'registry.a.lab',
    make: () => leaf({ names: ['DNS:reg*.a.lab'] }),
    refused: anotherName('DNS:reg*.a.lab'),
  },
  {
    name: 'a bare wildcard',
    host: 'lab.example',
    make: () => leaf({ names: ['DNS:*'] }),
    refused: anotherName('DNS:*'),
  },
  {
    name: 'the name with a dot at its end',
    host: 'registry.lab',
    make: () => leaf({ names: ['DNS:registry.lab.'] }),
    refused: anotherName('DNS:registry.lab.'),
  },
];

const chains: Case[] = [
  { name: 'a known authority', make: () => leaf() },
  { name: 'an authority between', make: () => through({}) },
  {
    name: 'a certificate that signed itself, trusted as it is',
    make: async () => {
      const own = await issue();
      return [[own], own.pem];
    },
  },
  {
    name: "only the server's own certificate in the trust store",
    make: async () => {
      const own = await issue({ issuer: root });
      return [[own], own.pem];
    },
  },
  {
    name: 'only the issuing authority in the trust store',
    make: async () => [[await issue({ issuer: middle })], middle.pem],
  },
  {
    name: 'only the issuing authority, which the registry shows, too',
    make: async () => [[await issue({ issuer: middle }), middle], middle.pem],
  },
  {
    name: 'an authority between that is not shown',
    make: async () => [[await issue({ issuer: middle })], root.pem],
    refused: notTrusted('CN=issuing authority', unverified),
  },
  {
    name: 'an unknown authority',
    make: async () => [[await issue({ issuer: root })], (await issue({ ca: true, subject: 'CN=other' })).pem],
    refused: notTrusted('CN=test authority', unverified),
  },
  {
    name: 'a certificate that signed itself',
    make: async () => [[await issue()], root.pem],
    refused: notTrusted('CN=test registry', 'self-signed certificate'),
  },
  {
    name: 'no authority at all',
    make: async () => [[await issue({ issuer: root })], ''],
    refused: notTrusted('CN=test authority', unverified),
  },
  {
    name: 'an authority of the same name with another key',
    make: async () => [[await issue({ issuer: root })], (await issue({ ca: true })).pem],
    refused: {
      what: 'certificate of registry "R" is not trusted',
      why: 'another authority signed it than the one of that name among the authorities of this system (certificate signature failure)',
      next: 'add the CA of "R" to additionalTrustBundle, or to /etc/containers/certs.d/R/ca.crt',
    },
  },
  { name: 'expired', make: () => leaf({ notBefore: -10, notAfter: -1 }), refused: outOfTime('has expired') },
  { name: 'not yet valid', make: () => leaf({ notBefore: 2 }), refused: outOfTime('is not yet valid') },
  {
    name: 'an authority that has expired',
    make: () => below({ notBefore: -10, notAfter: -1 }),
    refused: outOfTime('has expired'),
  },
  {
    name: 'an authority between that is not yet valid',
    make: () => through({ notBefore: 2 }),
    refused: outOfTime('is not yet valid'),
  },
  {
    name: 'a signature by SHA-1',
    make: () => leaf({ hash: 'SHA-1' }),
    refused: notAccepted('CA signature digest algorithm too weak'),
  },
  {
    name: 'a signature by SHA-1 between',
    make: () => through({ hash: 'SHA-1' }),
    refused: notAccepted('CA signature digest algorithm too weak'),
  },
  { name: 'a signature by SHA-1 of the root on itself', make: () => below({ hash: 'SHA-1' }) },
  { name: 'an RSA key of 1024 bits', make: () => leaf({ key: 'RSA-1024' }) },
  { name: 'an authority with an RSA key of 1024 bits', make: () => below({ key: 'RSA-1024' }) },
  { name: 'a key on P-521', make: () => leaf({ key: 'P-521' }) },
  { name: 'a key on Ed25519', make: () => leaf({ key: 'Ed25519' }) },
  {
    name: 'a path that is too long',
    make: async () => {
      const own = await issue({ ca: 0 });
      const between = await issue({ ca: true, subject: 'CN=issuing authority', issuer: own });
      return [[await issue({ issuer: between }), between], own.pem];
    },
    refused: notAccepted('path length constraint exceeded'),
  },
  {
    name: 'a name outside the constraints of its authority',
    make: async () => {
      const own = await issue({ ca: true, extensions: [onlyDomains('example.com')] });
      return [[await issue({ issuer: own, names: ['DNS:registry.lab', 'IP:127.0.0.1'] })], own.pem];
    },
    refused: notAccepted('permitted subtree violation'),
  },
  {
    name: 'a name within the constraints of its authority',
    host: 'registry.lab',
    make: async () => {
      const own = await issue({ ca: true, extensions: [onlyDomains('lab')] });
      return [[await issue({ issuer: own, names: ['DNS:registry.lab'] })], own.pem];
    },
  },
  {
    name: 'an unknown critical extension',
    make: () => leaf({ extensions: [strangeExtension(true)] }),
    refused: notAccepted('unhandled critical extension'),
  },
  {
    name: 'an unknown critical extension of an authority',
    make: () => below({ extensions: [strangeExtension(true)] }),
    refused: notAccepted('unhandled critical extension'),
  },
  { name: 'an unknown extension that is not critical', make: () => leaf({ extensions: [strangeExtension(false)] }) },
  {
    name: 'the purpose of a client',
    make: () => leaf({ purposes: [purpose.client] }),
    refused: notAccepted('unsuitable certificate purpose'),
  },
  {
    name: 'an authority for code',
    make: () => below({ purposes: [purpose.code] }),
    refused: notAccepted('unsuitable certificate purpose'),
  },
  { name: 'no purpose given', make: () => leaf({ purposes: [] }) },
  {
    name: 'any purpose',
    make: () => leaf({ purposes: ['2.5.29.37.0'] }),
    differs: { why: 'unsuitable certificate purpose' },
  },
  {
    name: 'a key usage that is none of a server',
    make: () => leaf({ keyUsages: usage.cRLSign }),
    differs: { why: 'unsuitable certificate purpose' },
  },
  {
    name: 'an issuer that is no authority',
    make: () => through({ ca: false }),
    refused: notAccepted('unsuitable certificate purpose'),
  },
  {
    name: 'an issuer without basic constraints',
    make: () => through({ basicConstraints: false }),
    refused: notAccepted('unsuitable certificate purpose'),
  },
  {
    name: 'an authority whose key may not sign',
    make: () => below({ keyUsages: usage.digitalSignature }),
    refused: notAccepted('key usage does not include certificate signing'),
  },
  {
    name: 'a root without basic constraints that may sign',
    make: () => below({ basicConstraints: false, keyUsages: usage.keyCertSign }),
    differs: 'reads',
    refused: {
      what: 'podman will not pull "R/lab/app:1", although its registry gives it',
      why: 'x509: certificate signed by unknown authority (possibly because of "x509: invalid signature: parent certificate cannot sign this kind of certificate" while trying to verify candidate authority certificate "test authority")',
      next: another,
    },
  },
];

const files: Case[] = [
  {
    name: 'a "TRUSTED CERTIFICATE"',
    make: () => trusting((pem) => pem.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')),
    refused: {
      what: 'certificate of registry "R" is not trusted',
      why: 'its issuer "CN=test authority" stands in "FOLDER/trust/ca.crt" as a "TRUSTED CERTIFICATE", which podman does not read',
      next: 'write it as a plain certificate: openssl x509 -in FOLDER/trust/ca.crt -out FOLDER/trust/ca.crt.new && mv FOLDER/trust/ca.crt.new FOLDER/trust/ca.crt',
    },
  },
  {
    name: 'an "X509 CERTIFICATE"',
    make: () => trusting((pem) => pem.replaceAll('CERTIFICATE', 'X509 CERTIFICATE')),
    refused: notTrusted('CN=test authority', unverified),
  },
  {
    name: 'lines that are indented',
    make: () => trusting((pem) => pem.replaceAll(/^/gm, '  ')),
    refused: notTrusted('CN=test authority', unverified),
  },
  {
    name: 'text before it on its line',
    make: () => trusting((pem) => `CA: ${pem}`),
    refused: notTrusted('CN=test authority', unverified),
  },
  {
    name: 'headers',
    make: () => trusting((pem) => pem.replace('-----\n', '-----\nName: lab\n\n')),
    refused: notTrusted('CN=test authority', unverified),
  },
  { name: 'text around it', make: () => trusting((pem) => `# the authority of the lab\n${pem}\nend`) },
  { name: 'lines that end as on Windows', make: () => trusting((pem) => pem.replaceAll('\n', '\r\n')) },
  {
    name: 'one long line',
    make: () =>
      trusting((pem) => pem.replace(/(?<=-----\n)[\s\S]*(?=\n-----END)/, (body) => body.replaceAll('\n', ''))),
  },
  {
    name: 'another certificate before it that is none',
    make: () => trusting((pem) => `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${pem}`),
  },
  { name: 'no newline at its end', make: () => trusting((pem) => pem.trimEnd()) },
];

async function verdicts({ make, host = '127.0.0.1' }: Case): Promise<Verdicts & { names: Record<string, string> }> {
  await using at = await surroundings();
  await using proxy = await startConnectProxy();
  const [shown, trusted] = await make();
  const certificates = keepCertificates(at.folder, shown, trusted);
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), certificates });
  await pushImage(peer, 'lab/app', '1', [await makeLayer({ x: 'x' })]);
  const registry = `${host}:${peer.port}`;
  const found = await verdictsOn(at, {
    image: `${registry}/lab/app:1`,
    env: {
      SSL_CERT_FILE: certificates.caFile,
      SSL_CERT_DIR: join(at.folder, 'none'),
      HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
    },
  });
  return { ...found, names: { R: registry, FOLDER: at.folder } };
}

for (const [title, cases] of Object.entries({ names, chains, 'files of authorities': files }))
  test(`certificates, ${title}: our verdict is skopeo's`, { timeout: 0 }, async (t) => {
    for (const each of cases)
      await t.test(`${each.name}: ${each.refused === undefined ? 'read' : 'refused'}`, async () => {
        const found = await verdicts(each);
        const { refused, differs } = each;
        const alone =
          differs === undefined
            ? {}
            : { alone: differs === 'reads' ? differs : 'certificate of registry "R" is not accepted' };
        const lines = refused && [refused.what, refused.why, refused.next];
        assertSame(found, { ...(lines && { refused: lines }), ...alone }, found.names);
        assert.ok(found.agreed === undefined || (found.agreed instanceof RegistryFailure && !found.agreed.transient));
        if (differs === undefined || differs === 'reads') return;
        assert.deepEqual(
          found.said.map((line) => line.replaceAll(found.names['R'] ?? '', 'R')),
          [
            `continuing with skopeo, which can read "R/lab/app:1"; our own client cannot: certificate of registry "R" is not accepted (${differs.why})`,
          ],
        );
      });
  });

test('the advice about a "TRUSTED CERTIFICATE" works when it is followed', { timeout: 0 }, async () => {
  await using at = await surroundings();
  const [shown, plain] = await leaf();
  const certificates = keepCertificates(join(at.folder, 'tls'), shown, plain);
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), certificates });
  await pushImage(peer, 'lab/app', '1', [await makeLayer({ x: 'x' })]);
  // As people make it: settings stand behind the certificate, so that taking the word away is not enough.
  const folder = join(at.folder, '.config/containers/certs.d', peer.address);
  mkdirSync(folder, { recursive: true });
  const trusted = execFileSync('openssl', ['x509', '-trustout', '-addtrust', 'serverAuth'], { input: plain });
  writeFileSync(join(folder, 'ca.crt'), trusted);
  const question = { image: `${peer.address}/lab/app:1`, env: { SSL_CERT_DIR: join(at.folder, 'none') } };
  const before = await verdictsOn(at, question);
  assert.match(before.skopeo ?? '', /x509: certificate signed by unknown authority/);
  const advice = /^write it as a plain certificate: (.+)$/.exec(before.agreed?.next ?? '')?.[1] ?? 'false';
  execFileSync('sh', ['-c', advice]);
  const after = await verdictsOn(at, question);
  assert.deepEqual([after.agreed, after.skopeo], [undefined, undefined]);
});
