import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { t as file, test } from 'tap';
import { startConnectProxy } from '../../test/connect-proxy.ts';
import { issue, keepCertificates, purpose } from '../../test/certificates/wished.ts';
import { startFront, startTlsRelay } from '../../test/registry-front.ts';
import { makeCertificates, makeLayer, pushImage, startPeer } from '../../test/registry-peer.ts';
import { Interrupted, type Failure } from '../errors/errors.ts';
import { inspectAgreed } from './agreement.ts';
import { openEgress } from './egress.ts';
import { pullImages } from './pull.ts';
import { openRegistry } from './registry.ts';
import { fetchWithSkopeo } from './skopeo.ts';
import { surroundings, type Surroundings } from './test-surroundings.ts';
import { assertSame, linesOf, verdictsOn, type Expected } from './test-verdicts.ts';

file.setTimeout(0); // run by hand, a file has 30 s

function settle(at: Surroundings, conf: string): void {
  mkdirSync(join(at.folder, '.config/containers'), { recursive: true });
  writeFileSync(join(at.folder, '.config/containers/registries.conf'), conf);
}

/** A program of this name that stands before the real one. */
function stand(at: Surroundings, program: string, script: string): Record<string, string> {
  writeFileSync(join(at.folder, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PATH: `${at.folder}:${process.env['PATH'] ?? ''}` };
}

const unexpected = (text: string): never => assert.fail(text);

const insecure = (address: string): string => `[[registry]]\nlocation = "${address}"\ninsecure = true\n`;

test(
  'a mirror that ends in a slash is refused although the seed does not come from it, unless nothing else is pulled',
  { timeout: 0 },
  async () => {
    await using at = await surroundings();
    await using peer = await startPeer({ folder: join(at.folder, 'peer') });
    await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
    settle(
      at,
      `${insecure(peer.address)}[[registry]]\nprefix = "*.lab"\nlocation = "quay.lab/ocp"\n[[registry.mirror]]\nlocation = "mirror.lab:5000/ocp/"\npull-from-mirror = "digest-only"\n`,
    );
    const image = `${peer.address}/lab/seed:1`;
    const all = await verdictsOn(at, { image });
    assert.ok(all.agreed !== undefined);
    assert.deepEqual(linesOf(all.agreed, { HOME: at.folder }), {
      what: 'mirror "mirror.lab:5000/ocp/" of "*.lab" ends in a slash',
      why: 'podman refuses every image of "*.lab" for it: invalid reference format',
      next: 'take the slash at the end of the location off in "HOME/.config/containers/registries.conf"',
    });
    // The judge: an image of that rule, which is refused before any network.
    const theirs = await verdictsOn(at, { image: `release.lab/image@sha256:${'0'.repeat(64)}` });
    assert.match(theirs.skopeo ?? '', /rewriting reference: invalid reference format/);
    assert.equal((await verdictsOn(at, { image, others: false })).agreed, undefined);
  },
);

test('a machine without a signature policy is refused, as podman refuses it', { timeout: 0 }, async () => {
  await using at = await surroundings();
  const certificates = await makeCertificates(join(at.folder, 'tls'));
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), certificates });
  const { digest } = await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
  const hidden = (program: string): string =>
    `exec unshare --mount sh -c 'mount -t tmpfs none /etc/containers && exec "$0" "$@"' /usr/bin/${program} "$@"`;
  const path = stand(at, 'skopeo', hidden('skopeo'));
  const found = await verdictsOn(at, {
    image: `${peer.address}/lab/seed:1`,
    env: { SSL_CERT_FILE: certificates.caFile, ...path, ...stand(at, 'podman', hidden('podman')) },
    paths: { policy: '/etc/containers/none.json' },
    podman: true,
  });
  const expected: Expected = {
    alone: 'reads',
    refused: [
      'podman will not pull "PINNED"',
      'Error loading trust policy: open /etc/containers/policy.json: no such file or directory',
      'check /etc/containers/policy.json and the signatures of the image',
    ],
  };
  assertSame(found, expected, { PINNED: `${peer.address}/lab/seed@${digest}` }, 'podman');
  assert.deepEqual(found.said, [
    'skopeo talks to the registry, because signature policy "/etc/containers/none.json" does not exist',
  ]);
});

test('where skopeo is not installed, our client goes on by itself and says so', { timeout: 0 }, async () => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
  settle(at, insecure(peer.address));
  const host = at.hostWith({ PATH: join(at.folder, 'empty') });
  using registry = openRegistry(host, await openEgress(host));
  const warnings: string[] = [];
  await inspectAgreed(registry, `${peer.address}/lab/seed:1`, {
    say: unexpected,
    warn: (text) => warnings.push(text),
  });
  assert.deepEqual(warnings, [
    'skopeo is not installed; continuing because whether podman can read the registry shows when it pulls',
  ]);
});

