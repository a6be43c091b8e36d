import assert from 'node:assert/strict';
import { test } from 'tap';
import { CommandError } from '../errors/errors.ts';
import { podmanTrouble } from './podman-trouble.ts';
import { RegistryFailure } from './trouble.ts';

const of = (stderr: string) =>
  podmanTrouble(new CommandError('podman pull q.io/a:1', { kind: 'exit', status: 125 }, stderr, ''), 'q.io/a:1');

test("podman's words are put into classes", async () => {
  const table: [string, string, boolean][] = [
    [
      'Error: initializing source docker://q.io/a:1: reading manifest 1 in q.io/a: unauthorized: authentication required',
      'auth',
      false,
    ],
    [
      'Error: initializing source docker://q.io/a:1: unable to retrieve auth token: invalid username/password: unauthorized: x',
      'auth',
      false,
    ],
    [
      'Error: initializing source docker://q.io/a:1: reading manifest 1 in q.io/a: denied: requested access to the resource is denied',
      'auth',
      false,
    ],
    ['Error: initializing source docker://q.io/a:1: reading manifest 1 in q.io/a: manifest unknown', 'absent', false],
    [
      'Error: initializing source docker://q.io/a:1: pinging container registry q.io: Get "https://q.io/v2/": x509: certificate signed by unknown authority',
      'untrusted',
      false,
    ],
    [
      'Error: ... tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2020',
      'clock',
      false,
    ],
    [
      'Error: writing blob: storing blob to file "/var/tmp/x": write /var/tmp/x: no space left on device',
      'Failure',
      false,
    ],
    ['Error: Source image rejected: A signature was required, but no signature exists', 'Failure', false],
    ['Error: short-name "a" did not resolve to an alias', 'Failure', false],
    ['Error: initializing source: reading manifest: toomanyrequests: too many requests', 'Failure', true],
    [
      'Error: parsing image configuration: Get "https://q.io/": dial tcp 10.0.0.1:443: connect: connection refused',
      'Failure',
      true,
    ],
    [
      'Error: reading blob sha256:x: Get "https://q.io": received unexpected HTTP status: 503 Service Unavailable',
      'Failure',
      true,
    ],
    ['Error: reading blob sha256:x: unexpected EOF', 'Failure', true],
    [
      'Error: pinging container registry q.io: Get "https://q.io/v2/": http: server gave HTTP response to HTTPS client',
      'Failure',
      false,
    ],
    [
      'Error: pinging container registry q.io: Get "https://q.io/v2/": x509: certificate relies on legacy Common Name field, use SANs instead',
      'untrusted',
      false,
    ],
    ['Error: remote error: tls: certificate required', 'auth', false],
    [
      'Error: registry q.io is blocked in /etc/containers/registries.conf or /etc/containers/registries.conf.d',
      'settings',
      false,
    ],
    ['Error: rewriting reference: invalid reference format', 'settings', false],
    ['Error: pinging container registry q.io: invalid status code from registry 404 (Not Found)', 'Failure', true],
    ['Error: pinging container registry q.io: StatusCode: 503, <html>', 'Failure', true],
    ['Error: pinging container registry q.io: toomanyrequests: StatusCode: 429', 'Failure', true],
    ['Error: rejecting ambiguous manifest, unexpected fields', 'protocol', false],
    ['Error: words nobody has seen', 'Failure', true],
  ];
  for (const [stderr, kind, transient] of table) {
    const failure = of(stderr);
    assert.equal(failure instanceof RegistryFailure ? failure.kind : failure.name, kind, stderr);
    assert.equal(failure.transient, transient, stderr);
    assert.equal(failure.message, 'image "q.io/a:1" was not pulled');
    assert.ok(failure.next !== undefined && failure.next !== '', stderr);
  }
});

test('the last error line is the reason', async () => {
  assert.equal(of('Trying to pull q.io/a:1...\nError: first\nError: manifest unknown\n').why, 'manifest unknown');
});

test('words that nobody has seen are met with the command itself', async () => {
  assert.equal(of('Error: words nobody has seen').next, 'try by hand: podman pull q.io/a:1');
});

test('a missing podman is final', async () => {
  const error = new CommandError('podman pull', { kind: 'not-found' }, '', '');
  assert.equal(podmanTrouble(error, 'x'), error);
});
