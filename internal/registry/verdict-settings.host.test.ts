import assert from 'node:assert/strict';
import type { ServerCertificate } from '../../test/certificates/server.ts';
import { existsSync, mkdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { t as file, test } from 'tap';
import { startConnectProxy } from '../../test/connect-proxy.ts';
import { issue, purpose } from '../../test/certificates/wished.ts';
import { makeCertificates, makeLayer, pushImage, startPeer, type Peer } from '../../test/registry-peer.ts';
import { surroundings, type Surroundings } from './test-surroundings.ts';
import { assertSame, verdictsOn, type Expected } from './test-verdicts.ts';

/*
 * The rest of what decides: names, the folder of a registry in certs.d, proxies, the signature policy. R is a registry with TLS.
 */

file.setTimeout(0); // one process a question or two; run by hand, a file has 30 s

type Lab = AsyncDisposable & {
  readonly at: Surroundings;
  readonly peer: Peer;
  readonly certificates: ServerCertificate;
  readonly digest: string;
};

async function openLab(): Promise<Lab> {
  const scope = new AsyncDisposableStack();
  const at = scope.use(await surroundings());
  const certificates = await makeCertificates(join(at.folder, 'tls'));
  const peer = scope.use(await startPeer({ folder: join(at.folder, 'peer'), certificates }));
  const layers = [await makeLayer({ x: 'x' })];
  const { digest } = await pushImage(peer, 'lab/app', '1', layers);
  await pushImage(peer, 'lab/app', 'latest', layers);
  await pushImage(peer, 'lab/a__b-c.d', '1', layers);
  return { at, peer, certificates, digest, [Symbol.asyncDispose]: () => scope.disposeAsync() };
}

const inFull = 'write it as REGISTRY[:PORT]/REPOSITORY:TAG or REGISTRY[:PORT]/REPOSITORY@DIGEST';
const noName = (image: string, what: string): Expected => ({
  refused: [`image reference "${image}" ${what}`, undefined, inFull],
});

test("names of images: our verdict is podman's", { timeout: 0 }, async (t) => {
  await using lab = await openLab();
  const { at, peer, certificates, digest } = lab;
  const none = `sha256:${'0'.repeat(64)}`;
  const rows: readonly (readonly [image: string, expected?: Expected])[] = [
    // First: podman looks for such names among the images that it has, too.
    [
      'lab/app:1',
      {
        refused: [
          '"lab/app:1" names no registry',
          'registries.conf has neither an alias for it nor a registry to search',
          'write the image name in full, such as quay.io/lab/app:1',
        ],
      },
    ],
    ['R/lab/app:1'],
    ['R/lab/app'],
    ['R/lab/app@D'],
    // podman drops the tag; skopeo refuses such names, and is given them without it.
    ['R/lab/app:1@D'],
    ['R/lab/app:nonesuch@D'],
    [
      `R/lab/app:1@${none}`,
      {
        refused: [
          `registry "R" does not have "R/lab/app:1@${none}"`,
          'it answered 404: manifest unknown',
          'check name and tag, or push the image',
        ],
      },
    ],
    ['R/lab/a__b-c.d:1'],
    ['localhost:N/lab/app:1'],
    ['LOCALHOST:N/lab/app:1'],
    ['127.0.0.1:0N/lab/app:1'],
    ['R/lab/App:1', noName('R/lab/App:1', 'has upper-case letters in its repository; repositories are lower case')],
    ['R//lab/app:1', noName('R//lab/app:1', 'names the repository "/lab/app", which is not valid')],
    ['R/lab/a___b:1', noName('R/lab/a___b:1', 'names the repository "lab/a___b", which is not valid')],
    ['R/lab/app:1 ', noName('R/lab/app:1 ', 'has a blank in it')],
    ['R/lab/app:', noName('R/lab/app:', 'has the tag ""; a tag has 1 to 128 letters, digits, "_", "." or "-"')],
    [
      'R/lab/app@sha256:abc',
      noName(
        'R/lab/app@sha256:abc',
        'has the digest "sha256:abc", which is not sha256: and 64 lower-case hexadecimal digits',
      ),
    ],
    ['R/lab/app@md5:abc', noName('R/lab/app@md5:abc', 'has a digest of kind "md5"; known are sha256, sha512')],
    [
      'my_registry:N/lab/app:1',
      noName('my_registry:N/lab/app:1', 'names the registry "my_registry:N", which is not HOST or HOST:PORT'),
    ],
    ['https://R/lab/app:1', noName('https://R/lab/app:1', 'starts with "https://"; give it without')],
    [
      'localhost/lab/app:1',
      {
        alone: 'registry "localhost" is not reachable',
        refused: [
          'seed image "localhost/lab/app:1" is not in a registry',
          '"localhost/" is the name of what was built on a machine and not pushed (registry "localhost" is not reachable: the connection was refused)',
          'push it to a registry from the machine that built it, and give that name as seedImage',
        ],
      },
    ],
  ];
  const env = { SSL_CERT_FILE: certificates.caFile };
  for (const [image, expected = {}] of rows)
    await t.test(`"${image}": ${expected.refused === undefined ? 'read' : 'refused'}`, async () => {
      const real = image
        .replace(/^R/, peer.address)
        .replace(':N/', `:${peer.port}/`)
        .replace(':0N/', `:0${peer.port}/`)
        .replace('@D', `@${digest}`);
      const found = await verdictsOn(at, { image: real, env, podman: true });
      assertSame(found, expected, { R: peer.address, N: String(peer.port) }, 'podman');
    });

  await t.test('a name without registry where one registry is searched: read', async () => {
    const home = join(at.folder, '.config/containers');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'registries.conf'), `unqualified-search-registries = ["${peer.address}"]\n`);
    const found = await verdictsOn(at, { image: 'lab/app:1', env, podman: true });
    assert.deepEqual(found.said, [`"lab/app:1" is "${peer.address}/lab/app:1" by registries.conf`]);
    assert.deepEqual([found.agreed, found.podman], [undefined, undefined]);
  });
});