test(
  'skopeo is patient with what passes, and final with what it has never been seen to say',
  { timeout: 0 },
  async () => {
    await using at = await surroundings();
    await using peer = await startPeer({ folder: join(at.folder, 'peer') });
    await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
    settle(at, insecure(peer.address));
    const image = `${peer.address}/lab/seed:1`;
    const calls = join(at.folder, 'calls');
    const inspect = async (script: string): Promise<{ failure?: Failure; calls: number; waits: string[] }> => {
      writeFileSync(calls, '');
      const host = at.hostWith(stand(at, 'skopeo', `echo >> ${calls}\n${script}`));
      using registry = openRegistry(host, await openEgress(host));
      const waits: string[] = [];
      const count = (): number => readFileSync(calls, 'utf8').length;
      try {
        await inspectAgreed(registry, image, {
          say: unexpected,
          warn: unexpected,
          firstDelayMs: 10,
          onRetry: ({ why }) => waits.push(why ?? ''),
        });
        return { calls: count(), waits };
      } catch (error) {
        return { failure: error as Failure, calls: count(), waits };
      }
    };
    const passing = await inspect(
      `[ "$(wc -l < ${calls})" -lt 3 ] && { echo 'time="x" level=fatal msg="read tcp: connection reset by peer"' >&2; exit 1; }\nexec /usr/bin/skopeo "$@"`,
    );
    assert.equal(passing.failure, undefined);
    assert.deepEqual(
      [passing.calls, passing.waits],
      [3, ['read tcp: connection reset by peer', 'read tcp: connection reset by peer']],
    );

    const unknown = await inspect('echo "words nobody has seen" >&2; exit 1');
    assert.equal(unknown.calls, 1);
    assert.equal(unknown.failure?.message, `podman will not pull "${image}", although its registry gives it`);
    assert.equal(unknown.failure.why, 'words nobody has seen');
    assert.equal(unknown.failure.next, `try by hand: skopeo inspect --config --raw docker://${image}`);
    assert.equal(unknown.failure.transient, false);
  },
);

test('told to stop while skopeo is asked, the run is interrupted, not refused', { timeout: 0 }, async () => {
  const stop = new AbortController();
  await using at = await surroundings(stop.signal);
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
  settle(at, insecure(peer.address));
  const fifo = join(at.folder, 'asked');
  execFileSync('mkfifo', [fifo]);
  const host = at.hostWith(stand(at, 'skopeo', `echo > ${fifo}; exec sleep 600`));
  using registry = openRegistry(host, await openEgress(host));
  const inspected = inspectAgreed(registry, `${peer.address}/lab/seed:1`, { say: unexpected, warn: unexpected }).catch(
    (error: unknown) => error,
  );
  await readFile(fifo);
  stop.abort();
  const failure = await inspected;
  assert.ok(failure instanceof Interrupted);
  assert.equal(failure.exitCode, 75);
});

test('the certificate of a token server or of a proxy is told from that of the registry', { timeout: 0 }, async (t) => {
  await using at = await surroundings();
  const [known, strange] = [await issue({ ca: true }), await issue({ ca: true, subject: 'CN=strange authority' })];
  const certificates = keepCertificates(at.folder, [await issue({ issuer: known })], known.pem);
  const stranger = await issue({ issuer: strange });
  const named = keepCertificates(
    join(at.folder, 'named'),
    [await issue({ issuer: known, names: ['DNS:registry.test'] })],
    known.pem,
  );
  const env = { SSL_CERT_FILE: certificates.caFile, SSL_CERT_DIR: join(at.folder, 'none') };
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);

  await t.test('a token server', async () => {
    await using relay = await startTlsRelay(peer.port, { cert: stranger.pem, key: stranger.key });
    await using front = await startFront(
      peer,
      () => ({ answer: 401, headers: { 'www-authenticate': `Bearer realm="https://127.0.0.1:${relay.port}/token"` } }),
      { certificates },
    );
    const found = await verdictsOn(at, { image: `${front.address}/lab/seed:1`, env });
    const refused = [
      'certificate of "T", to which registry "R" leads, is not trusted',
      'its issuer "CN=strange authority" is not among the authorities of this system (unable to get local issuer certificate)',
      'add the CA of "T" to additionalTrustBundle, or to /etc/containers/certs.d/R/ca.crt',
    ];
    assertSame(found, { refused }, { T: `127.0.0.1:${relay.port}`, R: front.address });
  });

  await t.test('a proxy', async () => {
    await using proxy = await startConnectProxy();
    await using relay = await startTlsRelay(proxy.port, { cert: stranger.pem, key: stranger.key });
    const through = { ...env, HTTPS_PROXY: `https://127.0.0.1:${relay.port}` };
    const found = await verdictsOn(at, { image: `registry.test:${peer.port}/lab/seed:1`, env: through });
    assert.match(found.skopeo ?? '', /x509: certificate signed by unknown authority/);
    assert.equal(found.agreed?.message, `certificate of proxy "127.0.0.1:${relay.port}" is not trusted`);
    assert.equal(found.agreed.transient, false);
  });

  await t.test('a proxy that is known', async () => {
    await using proxy = await startConnectProxy();
    const { cert, key } = certificates;
    await using relay = await startTlsRelay(proxy.port, { cert, key });
    await using registry = await startPeer({ folder: join(at.folder, 'secure'), certificates: named });
    await pushImage(registry, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
    const through = { ...env, HTTPS_PROXY: `https://127.0.0.1:${relay.port}` };
    assertSame(await verdictsOn(at, { image: `registry.test:${registry.port}/lab/seed:1`, env: through }), {}, {});
    assert.ok(proxy.targets.length > 1);
  });
});

