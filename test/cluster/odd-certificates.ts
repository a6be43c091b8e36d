import '../certificates/provider.ts';
import { Name } from '@peculiar/x509';
import type { Certificate } from '../../internal/pki/certificate.ts';
import { keyIdOf } from '../../internal/pki/key-identifier.ts';
import type { PrivateKey } from '../../internal/pki/keys.ts';
import { extension } from '../certificates/extensions.ts';
import { makeCertificate, type Recipe } from '../certificates/make.ts';
import type { PairSpec } from './fixture.ts';
import type { Issued } from './issue.ts';
import type { KeyPool } from './keys.ts';

/** Certificates that a real cluster may hold and that broke the reference, by the ids of its defects (internal/recert/README.md). */
export type OddPki = {
  readonly issued: readonly Issued[];
  /** Somebody else's: to be left alone. */ readonly external: Certificate;
  readonly externalTwin: Certificate;
};

const name = (cn: string): Name => new Name([{ O: ['Odd Ltd.'] }, { CN: [cn] }]);

export async function issueOdd(pool: KeyPool, now: Date): Promise<OddPki> {
  const hour = 3_600_000;
  const times = {
    notBefore: new Date(now.getTime() - 24 * hour),
    notAfter: new Date(now.getTime() + 1000 * 24 * hour),
  };
  const issued: Issued[] = [];
  const make = async (
    cn: string,
    kind: PairSpec['kind'],
    key: PrivateKey,
    by?: Issued,
    recipe: Partial<Recipe> = {},
    as = cn,
  ): Promise<Issued> => {
    const certificate = await makeCertificate({
      subject: name(cn),
      key,
      keyIds: 'rfc5280-1',
      ...times,
      ...(by === undefined ? {} : { by }),
      extensions: [
        extension.keyUsage('digitalSignature', ...(kind === 'signer' ? (['keyCertSign'] as const) : [])),
        ...(kind === 'signer' ? [] : [extension.extendedUsage('serverAuth', 'clientAuth')]),
        extension.basicConstraints(kind === 'signer'),
        ...(kind === 'signer' ? [] : [extension.altNames([`${cn}.example.com`])]),
      ],
      ...recipe,
    });
    const one: Issued = { name: `odd: ${as}`, spec: { cn, kind, validity: '1000d' }, certificate, key, signer: by };
    issued.push(one);
    return one;
  };

  // defect/p384-signatures, defect/sec1-p384, defect/mixed-curves: curves that mix, SHA-512.
  const p384 = await make('p384-signer', 'signer', pool.take('p384'));
  await make('p384-leaf', 'serving', pool.take('p384'), p384);
  await make('p256-under-p384', 'serving', pool.take('p256'), p384);
  await make('rsa-under-p384', 'serving', pool.take('rsa2048'), p384);
  const p521 = await make('p521-signer', 'signer', pool.take('p521'));
  await make('p521-leaf', 'serving', pool.take('p521'), p521);
  const rsa = await make('rsa3072-signer', 'signer', pool.take('rsa3072'), undefined, {
    hash: 'sha512',
  });
  await make('sha512-leaf', 'serving', pool.take('rsa2048'), rsa, { hash: 'sha512' });
  const ed25519 = await make('ed25519-signer', 'signer', pool.take('ed25519'));
  await make('ed25519-leaf', 'client', pool.take('ed25519'), ed25519);
  // defect/key-forms: forms of keys are a matter of text; see odd-objects.ts.
  await make('p256-pkcs8', 'serving', pool.take('p256'), rsa);
  await make('p256-mislabelled', 'serving', pool.take('p256'), rsa);
  await make('rsa-pkcs8', 'serving', pool.take('rsa2048'), rsa);
  // defect/same-names: same names, same key, another certificate.
  const renewed = await make(
    'renewed',
    'serving',
    pool.take('rsa2048'),
    rsa,
    { serial: Uint8Array.of(0x11), notAfter: new Date(now.getTime() + 40 * 24 * hour) },
    'renewed, first',
  );
  await make('renewed', 'serving', renewed.key, rsa, { serial: Uint8Array.of(0x12) }, 'renewed, second');
  // defect/shared-key: two certificates on one stored key.
  const shared = await make('shared-key-a', 'serving', pool.take('rsa2048'), rsa);
  await make('shared-key-b', 'client', shared.key, rsa);
  // defect/lost-signer: its signer is nowhere in the cluster.
  const lost = await make('olm-selfsigned-0123456789abcdef', 'signer', pool.take('rsa2048'));
  issued.pop();
  const orphan = await make('orphan', 'client', pool.take('rsa2048'), lost);
  issued[issued.length - 1] = { ...orphan, signer: undefined };
  // defect/own-serial: an identifier that names issuer and serial of its own certificate.
  const selfKey = pool.take('rsa2048');
  const serial = Uint8Array.of(0x2b, 0x01);
  const subject = name('own-serial');
  await make('own-serial', 'signer', selfKey, undefined, {
    subject,
    serial,
    keyIds: undefined,
    extensions: [
      extension.basicConstraints(true),
      extension.subjectKeyId(keyIdOf(selfKey.public, 'rfc5280-1')),
      extension.authorityKeyId(keyIdOf(selfKey.public, 'rfc5280-1'), subject, serial),
    ],
  });
  // defect/beyond-2049
  await make('generalized-time', 'serving', pool.take('rsa2048'), rsa, { notAfter: new Date('2071-05-06T07:08:09Z') });
  await make('twice-in-a-bundle', 'signer', pool.take('rsa2048'));

  // scope/external: a certificate that a person told the cluster to trust, and one of its own with the very same names.
  const corporate = pool.take('rsa2048');
  const external = await makeCertificate({
    subject: name('corporate-ca'),
    key: corporate,
    keyIds: 'rfc5280-1',
    ...times,
    extensions: [extension.basicConstraints(true)],
  });
  const twin = await make('corporate-ca', 'signer', pool.take('rsa2048'));
  return { issued, external, externalTwin: twin.certificate };
}
