import { availableParallelism } from 'node:os';
import type { Host } from '../../host/host.ts';
import { kernelIsInFipsMode } from '../../host/machine.ts';
import { nodeKeyMaker, nodeSigner } from '../../pki/signer.ts';
import { openKeyWorkers } from './key-workers.ts';
import { openOpenssl } from './openssl.ts';
import type { Crypto } from './signing.ts';

/** libuv's own threads: more CPUs than these are not used by `generateKeyPair`. */
const libuvThreads = 4;

/** Opens the cryptography that fits this host; `fips` left out asks the kernel. */
export async function openCrypto(
  host: Host,
  fips: boolean | undefined,
  cpus = availableParallelism(),
): Promise<Crypto> {
  if (fips ?? (await kernelIsInFipsMode())) return openOpenssl(host);
  if (cpus <= libuvThreads)
    return { by: 'node', keyMaker: nodeKeyMaker, signerOf: nodeSigner, [Symbol.asyncDispose]: () => Promise.resolve() };
  const workers = openKeyWorkers(cpus);
  return {
    by: 'node',
    keyMaker: workers,
    signerOf: nodeSigner,
    [Symbol.asyncDispose]: () => workers[Symbol.asyncDispose](),
  };
}
