import assert from 'node:assert/strict';
import { test } from 'tap';
import { ipText } from '../../pki/ip-bytes.ts';
import { extensionsOf } from '../../pki/extensions.ts';
import { tbsParts } from '../../pki/certificate.ts';
import { extension } from '../../../test/certificates/extensions.ts';
import type { KeyIdMethod } from '../../pki/key-identifier.ts';
import { keyIdMethods } from '../../pki/key-identifier.ts';
import type { Document } from '../document.ts';
import { seeded } from '../../../test/cluster/seeded.ts';
import type { Pair, Renewed } from '../test-documents.ts';
import {
  certPem,
  configMap,
  file,
  keyPem,
  kubeconfig,
  p256,
  pair,
  renewing,
  rsa,
  secret,
  tlsSecret,
  token,
} from '../test-documents.ts';

/** Clusters that a number decides: trees of some depth, bundles in any order, kubeconfigs, tokens, comments, odd line ends. */
async function randomCluster(seed: number): Promise<Document[]> {
  const random = seeded(seed);
  const pick = <T>(from: readonly T[]): T => from[random.number(from.length)] as T;
  const methods = keyIdMethods.filter((name) => !name.startsWith('library-go'));
  const shape = () => pick([p256, p256, { type: 'ec', curve: 'P-384' }, { type: 'ed25519' }] as const);
  const date = () =>
    new Date(Date.UTC(2015 + random.number(40), random.number(12), 1 + random.number(28), random.number(24)));
  const pairs: Pair[] = [];
  for (let at = 0; at < 4 + random.number(8); at += 1) {
    const by = at === 0 || random.number(4) === 0 ? undefined : pick(pairs);
    const notBefore = date();
    pairs.push(
      await pair(pick(['127.0.0.1', `signer@${at}`, `system:node:seed-${at}`, 'api.seed.example.com']), {
        shape: shape(),
        keyIds: pick<KeyIdMethod>(methods),
        notBefore,
        notAfter: new Date(notBefore.getTime() + random.number(1_000_000_000) * 1000),
        serial: Uint8Array.from([1 + random.number(127), ...random.bytes(random.number(16))]),
        extensions: [
          extension.basicConstraints(random.number(2) === 0),
          extension.altNames(['api.seed.example.com', `svc-${at}`], ['10.0.0.1']),
        ],
        ...(by === undefined ? {} : { by, ca: true }),
      }),
    );
  }
  const signing = await pair('unused', { shape: p256 });
  const bearer = await token(signing.key, { kid: 'yes' });
  const eol = () => pick(['\n', '\r\n']);
  const bundle = (): string =>
    Array.from(
      { length: 1 + random.number(5) },
      () =>
        `${pick(['', '# comment é\n'])}${certPem(pick(pairs), { eol: eol(), width: pick([64, 64, 76, 5000]) })}${pick(['', '\n'])}`,
    ).join('');
  return [
    ...pairs.map((one, at) =>
      secret(
        `ns/pair-${at}`,
        {
          'tls.crt': certPem(one) + (random.number(2) === 0 ? certPem(pick(pairs)) : ''),
          ...(random.number(5) === 0 ? {} : { 'tls.key': keyPem(one) }),
          ...(random.number(3) === 0 ? { junk: random.bytes(50) } : {}),
        },
        { encoding: pick(['protobuf', 'protobuf', 'json']) },
      ),
    ),
    ...Array.from({ length: random.number(4) }, (_, at) =>
      configMap(`ns/bundle-${at}`, { 'ca-bundle.crt': bundle(), other: 'text' }),
    ),
    file('/etc/kubernetes/kubeconfig', kubeconfig({ ca: pick(pairs), client: pick(pairs), bearer })),
    secret('ns/sa', { 'service-account.key': keyPem(signing), token: bearer }),
    file('/etc/kubernetes/x.crt', bundle().trimEnd()),
  ];
}

/** By place: what a certificate says without what is new in every renewal. */
function said(done: Renewed): Map<string, unknown> {
  return new Map(
    done.record.certificates.flatMap(({ before, places }) =>
      places.map((place) => [
        JSON.stringify(place),
        {
          names: [before.subjectText, before.issuerText, before.dnsNames, before.ipAddresses.map(ipText)],
          span: before.validity.notAfter.getTime() - before.validity.notBefore.getTime(),
        },
      ]),
    ),
  );
}