test("certs.d: our verdict is skopeo's", { timeout: 0 }, async (t) => {
  await using lab = await openLab();
  const { at, peer, certificates } = lab;
  const [client, second] = [
    await issue({ subject: 'CN=client', purposes: [purpose.client] }),
    await issue({ subject: 'CN=second client', purposes: [purpose.client] }),
  ];
  const { ca } = certificates;
  const places = {
    HOME: join(at.folder, '.config/containers/certs.d', peer.address),
    ETC: join('/etc/containers/certs.d', peer.address),
    DOCKER: join('/etc/docker/certs.d', peer.address),
  };
  const unknown = (folder: string): Expected => ({
    refused: [
      'certificate of registry "R" is not trusted',
      'its issuer "CN=test authority" is not among the authorities of this system (unable to get local issuer certificate)',
      `add the CA of "R" to additionalTrustBundle, or to ${folder}/ca.crt`,
    ],
  });
  const alone = (what: string, next: string): Expected => ({ refused: [what, undefined, next] });
  const unusable = (why: string): Expected => ({
    refused: [
      'certificates for registry "R" cannot be used',
      why,
      'correct "ETC": NAME.crt authorities, NAME.cert with NAME.key client certificates',
    ],
  });
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, trusted: boolean, Expected?])[] = [
    ['nothing', {}, false, unknown('ETC')],
    ['an authority in the home folder', { 'HOME/ca.crt': ca }, false],
    ['an authority in /etc/containers', { 'ETC/ca.crt': ca }, false],
    ['an authority in /etc/docker', { 'DOCKER/ca.crt': ca }, false],
    ['several authorities in one file', { 'ETC/all.crt': `${second.pem}${ca}` }, false],
    [
      'a folder in the home folder, which hides that in /etc',
      { 'HOME/note': '', 'ETC/ca.crt': ca },
      false,
      unknown('HOME'),
    ],
    [
      'a folder in /etc/containers, which hides that in /etc/docker',
      { 'ETC/note': '', 'DOCKER/ca.crt': ca },
      false,
      unknown('ETC'),
    ],
    ['another ending', { 'ETC/ca.pem': ca }, false, unknown('ETC')],
    [
      'an authority named as a client certificate',
      { 'ETC/ca.cert': ca },
      true,
      alone(
        '"ETC/ca.cert" has no key "ca.key" beside it',
        'put "ca.key" into "ETC"; an authority is named NAME.crt, not NAME.cert',
      ),
    ],
    [
      'a key without certificate',
      { 'ETC/client.key': client.key },
      true,
      alone(
        '"ETC/client.key" has no client certificate "client.cert" beside it',
        'put "client.cert" into "ETC"; an authority is named NAME.crt, not NAME.cert',
      ),
    ],
    ['a client certificate', { 'ETC/client.cert': client.pem, 'ETC/client.key': client.key }, true],
    [
      'two client certificates',
      { 'ETC/a.cert': client.pem, 'ETC/a.key': client.key, 'ETC/b.cert': second.pem, 'ETC/b.key': second.key },
      true,
    ],
    [
      'the key of another certificate',
      { 'ETC/client.cert': client.pem, 'ETC/client.key': second.key },
      true,
      unusable('key values mismatch'),
    ],
    [
      'a client certificate that is none',
      { 'ETC/client.cert': 'x', 'ETC/client.key': 'y' },
      true,
      unusable('no start line'),
    ],
    ['an authority that is none', { 'ETC/ca.crt': 'x' }, true],
    [
      'a folder where a file belongs',
      { 'ETC/ca.crt/x': '' },
      true,
      unusable('EISDIR: illegal operation on a directory, read'),
    ],
    ['a file where a folder belongs', { ETC: 'x' }, true, unusable("ENOTDIR: not a directory, scandir 'ETC'")],
  ];
  const roots = ['/etc/containers/certs.d', '/etc/docker/certs.d'].filter((each) => !existsSync(each));
  t.teardown(() => {
    for (const each of roots) if (existsSync(each)) rmdirSync(each);
  });
  const real = (text: string): string =>
    Object.entries(places).reduce((rest, [name, path]) => rest.replace(name, path), text);
  for (const [name, files, trusted, expected = {}] of rows)
    await t.test(`${name}: ${expected.refused === undefined ? 'read' : 'refused'}`, async () => {
      const bundle = join(at.folder, 'bundle.crt');
      writeFileSync(bundle, trusted ? ca : '');
      try {
        for (const [path, text] of Object.entries(files)) {
          mkdirSync(dirname(real(path)), { recursive: true });
          writeFileSync(real(path), text);
        }
        const env = { SSL_CERT_FILE: bundle, SSL_CERT_DIR: join(at.folder, 'none') };
        const found = await verdictsOn(at, { image: `${peer.address}/lab/app:1`, env });
        assertSame(found, expected, { ...places, R: peer.address });
      } finally {
        for (const path of Object.values(places)) rmSync(path, { recursive: true, force: true });
      }
    });
});

