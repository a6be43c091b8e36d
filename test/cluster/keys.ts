import { createPrivateKey, generateKeyPair } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { privateKeyFrom, type PrivateKey } from '../../internal/pki/keys.ts';
import { ensure, type Artefact, type Say } from '../vm/artefacts/cache.ts';

/*
 * Keys are what a generated cluster costs: they are made once for this machine, and handed out in a fixed order, so that the same
 * cluster has the same keys until the cache is thrown away. They protect nothing.
 */

export type KeyKind = 'rsa2048' | 'rsa3072' | 'rsa4096' | 'p256' | 'p384' | 'p521' | 'ed25519';
export type KeyPool = { /** The next key of this kind. */ take(kind: KeyKind): PrivateKey };

/** How many keys of each kind the first shelf holds, and each of the further ones that a large cluster takes. */
const stock: Readonly<Record<KeyKind, number>> = {
  rsa2048: 190,
  rsa3072: 2,
  rsa4096: 6,
  p256: 40,
  p384: 8,
  p521: 6,
  ed25519: 6,
};
const furtherStock: Readonly<Record<KeyKind, number>> = {
  rsa2048: 190,
  rsa3072: 0,
  rsa4096: 2,
  p256: 20,
  p384: 0,
  p521: 0,
  ed25519: 0,
};

const written = {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
} as const;
type Made = (error: Error | null, publicKey: string, privateKey: string) => void;
const made = (start: (done: Made) => void): Promise<string> =>
  new Promise((resolve, reject) => {
    start((error, _, privateKey) => {
      if (error === null) resolve(privateKey);
      else reject(error);
    });
  });
const makeRsa = (modulusLength: number): Promise<string> =>
  made((done) => {
    generateKeyPair('rsa', { modulusLength, ...written }, done);
  });
const makeEc = (namedCurve: string): Promise<string> =>
  made((done) => {
    generateKeyPair('ec', { namedCurve, ...written }, done);
  });
const makers: Readonly<Record<KeyKind, () => Promise<string>>> = {
  rsa2048: () => makeRsa(2048),
  rsa3072: () => makeRsa(3072),
  rsa4096: () => makeRsa(4096),
  p256: () => makeEc('P-256'),
  p384: () => makeEc('P-384'),
  p521: () => makeEc('P-521'),
  ed25519: () =>
    made((done) => {
      generateKeyPair('ed25519', written, done);
    }),
};

type Shelf = Readonly<Record<KeyKind, readonly string[]>>;

function shelf(number: number, say: Say): Promise<Artefact> {
  return ensure(
    {
      name: 'cluster-keys',
      sources: [import.meta.url],
      inputs: { number },
      async build(dir) {
        const kinds = Object.keys(stock) as KeyKind[]; // keys of the literal above
        // 4096-bit keys first: they take longest, and node makes four at a time.
        const order = kinds.sort((a, b) => Number(b === 'rsa4096') - Number(a === 'rsa4096'));
        const keys = order.map(
          async (kind) =>
            [
              kind,
              await Promise.all(Array.from({ length: (number === 0 ? stock : furtherStock)[kind] }, makers[kind])),
            ] as const,
        );
        await writeFile(`${dir}/keys.json`, JSON.stringify(Object.fromEntries(await Promise.all(keys))), {
          mode: 0o600,
        });
      },
    },
    say,
  );
}

/** A pool that holds at least `rsa2048` keys of 2048 bits; the first call on a machine makes them. */
export async function keyPool(rsa2048: number, say: Say = () => undefined): Promise<KeyPool> {
  const shelves: Shelf[] = [];
  for (let number = 0; number === 0 || number * stock.rsa2048 < rsa2048; number += 1) {
    const file = (await shelf(number, say)).path('keys.json');
    shelves.push(JSON.parse(await readFile(file, 'utf8')) as Shelf); // written by `shelf`
  }
  const taken = new Map<KeyKind, number>();
  return {
    take(kind) {
      const at = taken.get(kind) ?? 0;
      taken.set(kind, at + 1);
      const pem = shelves.flatMap((one) => one[kind]).at(at);
      if (pem === undefined) throw new Error(`the key pool has only ${at} keys of kind ${kind}`);
      return privateKeyFrom(createPrivateKey(pem));
    },
  };
}
