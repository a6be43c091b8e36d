import { X509Certificate } from 'node:crypto';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Say } from '../vm/artefacts/cache.ts';
import { startApiServer, type Answer, type ApiServer } from './api-server.ts';
import type { Cluster } from './cluster.ts';
import { domainOf, type Identity } from './identity.ts';
import { newestRevision } from './names.ts';

/** Who may talk to the API server of a cluster, and what it is recognised by: read from the files as they are now. */
export type Identities = {
  /** The bundle that kubeconfigs of the node trust. */
  readonly serverCa: string;
  readonly clients: readonly { readonly name: string; readonly certificate: string; readonly key: string }[];
  readonly tokens: readonly { readonly name: string; readonly token: string }[];
};

/** `faults` is empty when the server said what was expected each time; the transcript has one line for each question. */
export type Verdict = {
  readonly transcript: readonly string[];
  readonly faults: readonly string[];
  readonly readyMs: number;
};

/** Reads the identities. Take them before a renewal, to see the old ones refused after it. */
export async function identitiesOf({ root }: Pick<Cluster, 'root'>): Promise<Identities> {
  const resources = join(root, 'kubernetes/static-pod-resources');
  const secrets = join(resources, 'kube-apiserver-certs/secrets');
  const kubeconfig = await readFile(join(secrets, 'node-kubeconfigs/lb-int.kubeconfig'), 'utf8');
  const embedded = (name: string): string =>
    Buffer.from(new RegExp(`${name}: (\\S+)`).exec(kubeconfig)?.[1] ?? '', 'base64').toString();
  const clients = [
    {
      name: 'system:admin (lb-int.kubeconfig)',
      certificate: embedded('client-certificate-data'),
      key: embedded('client-key-data'),
    },
  ];
  for await (const path of glob('{control-plane-node-admin-client-cert-key,check-endpoints-client-cert-key}/tls.crt', {
    cwd: secrets,
  })) {
    clients.push({
      name: path.split('/')[0] ?? '',
      certificate: await readFile(join(secrets, path), 'utf8'),
      key: await readFile(join(secrets, path.replace('.crt', '.key')), 'utf8'),
    });
  }
  for await (const path of glob('kubelet/pki/kubelet-client-*.pem', { cwd: root })) {
    const both = await readFile(join(root, path), 'utf8');
    clients.push({ name: 'kubelet', certificate: both, key: both });
  }
  const tokens: { name: string; token: string }[] = [];
  for await (const path of glob(
    [
      `kubernetes/static-pod-resources/*-pod-${newestRevision}/secrets/localhost-recovery-client-token/token`,
      'kubelet/pods/*/volumes/kubernetes.io~projected/*/..20*/token',
    ],
    { cwd: root },
  )) {
    const token = await readFile(join(root, path), 'utf8');
    tokens.push({ name: subjectOf(token), token });
  }
  return { serverCa: embedded('certificate-authority-data'), clients, tokens };
}

/**
 * Starts the real server on the cluster as it is now and asks it. All identities of the cluster must be accepted under their own
 * names, and all of `old` refused; `identity` is whose names the API server's certificates bear now. The cluster is used up afterwards: the server writes to its etcd.
 */
export async function judge(
  cluster: Cluster,
  old: Identities | undefined,
  say?: Say,
  identity: Identity = cluster.seed,
): Promise<Verdict> {
  const now = await identitiesOf(cluster);
  const transcript: string[] = [];
  const faults: string[] = [];
  const note = (says: string, isRight: boolean): void => {
    transcript.push(`${isRight ? 'right' : 'WRONG'}: ${says}`);
    if (!isRight) faults.push(says);
  };
  await using server = await startApiServer(cluster, say);
  note(`the server is ready after ${(server.readyMs / 1000).toFixed(1)} s: its Secrets and ConfigMaps decode`, true);
  for (const name of ['localhost', `api-int.${domainOf(identity)}`, 'kubernetes.default.svc'])
    await servingChain(server, name, now.serverCa, old?.serverCa, note);
  for (const { name, ...client } of now.clients)
    welcomed(
      name,
      new X509Certificate(client.certificate).subject
        .split('\n')
        .find((part) => part.startsWith('CN='))
        ?.slice(3) ?? '',
      await review(server, { client }),
      note,
    );
  for (const { name, token } of now.tokens) welcomed(`token of ${name}`, name, await review(server, { token }), note);
  for (const { name, ...client } of old?.clients ?? [])
    refused(`old certificate of ${name}`, await review(server, { client }), note);
  for (const { name, token } of old?.tokens ?? [])
    refused(`old token of ${name}`, await review(server, { token }), note);
  const [admin] = now.clients;
  for (const [kind, count] of [
    ['secrets', cluster.inventory.counts.secrets],
    ['configmaps', cluster.inventory.counts.configMaps],
  ] as const) {
    const { status, body } = await server.ask({
      path: `/api/v1/${kind}`,
      ...(admin === undefined ? {} : { client: admin }),
    });
    const { items = [] } = (body ?? {}) as { items?: unknown[] };
    // The server adds some of its own.
    note(
      `lists ${items.length} ${kind} (${status ?? 'no answer'}), at least ${count} expected`,
      status === 200 && items.length >= count,
    );
  }
  return { transcript, faults, readyMs: server.readyMs };
}

type Note = (says: string, isRight: boolean) => void;

async function servingChain(
  server: ApiServer,
  name: string,
  ca: string,
  oldCa: string | undefined,
  note: Note,
): Promise<void> {
  const { status, served, trouble } = await server.ask({ path: '/livez', name, ca });
  note(
    `serves "${name}" with a chain that verifies (${served === undefined ? (trouble ?? '') : `CN ${String(served.subject.CN)}`})`,
    status === 200,
  );
  if (oldCa === undefined) return;
  const before = await server.ask({ path: '/livez', name, ca: oldCa });
  note(
    `the old CA does not verify "${name}" (${before.trouble ?? `status ${before.status ?? ''}`})`,
    before.trouble !== undefined && /CERT|SIGNATURE|VERIFY/.test(before.trouble),
  );
}

/** The server's own word on who is talking. */
function review(
  server: ApiServer,
  identity: { client?: { certificate: string; key: string }; token?: string },
): Promise<Answer> {
  return server.ask({
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    ...identity,
  });
}

function welcomed(name: string, expected: string, { status, body, trouble }: Answer, note: Note): void {
  const user = (body as { status?: { userInfo?: { username?: string } } } | undefined)?.status?.userInfo?.username;
  note(`accepts ${name} as "${user ?? ''}" (${status ?? trouble ?? ''})`, status === 201 && user === expected);
}

function refused(name: string, { status, trouble }: Answer, note: Note): void {
  note(`refuses ${name} (${status ?? trouble ?? ''})`, status === 401);
}

function subjectOf(token: string): string {
  const { sub } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub?: string };
  return sub ?? '';
}
