import '../../test/certificates/provider.ts';
import assert from 'node:assert/strict';
import {
  Name,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  type Extension,
} from '@peculiar/x509';
import { test } from 'tap';
import { extension } from '../../test/certificates/extensions.ts';
import { judgeCsr } from './csr-verdict.ts';
import type { JsonMap } from './object.ts';

/** Requests as another library writes them. Each row changes one thing of a request that is approved. */

const name = 'site-node';
const self = { username: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
const bootstrap = {
  username: 'system:serviceaccount:openshift-machine-config-operator:node-bootstrapper',
  groups: [
    'system:serviceaccounts',
    'system:serviceaccounts:openshift-machine-config-operator',
    'system:authenticated',
  ],
};
const node = {
  status: {
    addresses: [
      { type: 'InternalIP', address: '192.0.2.10' },
      { type: 'InternalIP', address: '2001:db8::10' },
      { type: 'Hostname', address: name },
    ],
  },
};
const right: Name = new Name([{ O: ['system:nodes'] }, { CN: [`system:node:${name}`] }]);

type Change = {
  readonly serving?: boolean;
  readonly spec?: JsonMap;
  readonly subject?: Name;
  readonly extensions?: readonly Extension[];
  readonly node?: JsonMap | undefined;
};

async function verdictOf({
  serving = false,
  spec = {},
  subject = right,
  extensions,
  ...rest
}: Change): Promise<string> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [...(extensions ?? (serving ? [extension.altNames([name], ['192.0.2.10', '2001:db8:0:0::10'])] : []))],
  });
  const csr = {
    metadata: { name: 'csr-1' },
    spec: {
      ...self,
      signerName: serving ? 'kubernetes.io/kubelet-serving' : 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'key encipherment', serving ? 'server auth' : 'client auth'],
      request: Buffer.from(request.toString('pem')).toString('base64'),
      ...spec,
    },
  };
  const verdict = judgeCsr(csr, name, 'node' in rest ? rest.node : node);
  return verdict.kind === 'approve' ? `approve: ${verdict.what}` : `${verdict.kind}: ${verdict.why}`;
}

const rows: readonly (readonly [says: string, change: Change, verdict: RegExp])[] = [
  ['of the node itself', {}, /^approve: client certificate of the kubelet$/],
  ['of the bootstrapper', { spec: bootstrap }, /^approve: client/],
  ['without key encipherment', { spec: { usages: ['digital signature', 'client auth'] } }, /^approve: client/],
  ['before there is a Node', { node: undefined }, /^approve: client/],
  ['for serving', { serving: true }, /^approve: serving certificate of the kubelet for site-node, 192\.0\.2\.10, /],
  [
    'for serving, with a name in capitals',
    { serving: true, extensions: [extension.altNames(['Site-Node'])] },
    /^approve/,
  ],
  ['for serving by the bootstrapper', { serving: true, spec: bootstrap }, /^refuse: .*and not this node/],
  [
    "of a signer that is not the kubelet's",
    { spec: { signerName: 'kubernetes.io/kube-apiserver-client' } },
    /^refuse: its signer/,
  ],
  ['of another node', { spec: { username: 'system:node:site-node2' } }, /^refuse: "system:node:site-node2" asks/],
  ['of the administrator', { spec: { username: 'system:admin' } }, /^refuse: "system:admin" asks/],
  [
    'of a bootstrapper elsewhere',
    { spec: { ...bootstrap, username: 'system:serviceaccount:other:node-bootstrapper' } },
    /^refuse/,
  ],
  [
    'of a user of that name outside the group',
    { spec: { groups: ['system:authenticated'] } },
    /^refuse: .*without being of system:nodes/,
  ],
  [
    'of the bootstrapper outside its namespace',
    { spec: { ...bootstrap, groups: ['system:authenticated'] } },
    /^refuse: .*without being of system:serviceaccounts/,
  ],
  [
    'with a usage too many',
    { spec: { usages: ['digital signature', 'client auth', 'server auth'] } },
    /^refuse: it asks for the usage server auth$/,
  ],
  [
    'for signing certificates',
    { spec: { usages: ['cert sign', 'digital signature', 'client auth'] } },
    /^refuse: it asks for the usage cert sign$/,
  ],
  [
    'without its usage',
    { spec: { usages: ['digital signature'] } },
    /^refuse: it does not ask for the usage client auth$/,
  ],
  [
    'with another common name',
    { subject: new Name([{ O: ['system:nodes'] }, { CN: ['system:node:other'] }]) },
    /^refuse: its common name is "system:node:other"/,
  ],
  [
    'with two common names',
    { subject: new Name([{ O: ['system:nodes'] }, { CN: [`system:node:${name}`] }, { CN: ['system:admin'] }]) },
    /^refuse: its common name is ".*" and "system:admin"/,
  ],
  [
    'with a second organization',
    { subject: new Name([{ O: ['system:nodes'] }, { O: ['system:masters'] }, { CN: [`system:node:${name}`] }]) },
    /^refuse: its organization is "system:nodes" and "system:masters"/,
  ],
  [
    'without organization',
    { subject: new Name([{ CN: [`system:node:${name}`] }]) },
    /^refuse: its organization is missing/,
  ],
  [
    'with a unit',
    { subject: new Name([{ O: ['system:nodes'] }, { OU: ['x'] }, { CN: [`system:node:${name}`] }]) },
    /^refuse: its subject has more than CN and O: 2\.5\.4\.11/,
  ],
  [
    'for a client with names',
    { extensions: [extension.altNames([name])] },
    /^refuse: it asks for names beside that of the node/,
  ],
  [
    'for a client with an authority',
    { extensions: [extension.basicConstraints(true)] },
    /^refuse: it asks for the extension 2\.5\.29\.19/,
  ],
  ['for serving without names', { serving: true, extensions: [] }, /^refuse: it asks for no name/],
  [
    'for serving under a foreign name',
    { serving: true, extensions: [extension.altNames([name, 'api.site.example'])] },
    /^later: it asks for api\.site\.example; the Node object has 192/,
  ],
  [
    'for serving under a foreign address',
    { serving: true, extensions: [extension.altNames([], ['192.0.2.11'])] },
    /^later: it asks for 192\.0\.2\.11/,
  ],
  [
    'for serving before the Node has addresses',
    { serving: true, node: undefined },
    /^later: .*the Node object has no addresses yet/,
  ],
  [
    'for serving under a URI',
    {
      serving: true,
      extensions: [
        new SubjectAlternativeNameExtension([
          { type: 'dns', value: name },
          { type: 'url', value: 'https://x' },
        ]),
      ],
    },
    /^refuse: it asks for names that are neither/,
  ],
  [
    'for serving under a mail address',
    { serving: true, extensions: [new SubjectAlternativeNameExtension([{ type: 'email', value: 'a@b' }])] },
    /^refuse: it asks for names that are neither/,
  ],
  ['that is no request', { spec: { request: 'aGVsbG8=' } }, /^refuse: its request cannot be read/],
  [
    'that is broken inside',
    {
      spec: {
        request: Buffer.from(
          '-----BEGIN CERTIFICATE REQUEST-----\nMAMCAQ==\n-----END CERTIFICATE REQUEST-----\n',
        ).toString('base64'),
      },
    },
    /^refuse: its request cannot be read/,
  ],
];

for (const [says, change, verdict] of rows)
  test(`a certificate request ${says}`, async () => {
    assert.match(await verdictOf(change), verdict);
  });
