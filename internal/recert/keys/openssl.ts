import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createPrivateKey } from 'node:crypto';
import { Failure } from '../../errors/errors.ts';
import type { Host } from '../../host/host.ts';
import { temporaryFolder } from '../../host/files.ts';
import type { Curve, KeyShape, PrivateKey } from '../../pki/keys.ts';
import { privateKeyFrom, writePrivateKey } from '../../pki/keys.ts';
import type { Crypto } from './signing.ts';

/**
 * Keys and signatures by the host's `openssl`, for a host in FIPS mode: its library is the validated one, node's own is not.
 *
 * INVARIANTS
 * * A private key never stands in an argument, a log line or an error: it lies in a 0600 file in a folder of ours on tmpfs, for as
 *   long as the run lasts.
 * * No more programs run at a time than there are CPUs.
 * * The folder goes when the last program has ended: one that still writes a key would leave it behind.
 */
export async function openOpenssl(
  host: Host,
  memoryFolder = '/dev/shm',
  parallel = availableParallelism(),
): Promise<Crypto> {
  const folder = await temporaryFolder(memoryFolder, 'recert-');
  const turn = turnstile(parallel);
  const files = new Map<string, Promise<string>>();
  let last = 0;
  const nextFile = (): string => join(folder.path, String((last += 1)));

  /** The file that holds a key, written when the key is first used. */
  const fileOf = (key: PrivateKey): Promise<string> => {
    const known = files.get(key.public.id);
    if (known !== undefined) return known;
    const path = nextFile();
    const pem = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(writePrivateKey(key, 'pkcs8')).toString('base64')}\n-----END PRIVATE KEY-----\n`;
    const written = host.writeFile(path, pem).then(() => path);
    files.set(key.public.id, written);
    return written;
  };

  return {
    by: 'openssl',
    keyMaker: {
      make: (shape) =>
        turn(async () => {
          const path = nextFile();
          await host.run('openssl', ['genpkey', ...genpkeyArguments(shape), '-out', path]);
          const key = privateKeyFrom(createPrivateKey(await readFile(path)));
          files.set(key.public.id, Promise.resolve(path));
          return key;
        }),
    },
    signerOf: (key) => ({
      publicKey: key.public,
      sign: (data, hash) =>
        turn(async () => {
          const [keyFile, signature] = [await fileOf(key), nextFile()];
          if (hash === undefined) {
            const message = nextFile();
            await host.writeFile(message, data);
            await host.run('openssl', [
              'pkeyutl',
              '-sign',
              '-rawin',
              '-inkey',
              keyFile,
              '-in',
              message,
              '-out',
              signature,
            ]);
          } else {
            await host.run('openssl', ['dgst', `-${hash}`, '-sign', keyFile, '-out', signature], { input: data });
          }
          return new Uint8Array(await readFile(signature));
        }),
    }),
    [Symbol.asyncDispose]: async () => {
      await turn.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const curveNames: Readonly<Record<Curve, string>> = { 'P-256': 'P-256', 'P-384': 'P-384', 'P-521': 'P-521' };

function genpkeyArguments(shape: KeyShape): string[] {
  switch (shape.type) {
    case 'rsa':
      return ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${shape.bits}`];
    case 'ec':
      return [
        '-algorithm',
        'EC',
        '-pkeyopt',
        `ec_paramgen_curve:${curveNames[shape.curve]}`,
        '-pkeyopt',
        'ec_param_enc:named_curve',
      ];
    case 'ed25519':
      return ['-algorithm', 'ED25519'];
  }
}

type Turnstile = { <T>(work: () => Promise<T>): Promise<T>; readonly close: () => Promise<void> };

/** Lets so many through at a time, in the order they came. Closed, it lets nobody in and waits for those inside. */
function turnstile(most: number): Turnstile {
  let inside = 0;
  let closed = false;
  const queue: (() => void)[] = [];
  const working = new Set<Promise<unknown>>();
  const pass = async <T>(work: () => Promise<T>): Promise<T> => {
    if (inside >= most)
      await new Promise<void>((resolve) => {
        queue.push(resolve);
      });
    else inside += 1;
    try {
      if (closed) throw new Failure('the run that asked for a key has ended');
      const job = work();
      working.add(job);
      return await job.finally(() => working.delete(job));
    } finally {
      const next = queue.shift();
      if (next === undefined) inside -= 1;
      else next(); // the place is handed on, so that nobody slips in between
    }
  };
  return Object.assign(pass, {
    close: async () => {
      closed = true;
      await Promise.allSettled(working);
    },
  });
}