/** A certificate stays where its own key was not read, or its signer's was not. */
const lacksKey = ({ record }: Renewed, id: string | undefined): boolean =>
  record.keys.some((key) => key.public.id === id && key.private === undefined);

const stays = ({ record }: Renewed, signer: string | undefined): boolean =>
  record.certificates.some(({ before, after }) => before.digest === signer && after === undefined);

const seeds = Array.from({ length: 8 }, (_, at) => at + 1);

test('nothing to do changes no byte', async () => {
  for (const seed of seeds) {
    const documents = await randomCluster(seed);
    const done = await renewing(documents, {
      ipChangeOnly: true,
      rules: [{ old: '203.0.113.77', new: '203.0.113.78' }],
    });
    assert.deepEqual([done.edits, done.replacements, done.faults], [[], [], []], `seed ${seed}`);
  }
});

test('a renewal keeps names, order, extensions, serial lengths and durations, and its result can be renewed again', async () => {
  for (const seed of seeds) {
    const documents = await randomCluster(seed);
    const first = await renewing(documents);
    assert.deepEqual(first.faults, [], `seed ${seed}`);
    for (const { before, after, signer } of first.record.certificates) {
      if (after === undefined) {
        assert.ok(lacksKey(first, before.publicKey?.id) || stays(first, signer), `seed ${seed}: ${before.subjectText}`);
        continue;
      }
      assert.deepEqual(
        [after.subject, after.issuer, after.serial.length, tbsParts(after.der).validity],
        [before.subject, before.issuer, before.serial.length, tbsParts(before.der).validity],
      );
      assert.deepEqual(
        extensionsOf(after).map(({ id, der }) => [
          id,
          id === '551d0e' || id === '551d23' ? der.length : Buffer.from(der).toString('hex'),
        ]),
        extensionsOf(before).map(({ id, der }) => [
          id,
          id === '551d0e' || id === '551d23' ? der.length : Buffer.from(der).toString('hex'),
        ]),
      );
      assert.deepEqual(after.publicKey?.shape, before.publicKey?.shape);
    }
    const second = await renewing(first.after);
    assert.deepEqual(second.faults, [], `seed ${seed}, again`);
    assert.deepEqual(said(second), said(first));
  }
});

test('rules and then the reversed rules restore all names', async () => {
  const rules = [
    { old: 'api.seed.example.com', new: 'api.site.example.org' },
    { old: '10.0.0.1', new: 'fd00::9' },
    { old: '127.0.0.1', new: 'loopback' },
  ];
  for (const seed of seeds) {
    const there = await renewing(await randomCluster(seed), { rules });
    const back = await renewing(there.after, { rules: rules.map((rule) => ({ old: rule.new, new: rule.old })) });
    const again = await renewing(back.after);
    assert.deepEqual([...there.faults, ...back.faults, ...again.faults], []);
    assert.notDeepEqual(said(back), said(there), `seed ${seed}: the rules do something`);
    assert.deepEqual(said(again), said(there), `seed ${seed}`);
  }
});

test('force_expire and then extend_expiration restores every duration', async () => {
  for (const seed of seeds) {
    const documents = await randomCluster(seed);
    const expired = await renewing(documents, { validity: 'expire', now: new Date('2026-06-01T12:00:00.400Z') });
    for (const { after } of expired.record.certificates)
      if (after !== undefined) assert.equal(after.validity.notAfter.toISOString(), '2026-06-01T12:00:00.000Z');
    const extended = await renewing(expired.after, { validity: 'extend', now: new Date('2026-07-01T00:00:00Z') });
    for (const { after } of extended.record.certificates)
      if (after !== undefined) assert.equal(after.validity.notBefore.toISOString(), '2026-07-01T00:00:00.000Z');
    const again = await renewing(extended.after);
    assert.deepEqual(said(again), said(expired), `seed ${seed}`);
  }
});

test('documents with RSA keys of every size that clusters have are renewed', async () => {
  const ca = await pair('ca', { shape: { type: 'rsa', bits: 4096 }, keyIds: 'library-go-sha1' });
  const leaf = await pair('leaf', { by: ca, shape: rsa, keyIds: 'library-go-sha256' });
  const done = await renewing([tlsSecret('a/ca', ca), tlsSecret('a/leaf', leaf)]);
  assert.deepEqual(done.faults, []);
  assert.deepEqual(
    done.record.certificates.map(({ after }) => after?.publicKey?.shape),
    [{ type: 'rsa', bits: 4096 }, rsa],
  );
});
