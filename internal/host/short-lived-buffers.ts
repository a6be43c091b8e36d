import { setFlagsFromString } from 'node:v8';

/**
 * Tells V8, once for the life of the process, that gigabytes of buffers are about to pass through.
 *
 * Node's streams make a new buffer for every piece. V8 has a limit of its own for memory outside its heap, and each time some 14 MB of
 * buffers have come and gone it marks the whole heap of 20 MB, on threads that the inflaters want: that was a third of all processor
 * time of streaming a seed (bench/README.md). Counted in the limit of the heap itself, they go with the young generation,
 * which the executable keeps small (build/executable.ts).
 *
 * Not a flag of the executable: with any flag that the Node build did not have, V8 rejects the code cache of Node's own modules, and
 * each start takes 17 ms more.
 */
export function expectShortLivedBuffers(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  setFlagsFromString('--heap-growing-percent=400'); // room for the buffers between two collections of a small heap
}
