import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { Failure } from '../../errors/errors.ts';
import type { KeyShape, PrivateKey } from '../../pki/keys.ts';
import { privateKeyFrom } from '../../pki/keys.ts';
import type { KeyMaker } from '../../pki/signer.ts';

/**
 * Keys from threads of our own, for hosts with more CPUs than libuv has threads (4, fixed when it is first used, long before this). A
 * thread costs 10 MB, measured with small heaps, so there are never more than 8: the 130 keys of a cluster take a second then.
 * Keys travel as `KeyObject`, by reference: no key bytes pass through a message.
 */
export function openKeyWorkers(cpus: number, options: { readonly idle?: boolean } = {}): KeyWorkers {
  const idle: Worker[] = Array.from(
    { length: Math.min(cpus, mostThreads) },
    () =>
      new Worker(threadSource, {
        eval: true,
        name: 'keys',
        resourceLimits: smallHeap,
        workerData: { nice: options.idle === true ? lowest : 0 },
      }),
  );
  const all = [...idle];
  const queue: ((worker: Worker) => void)[] = [];
  const release = (worker: Worker): void => {
    const next = queue.shift();
    if (next === undefined) idle.push(worker);
    else next(worker);
  };
  for (const worker of all) worker.unref(); // a guessed key nobody needs must not keep the program alive
  return {
    make: async (shape) => {
      const worker =
        idle.shift() ??
        (await new Promise<Worker>((resolve) => {
          queue.push(resolve);
        }));
      try {
        return await made(worker, shape);
      } finally {
        release(worker);
      }
    },
    hurry: () => {
      for (const worker of all) worker.postMessage({ nice: 0 });
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map((worker) => worker.terminate()));
    },
  };
}

export type KeyWorkers = KeyMaker &
  AsyncDisposable & {
    /** Threads of the lowest priority get the usual one, each when its key is made. */
    readonly hurry: () => void;
  };

const mostThreads = 8;
const lowest = 19;
const smallHeap = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 8 };

function made(worker: Worker, shape: KeyShape): Promise<PrivateKey> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => (): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit).unref();
      act();
    };
    const onMessage = (key: KeyObject): void => {
      settle(() => {
        resolve(privateKeyFrom(key));
      })();
    };
    const onError = (error: Error): void => {
      settle(() => {
        reject(error);
      })();
    };
    const onExit = (): void => {
      settle(() => {
        reject(new Failure('a thread that makes keys ended'));
      })();
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit).ref();
    worker.postMessage(shape);
  });
}

/** Text, not a file: a single executable has no file that a thread could be started from. */
const threadSource = `
const { generateKeyPairSync } = require('node:crypto');
const { parentPort, workerData } = require('node:worker_threads');
const { setPriority } = require('node:os');
// Linux keeps a priority for each thread; 0 is the calling one. Raising it again may be refused, and then the keys come later.
const become = (nice) => { try { setPriority(0, nice); } catch {} };
if (workerData.nice !== 0) become(workerData.nice);
const curves = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' };
parentPort.on('message', (shape) => {
  if (shape.nice !== undefined) return become(shape.nice);
  const options = shape.type === 'rsa' ? { modulusLength: shape.bits, publicExponent: 0x10001 } : shape.type === 'ec' ? { namedCurve: curves[shape.curve] } : {};
  parentPort.postMessage(generateKeyPairSync(shape.type, options).privateKey);
});`;
