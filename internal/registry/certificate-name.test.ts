import assert from 'node:assert/strict';
import { test } from 'tap';
import type { PeerCertificate } from 'node:tls';
import { checkName } from './certificate-name.ts';

const certificate = (subjectaltname: string | undefined, subject: unknown = {}): PeerCertificate =>
  ({ subject, subjectaltname }) as unknown as PeerCertificate; // of the many members these two are looked at

test('names fit as they fit for Go', async () => {
  const table: [host: string, names: string, fits: boolean][] = [
    ['registry.lab', 'DNS:registry.lab', true],
    ['registry.lab', 'DNS:a.lab, DNS:REGISTRY.Lab', true],
    ['registry.lab', 'DNS:*.lab', true],
    ['registry.a.lab', 'DNS:*.lab', false],
    ['lab', 'DNS:*.lab', false],
    ['registry.a.lab', 'DNS:reg*.a.lab', false],
    ['registry.a.lab', 'DNS:registry.*.lab', false],
    ['registry.lab', 'DNS:*', false],
    ['registry', 'DNS:*', false],
    ['registry.lab', 'DNS:registry.lab.', false],
    ['my_registry.lab', 'DNS:*.lab', true],
    ['registry.lab', 'URI:https://registry.lab, email:registry.lab', false],
    ['192.0.2.1', 'IP Address:192.0.2.1', true],
    ['192.0.2.1', 'DNS:192.0.2.1', false],
    ['192.0.2.1', 'DNS:*.0.2.1', false],
    ['2001:db8::1', 'IP Address:2001:DB8:0:0:0:0:0:1', true],
    ['2001:db8::1', 'IP Address:2001:DB8:0:0:0:0:0:2', false],
    ['evil.lab', 'DNS:"good.lab, DNS:evil.lab"', false],
  ];
  for (const [host, names, fits] of table)
    assert.equal(checkName(host, certificate(names)) === undefined, fits, `${host} ${names}`);
});

test('a common name does not count, and is told', async () => {
  const wrong = checkName('registry.lab', certificate(undefined, { CN: ['old.lab', 'registry.lab'] }));
  assert.deepEqual([wrong?.host, wrong?.names, wrong?.commonName], ['registry.lab', [], 'registry.lab']);
  assert.equal(checkName('registry.lab', certificate(undefined))?.commonName, undefined);
});
