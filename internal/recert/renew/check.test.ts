import assert from 'node:assert/strict';
import { test } from 'tap';
import { writeAt } from '../../edit/edit.ts';
import {
  certificateOfPem,
  certPem,
  configMap,
  file,
  keyPem,
  kubeconfig,
  pair,
  renewing,
  rsa,
  secret,
  tlsSecret,
  token,
} from '../test-documents.ts';
import { check } from './check.ts';
import type { Document, Edit } from '../document.ts';
import { documentName } from '../document.ts';
import { externalsOf } from '../find/external.ts';
import { graphOf } from './graph.ts';
import { ownedIn } from './ownership.ts';
import { scan } from '../find/scan.ts';

const none = externalsOf([], () => undefined);

/** Checks a cluster of documents against what somebody made of it. */
async function checked(
  before: readonly Document[],
  after: readonly Document[],
  edits: readonly Edit[],
): Promise<string[]> {
  const findings = await scan(before, none.has, () => undefined);
  const owned = ownedIn(graphOf(findings, none), none, new Set(), () => undefined);
  return check({
    before: findings.documents,
    after: new Map(
      [...findings.documents.keys()].map((name) => [
        name,
        after.find((one) => documentName(one) === name) ?? (after[0] as Document),
      ]),
    ),
    edits,
    owned,
    external: none.has,
    given: new Set(),
  });
}

const signing = await pair('unused', { shape: rsa });
const ca = await pair('ca');
const leaf = await pair('leaf', { by: ca });
const bearer = await token(signing.key, { kid: 'yes' });
const documents = [
  tlsSecret('a/ca', ca),
  tlsSecret('a/leaf', leaf, ca),
  secret('a/sa', { 'service-account.key': keyPem(signing), token: bearer }),
  file('/etc/kubernetes/kubeconfig', kubeconfig({ ca, client: leaf, bearer })),
  file('/etc/kubernetes/ca.crt', `# kept\n${certPem(ca)}`),
] as const;
const [caAt, leafAt, saAt, kubeAt, fileAt] = documents.map(documentName);
const good = await renewing(documents);

/** The good result with one document made otherwise. */
const with_ = (name: string | undefined, change: (good: Document, old: Document) => Uint8Array): Document[] =>
  good.after.map((document, at) => {
    const old = documents[at];
    return documentName(document) === name && old !== undefined
      ? { ...document, bytes: change(document, old) }
      : document;
  });

test('a renewal that is right has no fault', async () => {
  assert.deepEqual(good.faults, []);
  assert.deepEqual(await checked(documents, good.after, good.edits), []);
});

test('a document that was forgotten is told with everything old in it', async () => {
  const faults = await checked(
    documents,
    with_(leafAt, (_, old) => old.bytes),
    good.edits,
  );
  for (const fault of [
    `the certificate "CN=leaf" differs between ${leafAt ?? ''} data/tls.crt, pem block 0 and ${kubeAt ?? ''}, yaml "users/0/user/client-certificate-data", base64, pem block 0`,
    `an old certificate is left at ${leafAt ?? ''} data/tls.crt, pem block 0`,
    `an old certificate is left at ${leafAt ?? ''} data/tls.crt, pem block 1`,
    `an old private key is left at ${leafAt ?? ''} data/tls.key, pem block 0`,
  ])
    assert.ok(faults.includes(fault), `${fault}\n${faults.join('\n')}`);
});

