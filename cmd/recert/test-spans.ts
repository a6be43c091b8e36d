import { X509Certificate } from 'node:crypto';
import type { Cluster } from '../../test/cluster/cluster.ts';
import { findingAt, gatherEvidence } from '../../test/cluster/evidence.ts';

/** From when to when each certificate of the inventory holds now, in milliseconds. */
export async function spansOf(cluster: Cluster): Promise<Map<string, { notBefore: number; notAfter: number }>> {
  const evidence = await gatherEvidence(cluster);
  return new Map(
    cluster.inventory.pairs.flatMap(({ name, certificateAt: [first] }) => {
      const found = first === undefined ? undefined : findingAt(evidence, first);
      if (found === undefined) return [];
      const { validFromDate, validToDate } = new X509Certificate(found.text);
      return [[name, { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() }] as const];
    }),
  );
}
