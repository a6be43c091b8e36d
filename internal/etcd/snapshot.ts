import type { Etcd3 } from 'etcd3';
import { createHash } from 'node:crypto';
import { Failure } from '../errors/errors.ts';
import { writeStreamDurably } from '../host/files.ts';

/** etcd sends its database and, behind it, the SHA-256 of the database. `etcdctl snapshot restore` wants both. */
const digestBytes = 32;

/** Silence after which the stream counts as lost, in milliseconds. */
const silenceMs = 30_000;

/** Saves the whole database to a file of mode 0600. The file appears only when its digest is right. Returns its size in bytes. */
export async function saveSnapshot(client: Etcd3, path: string, stop: AbortSignal): Promise<number> {
  // gRPC's own stream: an object stream of Node that can be cancelled. etcd3's type shows only its events.
  const messages = (await client.maintenance.snapshot()) as unknown as AsyncIterable<{ readonly blob: Buffer }> & {
    cancel(): void;
    on(event: 'error', listener: () => void): void;
  };
  // When the file cannot be written nobody reads on, and the cancelled stream would end the process by an error that nobody hears.
  messages.on('error', () => undefined);
  const cancel = (): void => {
    messages.cancel();
  };
  stop.addEventListener('abort', cancel, { once: true });
  let size = 0;
  try {
    await writeStreamDurably(
      path,
      checked(messages, cancel, (bytes) => {
        size += bytes;
      }),
    );
  } finally {
    stop.removeEventListener('abort', cancel);
    cancel();
  }
  return size;
}

async function* checked(
  messages: AsyncIterable<{ readonly blob: Buffer }>,
  cancel: () => void,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let tail = Buffer.alloc(0);
  const timer = setTimeout(cancel, silenceMs);
  try {
    for await (const { blob } of messages) {
      timer.refresh();
      count(blob.length);
      const all = Buffer.concat([tail, blob]);
      hash.update(all.subarray(0, -digestBytes));
      tail = Buffer.from(all.subarray(-digestBytes));
      yield blob;
    }
  } finally {
    clearTimeout(timer);
  }
  if (tail.length < digestBytes || !hash.digest().equals(tail))
    throw new Failure('the snapshot that etcd sent is damaged: its digest does not fit', {
      transient: true,
      next: 'start again; if it stays so, the data directory of etcd is damaged',
    });
}