test("what TLS a registry speaks: our verdict is skopeo's", { timeout: 0 }, async (t) => {
  await using at = await surroundings();
  const good = await issue();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
  const weak = (bits: number): TlsOptions => {
    const [cert, key] = [join(at.folder, `${bits}.crt`), join(at.folder, `${bits}.key`)];
    const names = ['-subj', '/CN=weak', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const made = ['req', '-x509', '-newkey', `rsa:${bits}`, '-nodes', '-keyout', key, '-out', cert, ...names];
    execFileSync('openssl', made, { stdio: 'pipe' });
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8'), ciphers: 'DEFAULT:@SECLEVEL=0' };
  };
  const old = (version: 'TLSv1' | 'TLSv1.1'): TlsOptions => ({
    minVersion: version,
    maxVersion: version,
    ciphers: 'ALL:@SECLEVEL=0',
  });
  const only = (ciphers: string): TlsOptions => ({ maxVersion: 'TLSv1.2', ciphers });
  const notAsExpected = 'registry "R" does not speak TLS as expected';
  const usual =
    'let the registry speak TLS 1.2 or newer with a usual cipher (ECDHE with AES-GCM) and a certificate with an ECDSA or RSA key';
  const refusedByPodman: Expected = {
    alone: 'reads',
    refused: [
      'podman will not pull "R/lab/seed:1", although its registry gives it',
      'remote error: tls: handshake failure',
      usual,
    ],
  };
  const rows: readonly (readonly [string, TlsOptions, Expected?])[] = [
    ['TLS 1.3 alone', { minVersion: 'TLSv1.3' }],
    ['TLS 1.2 alone', { maxVersion: 'TLSv1.2' }],
    ['TLS 1.1 alone', old('TLSv1.1'), { alone: notAsExpected }],
    ['TLS 1.0 alone', old('TLSv1'), { alone: notAsExpected }],
    ['AES-GCM alone', only('ECDHE-ECDSA-AES256-GCM-SHA384')],
    ['ChaCha20 alone', only('ECDHE-ECDSA-CHACHA20-POLY1305'), refusedByPodman],
    ['AES-CCM alone', only('ECDHE-ECDSA-AES256-CCM'), refusedByPodman],
    ['an RSA key of 768 bits', weak(768), { alone: 'certificate of registry "R" is not accepted' }],
    ['an RSA key of 512 bits', weak(512), { refused: [notAsExpected, 'ssl/tls alert handshake failure', usual] }],
  ];
  for (const [name, options, expected = {}] of rows)
    await t.test(`${name}: ${expected.refused === undefined ? 'read' : 'refused'}`, async () => {
      const shown = { cert: good.pem, key: good.key, ...options };
      await using relay = await startTlsRelay(peer.port, shown);
      const roots = join(at.folder, 'roots.crt');
      writeFileSync(roots, shown.cert as string); // a text in all rows
      const image = `127.0.0.1:${relay.port}/lab/seed:1`;
      const found = await verdictsOn(at, {
        image,
        env: { SSL_CERT_FILE: roots, SSL_CERT_DIR: join(at.folder, 'none') },
      });
      assertSame(found, expected, { R: `127.0.0.1:${relay.port}` });
    });
});

test('a plain registry behind an https proxy is read', { timeout: 0 }, async () => {
  await using at = await surroundings();
  const certificates = await makeCertificates(join(at.folder, 'tls'));
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
  // docker-registry takes the whole URL for a path, as a proxy gets it.
  await using relay = await startTlsRelay(peer.port, { cert: certificates.cert, key: certificates.key });
  settle(at, insecure('registry.test:80'));
  const env = { SSL_CERT_FILE: certificates.caFile, HTTP_PROXY: `https://127.0.0.1:${relay.port}` };
  assertSame(await verdictsOn(at, { image: 'registry.test:80/lab/seed:1', env }), {}, {});
});

test('skopeo carries a seed that is named by tag and digest', { timeout: 0 }, async () => {
  await using at = await surroundings();
  const account = { username: 'helped', password: 'canary-helper' };
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), account });
  const layer = await makeLayer({ x: 'x' });
  const { digest, layers } = await pushImage(peer, 'lab/seed', '1', [layer]);
  settle(at, insecure(peer.address));
  writeFileSync(
    join(at.folder, 'docker-credential-lab'),
    `#!/bin/sh\ncat > /dev/null\necho '{"ServerURL":"x","Username":"${account.username}","Secret":"${account.password}"}'\n`,
    { mode: 0o755 },
  );
  const authFile = join(at.folder, 'auth.json');
  writeFileSync(authFile, JSON.stringify({ credHelpers: { [peer.address]: 'lab' } }));
  const host = at.hostWith({ PATH: `${at.folder}:${process.env['PATH'] ?? ''}` });
  const egress = await openEgress(host, { authFile });
  using registry = openRegistry(host, egress);
  const name = `${peer.address}/lab/seed:1@${digest}`;
  const said: string[] = [];
  const image = await inspectAgreed(registry, name, { say: (text) => said.push(text), warn: unexpected });
  assert.equal(image.pinned, `${peer.address}/lab/seed@${digest}`);
  assert.deepEqual(said, [
    `skopeo talks to the registry, because credentials for "${peer.address}" are kept by the helper "lab"`,
  ]);
  const local = await fetchWithSkopeo(host, egress, name, join(at.folder, 'copy'), { attempts: 1 });
  assert.equal(local.layers[0]?.digest, layers[0]?.digest);
});