test('a token that was forgotten, and one with other claims, are told', async () => {
  const old = await checked(
    documents,
    with_(kubeAt, (fresh) =>
      writeAt(fresh.bytes, [{ in: 'yaml', path: ['users', 0, 'user', 'token'] }], Buffer.from(bearer)),
    ),
    good.edits,
  );
  const place = `${kubeAt ?? ''}, yaml "users/0/user/token", jwt`;
  assert.deepEqual(old, [
    `the token at ${place} is not signed by the key it names`,
    `an old token is left at ${place}`,
  ]);
  const fresh = good.key(documents[2], ['data', 'service-account.key']);
  const other = await token(fresh, { kid: 'yes', claims: { sub: 'somebody else' } });
  assert.deepEqual(
    await checked(
      documents,
      with_(kubeAt, (document) =>
        writeAt(document.bytes, [{ in: 'yaml', path: ['users', 0, 'user', 'token'] }], Buffer.from(other)),
      ),
      good.edits,
    ),
    [`the claims of the token at ${place} differ`],
  );
  const nameless = await token(fresh);
  assert.deepEqual(
    await checked(
      documents,
      with_(kubeAt, (document) =>
        writeAt(document.bytes, [{ in: 'yaml', path: ['users', 0, 'user', 'token'] }], Buffer.from(nameless)),
      ),
      good.edits,
    ),
    [`the token at ${place} is not signed by the key it names`],
  );
});

test('a key that does not fit its certificate, and a certificate of another signer, are told', async () => {
  const stranger = await pair('ca');
  const wrongKey = await checked(
    documents,
    with_(caAt, (fresh) =>
      replacedIn(fresh, keyPem({ key: good.key(documents[0], ['data', 'tls.key']) }), keyPem(stranger)),
    ),
    good.edits,
  );
  assert.ok(
    wrongKey.includes(
      `the certificate "CN=ca" at ${caAt ?? ''} data/tls.crt, pem block 0 does not fit the private key at ${caAt ?? ''} data/tls.key, pem block 0`,
    ),
    wrongKey.join('\n'),
  );
  const freshCa = certificateOfPem(good.certificate(documents[0], ['data', 'tls.crt']));
  const everywhere = good.after.map((document) =>
    document.in === 'etcd' && document.key.endsWith('a/ca')
      ? {
          ...document,
          bytes: replacedIn(
            { ...document, bytes: replacedIn(document, freshCa, certPem(stranger)) },
            keyPem({ key: good.key(documents[0], ['data', 'tls.key']) }),
            keyPem(stranger),
          ),
        }
      : document,
  );
  const faults = await checked(documents, everywhere, good.edits);
  assert.ok(
    faults.includes(
      `the certificate "CN=leaf" at ${leafAt ?? ''} data/tls.crt, pem block 0: the signature is not by the key of its signer`,
    ),
    faults.join('\n'),
  );
});

test('a byte outside of the planned places is told, in every kind of document', async () => {
  const inText = (name: string | undefined, from: string, to: string) =>
    checked(
      documents,
      with_(
        name,
        (fresh) => new Uint8Array(Buffer.from(Buffer.from(fresh.bytes).toString('latin1').replace(from, to), 'latin1')),
      ),
      good.edits,
    );
  assert.deepEqual(await inText(fileAt, '# kept', '# lost'), [`${fileAt ?? ''} differs outside of the planned places`]);
  assert.deepEqual(await inText(kubeAt, 'by hand', 'by mand'), [
    `${kubeAt ?? ''} differs outside of the planned places`,
  ]);
  assert.deepEqual(await inText(saAt, 'Opaque', 'Opaqua'), [`${saAt ?? ''} differs outside of the planned places`]);
  assert.deepEqual(
    await inText(leafAt, '2026-01', '2026-02').then((faults) => faults.length),
    0,
    'the text occurs nowhere',
  );
});

test('a change that nobody planned is told', async () => {
  const extra = configMap('a/other', { 'ca.crt': certPem(ca) });
  const withExtra = [...documents, extra];
  const renewed = await renewing(withExtra);
  const unplanned = renewed.edits.filter(({ place }) => place.document !== documentName(extra));
  assert.deepEqual(await checked(withExtra, renewed.after, unplanned), [
    `${documentName(extra)} differs outside of the planned places`,
  ]);
});

/** A text of the same length in the bytes of a protobuf value. */
function replacedIn(document: Document, from: string, to: string): Uint8Array {
  const text = Buffer.from(document.bytes).toString('latin1');
  assert.ok(text.includes(from) && from.length === to.length, `${from.length} ${to.length}`);
  return new Uint8Array(Buffer.from(text.replace(from, to), 'latin1'));
}