test("proxies: our verdict is skopeo's", { timeout: 0 }, async (t) => {
  await using lab = await openLab();
  const { at, peer, certificates } = lab;
  await using proxy = await startConnectProxy();
  await using strict = await startConnectProxy(`Basic ${Buffer.from('pu:canary#pw').toString('base64')}`);
  const away: Expected = {
    refused: [
      'registry "R" is not reachable',
      'its name is not known to DNS',
      'check network, DNS and proxy of this machine',
    ],
  };
  const skopeoOnly = 'registry "R" is not reachable';
  const garbage = (what: string): Expected => ({
    alone: skopeoOnly,
    refused: [
      `environment variable HTTPS_PROXY ${what}`,
      undefined,
      'give http://HOST:PORT; user and password percent-encoded',
    ],
  });
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, Expected?])[] = [
    ['a proxy', { HTTPS_PROXY: 'http://127.0.0.1:P' }],
    ['small letters', { https_proxy: 'http://127.0.0.1:P' }],
    ['no scheme', { HTTPS_PROXY: '127.0.0.1:P' }],
    ['an account', { HTTPS_PROXY: 'http://pu:canary%23pw@127.0.0.1:A' }],
    ['a path behind the port', { HTTPS_PROXY: 'http://127.0.0.1:P/path' }, { alone: skopeoOnly }],
    [
      'garbage for plain HTTP only',
      { HTTP_PROXY: 'http://[', HTTPS_PROXY: 'http://127.0.0.1:P' },
      { alone: skopeoOnly },
    ],
    ['names that are no list', { HTTPS_PROXY: 'http://127.0.0.1:P', NO_PROXY: 'other.test registry.test' }],
    ['an exempt name', { HTTPS_PROXY: 'http://127.0.0.1:P', NO_PROXY: 'other.test, registry.test' }, away],
    ['a proxy for all, which nobody looks at', { ALL_PROXY: 'http://127.0.0.1:P' }, away],
    [
      'no account',
      { HTTPS_PROXY: 'http://127.0.0.1:A' },
      {
        refused: [
          'proxy "127.0.0.1:A" wants credentials',
          'it answered 407',
          'correct user and password in the proxy setting',
        ],
      },
    ],
    [
      'a proxy that is away',
      { HTTPS_PROXY: 'http://127.0.0.1:1' },
      {
        refused: [
          'proxy "127.0.0.1:1" is not reachable',
          'connect ECONNREFUSED 127.0.0.1:1',
          'check the proxy setting',
        ],
      },
    ],
    ['a "#" in the password', { HTTPS_PROXY: 'http://pu:canary#pw@127.0.0.1:A' }, garbage('is not a URL')],
    [
      'an unknown scheme',
      { HTTPS_PROXY: 'ftp://127.0.0.1:P' },
      garbage('has the scheme "ftp"; http and https are possible'),
    ],
    ['a blank', { HTTPS_PROXY: 'http://127.0.0.1: P' }, garbage('has a blank in it')],
  ];
  const real = (text: string): string =>
    text.replace(/\bP\b/, String(proxy.port)).replace(/\bA\b/, String(strict.port));
  for (const [name, settings, expected = {}] of rows)
    await t.test(`${name}: ${expected.refused === undefined ? 'read' : 'refused'}`, async () => {
      const env = Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, real(value)]));
      const registry = `registry.test:${peer.port}`;
      const found = await verdictsOn(at, {
        image: `${registry}/lab/app:1`,
        env: { SSL_CERT_FILE: certificates.caFile, ...env },
      });
      assertSame(found, expected, { R: registry, '127.0.0.1:A': `127.0.0.1:${strict.port}` });
      assert.ok(!found.said.join('').includes('canary'));
    });
});

