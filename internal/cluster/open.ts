import type { Secret } from '../log/secret.ts';
import { askerOf, type Asker } from './ask.ts';
import { kindsOf, type Kinds } from './kinds.ts';
import { readKubeconfig, type Kubeconfig } from './kubeconfig.ts';
import type { Patience } from './retry.ts';
import { openWire } from './wire.ts';

export type { Kubeconfig } from './kubeconfig.ts';

export type ClusterOptions = {
  /** Longest silence of one attempt. Default: 30 s. */
  readonly answerMs?: number;
  /** Patience of every call. */
  readonly patience?: Patience;
  /** What stands nowhere in what is told, whoever says it: the pull secret, above all. */
  readonly secrets?: readonly Secret[];
};

/** A cluster whose API may or may not be up. Dispose it to close connections. */
export type Cluster = Disposable & {
  /** `host:port`, as the kubeconfig has it. */
  readonly server: string;
  /** One request, one answer, no patience. */
  readonly ask: Asker;
  /** What kinds the API serves, and where. */
  readonly kinds: Kinds;
  readonly patience: Patience;
};

/**
 * Reads the kubeconfig and gets ready; sends nothing.
 * @throws UsageError naming the kubeconfig and its problem
 */
export async function openCluster(kubeconfig: Kubeconfig, options: ClusterOptions = {}): Promise<Cluster> {
  const access = await readKubeconfig(kubeconfig);
  const wire = openWire(access, options.answerMs ?? 30_000);
  const ask = askerOf(wire, access.server.host, options.secrets ?? []);
  return {
    server: access.server.host,
    ask,
    kinds: kindsOf(ask),
    patience: options.patience ?? {},
    [Symbol.dispose]() {
      wire[Symbol.dispose]();
    },
  };
}
