import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cluster } from '../../test/cluster/cluster.ts';
import { findingsIn } from '../../test/cluster/findings.ts';
import type { InventoryPlace } from '../../test/cluster/inventory.ts';
import { openEtcd, type Etcd } from '../../internal/etcd/etcd.ts';

const run = promisify(execFile);

/** A pair as openssl sees it now: the PEM texts at its first places. */
export type SeenPair = { readonly name: string; readonly certificate: string; readonly key: string | undefined; readonly notBefore: Date; readonly notAfter: Date };

/** Reads all pairs of the inventory from where they stand now. */
export async function pairsOf(cluster: Cluster): Promise<Map<string, SeenPair>> {
  await using etcd = await openEtcd(cluster.endpoint);
  const pairs = new Map<string, SeenPair>();
  for (const { name, certificateAt, keyAt } of cluster.inventory.pairs) {
    const certificate = await textAt(cluster, etcd, certificateAt[0]);
    if (certificate === undefined) throw new Error(`nothing stands where ${name} was`);
    const { validFromDate: notBefore, validToDate: notAfter } = new X509Certificate(certificate);
    pairs.set(name, { name, certificate, key: await textAt(cluster, etcd, keyAt[0]), notBefore, notAfter });
  }
  return pairs;
}

/** What openssl finds wrong: chains that do not verify (at any time), keys that do not fit. Nothing of ours takes part. */
export async function faultsByOpenssl(cluster: Cluster, pairs: ReadonlyMap<string, SeenPair>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'recert-openssl-'));
  const faults: string[] = [];
  try {
    for (const { name, signer } of cluster.inventory.pairs) {
      const [pair, by] = [pairs.get(name), pairs.get(signer)];
      if (pair === undefined || by === undefined) throw new Error(`no pair ${name} or ${signer}`);
      const [certificate, authority, key] = ['cert.pem', 'ca.pem', 'key.pem'].map((file) => join(folder, file)) as [string, string, string];
      await writeFile(certificate, pair.certificate);
      await writeFile(authority, by.certificate);
      const verified = await run('openssl', ['verify', '-no_check_time', '-partial_chain', '-no-CAfile', '-no-CApath', '-trusted', authority, certificate]).then(() => undefined, (error: unknown) => String(error));
      if (verified !== undefined) faults.push(`${name}: ${verified}`);
      if (pair.key === undefined) continue;
      await writeFile(key, pair.key);
      const [{ stdout: ofCertificate }, { stdout: ofKey }] = [await run('openssl', ['x509', '-in', certificate, '-noout', '-pubkey']), await run('openssl', ['pkey', '-in', key, '-pubout'])];
      if (ofCertificate !== ofKey) faults.push(`${name}: its key is another`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return faults;
}

async function textAt(cluster: Cluster, etcd: Etcd, place: InventoryPlace | undefined): Promise<string | undefined> {
  if (place === undefined) return undefined;
  const { document, index } = place;
  const bytes = document.startsWith('etcd:') ? (await etcd.get(document.slice(5)))?.value : await readFile(join(cluster.root, document.slice('file:'.length)));
  return bytes === undefined ? undefined : findingsIn(bytes)[index]?.text;
}
