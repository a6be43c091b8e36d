import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { extension } from '../../../test/certificates/extensions.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { constraintFaultsOf, nameConstraintsOf } from '../../pki/name-constraints.ts';
import { certificateOfPem, crt, pair, renewing, tlsSecret } from '../test-documents.ts';

/* Authorities that may sign some names only: openssl is the judge of what still fits. */

/** openssl's word on a chain: empty when it verifies, else its error number ("47" not permitted, "48" excluded). */
function verdict(leaf: Certificate, authority: Certificate): string {
  const folder = mkdtempSync(join(tmpdir(), 'constraints-'));
  try {
    writeFileSync(join(folder, 'ca.pem'), certificateOfPem(authority));
    writeFileSync(join(folder, 'leaf.pem'), certificateOfPem(leaf));
    const { status, stderr } = spawnSync('openssl', ['verify', '-no_check_time', '-CAfile', 'ca.pem', 'leaf.pem'], {
      cwd: folder,
      encoding: 'utf8',
    });
    return status === 0 ? '' : (/^error (\d+) at/m.exec(stderr)?.[1] ?? stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Case = {
  readonly permitted?: string[];
  readonly excluded?: string[];
  readonly dns?: string[];
  readonly ips?: string[];
  readonly name?: string;
};

async function made({ permitted = [], excluded = [], dns = [], ips = [], name = 'leaf' }: Case) {
  const authority = await pair('constrained', {
    extensions: [extension.basicConstraints(true), extension.nameConstraints(permitted, excluded)],
  });
  const names = dns.length + ips.length === 0 ? [] : [extension.altNames(dns, ips)];
  return {
    authority,
    leaf: await pair(name, { by: authority, extensions: [extension.basicConstraints(false), ...names] }),
  };
}

await test('what fits is what openssl says fits', async (t) => {
  const cases: readonly Case[] = [
    { permitted: ['seed.lab'], dns: ['seed.lab', 'api.seed.lab', '*.apps.seed.lab'] },
    { permitted: ['seed.lab'], dns: ['api.seed.lab', 'api.other.lab'] },
    { permitted: ['.seed.lab'], dns: ['api.seed.lab'] },
    { permitted: ['.seed.lab'], dns: ['seed.lab'] },
    { permitted: ['seed.lab'], dns: ['notseed.lab'] },
    { permitted: ['seed.lab'], dns: ['API.Seed.Lab'] },
    { permitted: ['seed.lab', 'other.lab'], dns: ['a.other.lab'] },
    { excluded: ['other.lab'], dns: ['api.seed.lab'] },
    { excluded: ['other.lab'], dns: ['api.seed.lab', 'x.other.lab'] },
    { permitted: ['lab'], excluded: ['seed.lab'], dns: ['api.seed.lab'] },
    { permitted: ['192.0.2.0/24'], ips: ['192.0.2.7'] },
    { permitted: ['192.0.2.0/24'], ips: ['198.51.100.7'] },
    { permitted: ['192.0.2.0/24'], dns: ['api.seed.lab'] },
    { permitted: ['192.0.2.0/24'], ips: ['2001:db8::1'] },
    { permitted: ['2001:db8::/32'], ips: ['2001:db8:1::1'] },
    { permitted: ['2001:db8::/32'], ips: ['2001:db9::1'] },
    { excluded: ['192.0.2.128/25'], ips: ['192.0.2.127'] },
    { excluded: ['192.0.2.128/25'], ips: ['192.0.2.128'] },
    { permitted: ['seed.lab'], name: 'api.seed.lab' },
    { permitted: ['seed.lab'], name: 'api.other.lab' },
    { permitted: ['seed.lab'], name: 'system:admin' },
    { permitted: ['seed.lab'], name: 'api.other.lab', dns: ['api.seed.lab'] },
  ];
  for (const one of cases) {
    const { authority, leaf } = await made(one);
    const constraints = nameConstraintsOf(authority.certificate);
    assert.ok(constraints);
    const ours = constraintFaultsOf(leaf.certificate, constraints);
    const openssl = verdict(leaf.certificate, authority.certificate);
    t.comment(`${JSON.stringify(one)}: openssl ${openssl === '' ? 'verifies' : openssl}; ${ours.join('; ')}`);
    assert.equal(ours.length > 0, openssl === '47' || openssl === '48', JSON.stringify(one));
    assert.ok(['', '47', '48'].includes(openssl), openssl);
  }
});

const rules = [
  { old: 'api.seed.lab', new: 'api.site.example.org' },
  { old: 'api-int.seed.lab', new: 'api-int.site.example.org' },
  { old: '*.apps.seed.lab', new: '*.apps.site.example.org' },
  { old: '192.0.2.10', new: '198.51.100.7' },
];

await test('the rules apply to the constraints, too: the domain, the address, the network of the addresses', async () => {
  for (const one of [
    { permitted: ['seed.lab'], dns: ['api.seed.lab', '*.apps.seed.lab'] },
    { permitted: ['.seed.lab'], dns: ['api.seed.lab'] },
    { permitted: ['api.seed.lab'], dns: ['api.seed.lab'] },
    { permitted: ['192.0.2.10/32'], ips: ['192.0.2.10'] },
    { permitted: ['192.0.2.0/24', 'seed.lab'], ips: ['192.0.2.10'], dns: ['api.seed.lab'] },
    { excluded: ['other.lab'], dns: ['api.seed.lab'] },
  ] satisfies Case[]) {
    const { authority, leaf } = await made(one);
    const documents = [tlsSecret('a/ca', authority), tlsSecret('a/leaf', leaf)] as const;
    const done = await renewing(documents, { rules });
    assert.deepEqual(done.faults, [], JSON.stringify(one));
    assert.equal(
      verdict(done.certificate(documents[1], crt), done.certificate(documents[0], crt)),
      '',
      JSON.stringify(one),
    );
  }
});

await test('what still does not fit is a fault of the check, and openssl agrees', async () => {
  for (const [one, number, text] of [
    [
      { permitted: ['lab'], dns: ['api.seed.lab'] },
      '47',
      'the DNS name "api.site.example.org" is in none of its permitted subtrees',
    ],
    [
      { excluded: ['example.org'], dns: ['api.seed.lab'] },
      '48',
      'the DNS name "api.site.example.org" is in an excluded subtree',
    ],
    [
      { excluded: ['198.51.100.0/24'], ips: ['192.0.2.10'] },
      '48',
      'the address "198.51.100.7" is in an excluded subtree',
    ],
  ] satisfies [Case, string, string][]) {
    const { authority, leaf } = await made(one);
    const documents = [tlsSecret('a/ca', authority), tlsSecret('a/leaf', leaf)] as const;
    const done = await renewing(documents, { rules: rules.slice(0, 1).concat(rules.slice(3)) });
    assert.deepEqual(done.faults, [
      `the certificate "CN=leaf" at etcd:/kubernetes.io/secrets/a/leaf data/tls.crt, pem block 0 does not fit the name constraints of "CN=constrained": ${text}`,
    ]);
    assert.equal(verdict(done.certificate(documents[1], crt), done.certificate(documents[0], crt)), number);
  }
});
