import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'tap';
import { judgeMissing } from '../../test/cluster/apiserver/build.ts';
import { listAt, textAt } from './object.ts';
import { approveOwnCsrs } from './own-csrs.ts';
import { listener, startTestApi, type As } from './test-api.ts';

const run = promisify(execFile);

/** A request as openssl writes it, which has no part in reading it. */
async function requestFor(subject: string, names = ''): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'csr-'));
  try {
    const to = join(folder, 'csr');
    await run('openssl', [
      ...[
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        join(folder, 'key'),
      ],
      ...['-subj', subject, '-out', to],
      ...(names === '' ? [] : ['-addext', `subjectAltName=${names}`]),
    ]);
    return (await readFile(to)).toString('base64');
  } finally {
    await rm(folder, { recursive: true });
  }
}

type Row = {
  readonly name: string;
  readonly as: As;
  readonly signer: 'kube-apiserver-client-kubelet' | 'kubelet-serving' | 'kube-apiserver-client';
  readonly usages: readonly string[];
  readonly subject: string;
  readonly names?: string;
  /** What is told of it; nothing for an approval. */
  readonly refused?: RegExp;
};

const node = 'site-node';
const self: As = { user: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] };
const bootstrap: As = {
  user: 'system:serviceaccount:openshift-machine-config-operator:node-bootstrapper',
  groups: [
    'system:serviceaccounts',
    'system:serviceaccounts:openshift-machine-config-operator',
    'system:authenticated',
  ],
};
const own = `/O=system:nodes/CN=system:node:${node}`;
const client = { signer: 'kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'] } as const;
const serving = {
  signer: 'kubelet-serving',
  usages: ['digital signature', 'key encipherment', 'server auth'],
} as const;
const right = `DNS:${node},IP:192.0.2.10,IP:2001:db8::10`;

const rows: readonly Row[] = [
  { name: 'client-by-bootstrapper', as: bootstrap, ...client, subject: own },
  { name: 'client-renewed', as: self, ...client, usages: [...client.usages, 'key encipherment'], subject: own },
  { name: 'serving', as: self, ...serving, subject: own, names: right },
  {
    name: 'of-another-node',
    as: { ...self, user: 'system:node:other' },
    ...client,
    subject: '/O=system:nodes/CN=system:node:other',
    refused: /"system:node:other" asks for it, and not this node/,
  },
  {
    name: 'bootstrapper-for-another',
    as: bootstrap,
    ...client,
    subject: '/O=system:nodes/CN=system:node:other',
    refused: /its common name is "system:node:other", not "system:node:site-node"/,
  },
  {
    name: 'by-a-stranger',
    as: { user: 'mallory', groups: ['system:nodes', 'system:authenticated'] },
    ...client,
    subject: own,
    refused: /"mallory" asks for it, and not this node/,
  },
  {
    name: 'names-in-client',
    as: self,
    ...client,
    subject: own,
    names: 'DNS:api.site.example',
    refused: /it asks for names beside that of the node/,
  },
  {
    name: 'foreign-address',
    as: self,
    ...serving,
    subject: own,
    names: `DNS:${node},IP:192.0.2.99`,
    refused: /not approved yet: .*"foreign-address": it asks for 192.0.2.99; the Node object has 192.0.2.10/,
  },
  {
    name: 'api-name',
    as: self,
    ...serving,
    subject: own,
    names: `DNS:${node},DNS:api.site.example`,
    refused: /it asks for api.site.example; the Node object has/,
  },
  {
    name: 'other-signer',
    as: self,
    signer: 'kube-apiserver-client',
    usages: ['client auth'],
    subject: '/O=anybody/CN=admin',
    refused: /its signer "kubernetes.io\/kube-apiserver-client" is none of a kubelet's/,
  },
];

await test('certificate requests on a real API server', { skip: await judgeMissing() }, async (t) => {
  await using api = await startTestApi();
  const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  await api.ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'may-ask' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-bootstrapper' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
  });
  const addresses = [
    { type: 'InternalIP', address: '192.0.2.10' },
    { type: 'InternalIP', address: '2001:db8:0::10' },
    { type: 'Hostname', address: node },
  ];
  const post = async (row: Row): Promise<number> => {
    const { status } = await api.ask(
      'POST',
      csrs,
      {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name: row.name },
        spec: {
          request: await requestFor(row.subject, row.names),
          signerName: `kubernetes.io/${row.signer}`,
          usages: row.usages,
        },
      },
      row.as,
    );
    return status;
  };
  const approved = async (): Promise<string[]> =>
    listAt((await api.ask('GET', csrs)).body, 'items')
      .filter((csr) => listAt(csr, 'status', 'conditions').some((entry) => textAt(entry, 'type') === 'Approved'))
      .map((csr) => textAt(csr, 'metadata', 'name'))
      .sort();

  await t.test('those of this node are approved, and no others', async () => {
    const heard = listener();
    using cluster = await api.open();
    for (const row of rows) assert.equal(await post(row), 201, row.name);
    const end = new AbortController();
    const running = approveOwnCsrs(cluster, { nodeName: node, signal: end.signal, pauseMs: 100 }, heard);
    while ((await approved()).length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(await approved(), ['client-by-bootstrapper', 'client-renewed'], 'no addresses are known yet');
    await api.ask('POST', '/api/v1/nodes', { metadata: { name: node } });
    await api.ask('PATCH', `/api/v1/nodes/${node}/status`, { status: { addresses } });
    while ((await approved()).length < 3) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 500));
    end.abort();
    const report = await running;
    assert.deepEqual(await approved(), ['client-by-bootstrapper', 'client-renewed', 'serving']);
    assert.deepEqual([...report.approved].sort(), ['client-by-bootstrapper', 'client-renewed', 'serving']);
    for (const { name, refused } of rows)
      if (refused !== undefined)
        assert.ok(
          heard.warned.some((line) => line.includes(`"${name}"`) && refused.test(line)),
          `${name}\n${heard.warned.join('\n')}`,
        );
    const left = report.refused.map((line) => line.split(':')[0] ?? '').filter((name) => name !== 'csr-x7k2p'); // that one is the seed's
    assert.deepEqual(left.sort(), rows.flatMap(({ name, refused }) => (refused === undefined ? [] : [name])).sort());
    assert.ok(
      heard.said.includes(
        'approved the certificate request "serving": serving certificate of the kubelet for site-node, 192.0.2.10, 2001:db8:0:0:0:0:0:10',
      ),
      heard.said.join('\n'),
    );
  });

  await t.test('trouble of the API does not end the watch, and what was lost is not approved twice', async () => {
    const heard = listener();
    using cluster = await api.open();
    const again = { ...rows[0], name: 'later' } as Row; // rows is not empty
    assert.equal(await post(again), 201);
    api.proxy.plan(({ method, count }) =>
      count === 1 ? { kind: 'reset' } : method === 'PUT' && count === 2 ? { kind: 'lost' } : undefined,
    );
    const end = new AbortController();
    const running = approveOwnCsrs(cluster, { nodeName: node, signal: end.signal, pauseMs: 50 }, heard);
    while (!(await approved()).includes('later')) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 800));
    end.abort();
    await running;
    assert.equal(api.proxy.passed.filter((line) => line.startsWith('PUT')).length, 1);
    assert.deepEqual(heard.said.filter((line) => line.includes('"later"')).length, 1);
  });
});
