import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { Failure } from '../errors/errors.ts';
import type { KeyShape, PrivateKey } from '../pki/keys.ts';
import { privateKeyFrom } from '../pki/keys.ts';
import type { KeyMaker } from '../pki/signer.ts';

/**
 * Keys from threads of our own, for hosts with more CPUs than libuv has threads (4, fixed when it is first used, long before this). A
 * thread costs 10 MB, measured with small heaps, so there are never more than 8: the 130 keys of a cluster take a second then.
 * Keys travel as `KeyObject`, by reference: no key bytes pass through a message.
 */
export function openKeyWorkers(cpus: number): KeyMaker & AsyncDisposable {
  const threads = Array.from({ length: Math.min(cpus, mostThreads) }, openThread);
  const places = Array.from({ length: ahead }, () => threads).flat();
  const queue: ((thread: Thread) => void)[] = [];
  const release = (thread: Thread): void => {
    const next = queue.shift();
    if (next === undefined) places.push(thread);
    else next(thread);
  };
  return {
    make: async (shape) => {
      const thread = places.shift() ?? await new Promise<Thread>((resolve) => { queue.push(resolve); });
      try {
        return await thread.make(shape);
      } finally {
        release(thread);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(threads.map((thread) => thread.end()));
    },
  };
}

const mostThreads = 8;
const smallHeap = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 8 };

/** Keys asked of a thread at a time: while our own loop is busy, a thread begins the next one by itself. */
const ahead = 2;

type Thread = { readonly make: (shape: KeyShape) => Promise<PrivateKey>; readonly end: () => Promise<unknown> };

function openThread(): Thread {
  const worker = new Worker(threadSource, { eval: true, name: 'keys', resourceLimits: smallHeap });
  const asked: PromiseWithResolvers<PrivateKey>[] = [];
  let broken: Error | undefined;
  const answered = (): PromiseWithResolvers<PrivateKey> | undefined => {
    const first = asked.shift();
    if (asked.length === 0) worker.unref(); // a guessed key that nobody needs must not keep the program alive
    return first;
  };
  const fail = (error: Error): void => {
    broken ??= error;
    while (asked.length > 0) answered()?.reject(broken);
  };
  worker.on('message', (key: KeyObject) => {
    try {
      answered()?.resolve(privateKeyFrom(key));
    } catch (error) {
      fail(error instanceof Error ? error : new Failure('a key that was made cannot be read'));
    }
  });
  worker.on('error', (error) => { fail(error instanceof Error ? error : new Failure('a thread that makes keys failed')); });
  worker.on('exit', () => { fail(new Failure('a thread that makes keys ended')); });
  worker.unref();
  return {
    make: (shape) => {
      if (broken !== undefined) return Promise.reject(broken);
      const wanted = Promise.withResolvers<PrivateKey>();
      asked.push(wanted);
      worker.ref();
      worker.postMessage(shape);
      return wanted.promise;
    },
    end: () => worker.terminate(),
  };
}

/** Text, not a file: a single executable has no file that a thread could be started from. */
const threadSource = `
const { generateKeyPairSync } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
const curves = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' };
parentPort.on('message', (shape) => {
  const options = shape.type === 'rsa' ? { modulusLength: shape.bits, publicExponent: 0x10001 } : shape.type === 'ec' ? { namedCurve: curves[shape.curve] } : {};
  parentPort.postMessage(generateKeyPairSync(shape.type, options).privateKey);
});`;