test("signature policies: our verdict is podman's", { timeout: 0 }, async (t) => {
  await using lab = await openLab();
  const { at, peer, certificates } = lab;
  const accept = [{ type: 'insecureAcceptAnything' }];
  const reject = [{ type: 'reject' }];
  const key = join(at.folder, 'nobody.gpg');
  writeFileSync(key, '');
  const refused = (why: string): Expected => ({
    alone: 'reads',
    refused: [
      'podman will not pull "PINNED"',
      why,
      'check /etc/containers/policy.json and the signatures of the image',
    ],
  });
  const rows: readonly (readonly [string, unknown, Expected?])[] = [
    ['anything goes', { default: accept }],
    ['nothing goes, but from there', { default: reject, transports: { docker: { R: accept } } }],
    ['nothing goes from elsewhere', { default: accept, transports: { docker: { 'other.lab': reject } } }],
    [
      'nothing goes',
      { default: reject },
      refused('Source image rejected: Running image docker://PINNED is rejected by policy.'),
    ],
    [
      'nothing goes from there',
      { default: accept, transports: { docker: { 'R/lab': reject } } },
      refused('Source image rejected: Running image docker://PINNED is rejected by policy.'),
    ],
    [
      'a signature is wanted, and there is none',
      { default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: key }] },
      refused('Source image rejected: A signature was required, but no signature exists'),
    ],
    [
      'no default',
      { transports: {} },
      refused('Error loading trust policy: invalid policy in "POLICY": Default policy is missing'),
    ],
    [
      'an unknown member',
      { default: accept, colour: 'blue' },
      refused('Error loading trust policy: invalid policy in "POLICY": Unknown key "colour"'),
    ],
    [
      'an unknown requirement',
      { default: [{ type: 'maybe' }] },
      refused('Error loading trust policy: invalid policy in "POLICY": Unknown policy requirement type "maybe"'),
    ],
  ];
  const policy = join(at.folder, '.config/containers/policy.json');
  mkdirSync(dirname(policy), { recursive: true });
  for (const [name, content, expected = {}] of rows)
    await t.test(`${name}: ${expected.refused === undefined ? 'read' : 'refused'}`, async () => {
      writeFileSync(policy, JSON.stringify(content).replaceAll(/\bR(?=[/"])/g, peer.address));
      const image = `${peer.address}/lab/app:1`;
      const found = await verdictsOn(at, { image, env: { SSL_CERT_FILE: certificates.caFile }, podman: true });
      assertSame(found, expected, { PINNED: `${peer.address}/lab/app@${lab.digest}`, POLICY: policy }, 'podman');
    });
});
