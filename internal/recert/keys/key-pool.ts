import { availableParallelism } from 'node:os';
import type { KeyShape, PrivateKey } from '../../pki/keys.ts';
import { shapeText } from '../../pki/keys.ts';
import type { KeyMaker } from '../../pki/signer.ts';

/**
 * Makes keys before anybody knows how many are needed: the scan waits for disk and etcd, and RSA keys are nearly all of the work.
 *
 * INVARIANTS
 * * Keys of the longest making go first: a 4096-bit key begun last would have one core to itself while the others idle.
 * * No more keys are being made at a time than there are CPUs: the scan's own thread must get its share.
 * * `fit` drops what was only guessed and not begun, and adds what was not guessed. What was begun and is not needed is thrown away.
 */
export type KeyPool = {
  /** How many keys of each shape the run takes in all. */
  readonly fit: (need: readonly KeyShape[]) => void;
  /** A key that nobody else gets. */
  readonly take: (shape: KeyShape) => Promise<PrivateKey>;
  /** Resolves when everything that was fitted is made. */
  readonly settled: () => Promise<void>;
  readonly [Symbol.dispose]: () => void;
};

/** What a cluster of 2025 asks for: service-account keys and OLM's of 4096 bits, everything else of 2048. The scan says the truth. */
export const usualNeed: readonly KeyShape[] = [
  ...Array.from({ length: 3 }, (): KeyShape => ({ type: 'rsa', bits: 4096 })),
  ...Array.from({ length: 120 }, (): KeyShape => ({ type: 'rsa', bits: 2048 })),
];

type Waiter = { readonly resolve: (key: PrivateKey) => void; readonly reject: (error: unknown) => void };

export function openKeyPool(maker: KeyMaker, guess: readonly KeyShape[], parallel = availableParallelism()): KeyPool {
  let queue = byCost(guess);
  const made = new Map<string, PrivateKey[]>();
  const waiting = new Map<string, Waiter[]>();
  const running = new Map<string, number>();
  const idle: (() => void)[] = [];
  let failure: { readonly error: unknown } | undefined;
  let closed = false;

  const count = (of: ReadonlyMap<string, number>): number => [...of.values()].reduce((sum, one) => sum + one, 0);
  const add = (name: string, by: number): void => {
    running.set(name, (running.get(name) ?? 0) + by);
  };

  const fail = (error: unknown): void => {
    failure ??= { error };
    queue = [];
    for (const waiter of [...waiting.values()].flat()) waiter.reject(error);
    waiting.clear();
  };

  const begin = (): void => {
    while (!closed && failure === undefined && count(running) < parallel) {
      const shape = queue.shift();
      if (shape === undefined) break;
      const name = shapeText(shape);
      add(name, 1);
      maker
        .make(shape)
        .then((key) => {
          const waiter = waiting.get(name)?.shift();
          if (waiter === undefined) made.set(name, [...(made.get(name) ?? []), key]);
          else waiter.resolve(key);
        }, fail)
        .finally(() => {
          add(name, -1);
          begin();
        });
    }
    if (count(running) === 0) for (const done of idle.splice(0)) done();
  };

  begin();
  return {
    fit: (need) => {
      const wanted = Map.groupBy(need, shapeText);
      queue = byCost(
        [...wanted].flatMap(([name, shapes]) => shapes.slice((made.get(name)?.length ?? 0) + (running.get(name) ?? 0))),
      );
      begin();
    },
    take: (shape) => {
      const name = shapeText(shape);
      const ready = made.get(name)?.shift();
      if (ready !== undefined) return Promise.resolve(ready);
      if (failure !== undefined)
        return Promise.reject(failure.error instanceof Error ? failure.error : new Error(String(failure.error)));
      return new Promise((resolve, reject) => {
        const waiters = [...(waiting.get(name) ?? []), { resolve, reject }];
        waiting.set(name, waiters);
        // What is queued or under way may be meant for the waiters before: there is one for each, or one is added.
        const coming = (running.get(name) ?? 0) + queue.filter((queued) => shapeText(queued) === name).length;
        if (coming < waiters.length) queue = byCost([...queue, shape]);
        begin();
      });
    },
    settled: async () => {
      if (count(running) > 0 || queue.length > 0)
        await new Promise<void>((resolve) => {
          idle.push(resolve);
        });
      if (failure !== undefined) throw failure.error;
    },
    [Symbol.dispose]: () => {
      closed = true;
      queue = [];
    },
  };
}

function byCost(shapes: readonly KeyShape[]): KeyShape[] {
  const cost = (shape: KeyShape): number => (shape.type === 'rsa' ? shape.bits : 0);
  return shapes.toSorted((one, other) => cost(other) - cost(one));
}
