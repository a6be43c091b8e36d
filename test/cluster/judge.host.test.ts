import assert from 'node:assert/strict';
import { test } from 'tap';
import { readJwt } from '../../internal/pki/jwt.ts';
import { cn, makeCertificate } from '../certificates/make.ts';
import { keyPem, pemOf } from '../certificates/pem.ts';
import { judgeMissing } from './apiserver/build.ts';
import { makeCluster } from './cluster.ts';
import { identitiesOf, judge, type Identities } from './judge.ts';
import { keyPool } from './keys.ts';
import { signToken } from './tokens.ts';

const skip = await judgeMissing();
const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** Identities of the same names that no key of the cluster has signed. */
async function forged(of: Identities): Promise<Identities> {
  const key = (await keyPool(1)).take('rsa2048');
  const other = (await keyPool(1)).take('rsa3072');
  const authority = await makeCertificate({ subject: cn('kube-control-plane-signer'), key });
  const leaf = await makeCertificate({
    subject: cn('system:admin'),
    key: other,
    by: { certificate: authority, key },
    notBefore: new Date(Date.now() - 60_000),
  });
  return {
    serverCa: pemOf('CERTIFICATE', authority.der),
    clients: [{ name: 'a forged system:admin', certificate: pemOf('CERTIFICATE', leaf.der), key: keyPem(other) }],
    tokens: of.tokens.map(({ name, token }) => ({
      name,
      token: signToken(key, JSON.parse(Buffer.from(readJwt(token)?.payload ?? '', 'base64url').toString()) as object),
    })),
  };
}

await test(
  'the real API server runs on a generated cluster, accepts its identities, and refuses forged ones',
  { skip },
  async () => {
    await using cluster = await makeCluster({ size: 'small' });
    const now = await identitiesOf(cluster);
    assert.deepEqual([now.clients.length, now.tokens.length], [3, 5]);
    const { faults, transcript } = await judge(cluster, await forged(now), say);
    assert.deepEqual(faults, []);
    assert.equal(transcript.filter((line) => line.startsWith('right: refuses')).length, 6);
    assert.equal(transcript.filter((line) => line.startsWith('right: the old CA does not verify')).length, 3);
  },
);

await test(
  'the judge finds fault with a cluster that was not renewed, when its old identities ought to be refused',
  { skip },
  async () => {
    await using cluster = await makeCluster({ size: 'small' });
    const { faults } = await judge(cluster, await identitiesOf(cluster), say);
    assert.equal(faults.length, 3 + 3 + 5, 'three names under the old CA, three certificates, five tokens');
    assert.ok(
      faults.includes('refuses old token of system:serviceaccount:openshift-dns:node (201)'),
      faults.join('\n'),
    );
  },
);