test('a registry that wants a client certificate says so at once', { timeout: 0 }, async () => {
  await using at = await surroundings();
  const authority = await issue({ ca: true });
  const certificates = keepCertificates(at.folder, [await issue({ issuer: authority })], authority.pem);
  const client = await issue({ issuer: authority, subject: 'CN=client', purposes: [purpose.client] });
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  await pushImage(peer, 'lab/seed', '1', [await makeLayer({ x: 'x' })]);
  const { cert, key, ca } = certificates;
  await using relay = await startTlsRelay(peer.port, { cert, key, ca, requestCert: true, rejectUnauthorized: true });
  const address = `127.0.0.1:${relay.port}`;
  const question = { image: `${address}/lab/seed:1`, env: { SSL_CERT_FILE: certificates.caFile } };
  const refused = [
    'registry "R" wants another client certificate, or one at all',
    'tlsv13 alert certificate required',
    'put the client certificate and its key into /etc/containers/certs.d/R/client.cert and client.key',
  ];
  assertSame(await verdictsOn(at, question), { refused }, { R: address });

  const folder = join(at.folder, '.config/containers/certs.d', address);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'client.cert'), client.pem);
  writeFileSync(join(folder, 'client.key'), client.key);
  assertSame(await verdictsOn(at, question), {}, { R: address });
});

test('a plan of pulls is made with skopeo where our client cannot read and skopeo can', { timeout: 0 }, async () => {
  await using at = await surroundings();
  const authority = await issue({ ca: true });
  // Go takes any purpose for that of a server, OpenSSL does not.
  const shown = await issue({ issuer: authority, purposes: ['2.5.29.37.0'] });
  const certificates = keepCertificates(at.folder, [shown], authority.pem);
  await using peer = await startPeer({ folder: join(at.folder, 'peer'), certificates });
  const shared = await makeLayer({ base: 'x'.repeat(5_000) });
  for (const tag of ['1', '2']) await pushImage(peer, 'lab/app', tag, [shared, await makeLayer({ tag })]);
  const host = at.hostWith({ SSL_CERT_FILE: certificates.caFile });
  using registry = openRegistry(host, await openEgress(host));
  const said: string[] = [];
  const report = await pullImages(host, [`${peer.address}/lab/app:1`, `${peer.address}/lab/app:2`], {
    registry,
    say: (text) => said.push(text),
    store: { root: join(at.folder, 'c/storage'), runRoot: join(at.folder, 'run') },
  });
  assert.deepEqual([report.pulled, report.failed], [2, []]);
  assert.ok(report.bytes > 0);
  assert.deepEqual(said, [`2 images, ${(report.bytes / 1e6).toFixed(1)} MB in missing layers`]);
});
