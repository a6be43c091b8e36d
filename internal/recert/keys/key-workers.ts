import type { KeyObject } from 'node:crypto';
import { setPriority } from 'node:os';
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
  const threads = Array.from({ length: Math.min(cpus, mostThreads) }, () => {
    // What both sides see: the thread's number for the kernel, and whether it is in a hurry.
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const workerData = { nice: options.idle === true ? lowest : 0, shared };
    return {
      shared,
      worker: new Worker(threadSource, { eval: true, name: 'keys', resourceLimits: smallHeap, workerData }),
    };
  });
  const all = threads.map(({ worker }) => worker);
  const idle = [...all];
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
      if (options.idle === true) for (const { shared } of threads) hurryThread(shared);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map((worker) => worker.terminate()));
    },
  };
}

export type KeyWorkers = KeyMaker &
  AsyncDisposable & {
    /** Threads of the lowest priority get the usual one, in the middle of a key: on a busy host that key might else take minutes. */
    readonly hurry: () => void;
  };

const mostThreads = 8;
const lowest = 19;
const smallHeap = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 8 };

function hurryThread(shared: Int32Array): void {
  Atomics.store(shared, 1, 1); // a thread that has not begun yet sees this
  const thread = Atomics.load(shared, 0);
  try {
    if (thread !== 0) setPriority(thread, 0);
  } catch {
    // Not allowed, or just ended: then the keys come later.
  }
}

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
const { readlinkSync } = require('node:fs');
// Linux keeps a priority for each thread; 0 is the calling one. What is refused only makes the keys come at another time.
const become = (nice) => { try { setPriority(0, nice); } catch {} };
if (workerData.nice !== 0) {
  const { nice, shared } = workerData;
  try { Atomics.store(shared, 0, Number(readlinkSync('/proc/thread-self').split('/').at(-1))); } catch {}
  if (Atomics.load(shared, 1) === 0) become(nice);
  if (Atomics.load(shared, 1) === 1) become(0);
}
const curves = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' };
parentPort.on('message', (shape) => {
  const options = shape.type === 'rsa' ? { modulusLength: shape.bits, publicExponent: 0x10001 } : shape.type === 'ec' ? { namedCurve: curves[shape.curve] } : {};
  parentPort.postMessage(generateKeyPairSync(shape.type, options).privateKey);
});`;
