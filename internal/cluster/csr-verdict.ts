import { ipBytes } from '../pki/ip-bytes.ts';
import { hex } from '../pki/der.ts';
import { messageOf } from '../errors/errors.ts';
import { readCertificateRequest, type CertificateRequest } from './csr-request.ts';
import { listAt, textAt, textsAt, type JsonMap } from './object.ts';

/** `later`: right so far, and the Node object does not show the addresses yet. */
export type Verdict =
  { readonly kind: 'approve'; readonly what: string } | { readonly kind: 'refuse' | 'later'; readonly why: string };

const clientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
const servingSigner = 'kubernetes.io/kubelet-serving';
const bootstrapNamespace = 'openshift-machine-config-operator';
const bootstrapUser = `system:serviceaccount:${bootstrapNamespace}:node-bootstrapper`;

/**
 * Whether a request is one that the kubelet of this very node makes (kube/csr). Everything must fit; what we do not know is refused.
 *
 * | | client | serving |
 * |---|---|---|
 * | asked by | the node itself, or node-bootstrapper | the node itself |
 * | subject | CN system:node:NAME, O system:nodes, no more | the same |
 * | names | none | at least one; DNS and addresses of the Node object only |
 * | usages | client auth, digital signature, perhaps key encipherment | server auth, the same |
 *
 * @param node the Node object, when there is one
 */
export function judgeCsr(csr: JsonMap, nodeName: string, node: JsonMap | undefined): Verdict {
  const signer = textAt(csr, 'spec', 'signerName');
  if (signer !== clientSigner && signer !== servingSigner)
    return refuse(`its signer "${signer}" is none of a kubelet's`);
  const client = signer === clientSigner;
  const asker = askerTrouble(csr, nodeName, client);
  if (asker !== undefined) return refuse(asker);
  const usages = usageTrouble(textsAt(csr, 'spec', 'usages'), client ? 'client auth' : 'server auth');
  if (usages !== undefined) return refuse(usages);
  let request: CertificateRequest;
  try {
    request = readCertificateRequest(textAt(csr, 'spec', 'request'));
  } catch (error) {
    return refuse(`its request cannot be read: ${messageOf(error)}`);
  }
  const subject = subjectTrouble(request, nodeName);
  if (subject !== undefined) return refuse(subject);
  if (client)
    return request.dns.length + request.ips.length > 0
      ? refuse('it asks for names beside that of the node')
      : { kind: 'approve', what: 'client certificate of the kubelet' };
  return namesVerdict(request, nodeName, node);
}

const refuse = (why: string): Verdict => ({ kind: 'refuse', why });

function askerTrouble(csr: JsonMap, nodeName: string, client: boolean): string | undefined {
  const user = textAt(csr, 'spec', 'username');
  const groups = textsAt(csr, 'spec', 'groups');
  const lacking = (wanted: readonly string[]): string | undefined => {
    const missing = wanted.filter((group) => !groups.includes(group));
    return missing.length === 0 ? undefined : `"${user}" asks for it without being of ${missing.join(', ')}`;
  };
  if (user === `system:node:${nodeName}`) return lacking(['system:nodes', 'system:authenticated']);
  if (client && user === bootstrapUser)
    return lacking(['system:serviceaccounts', `system:serviceaccounts:${bootstrapNamespace}`, 'system:authenticated']);
  return `"${user}" asks for it, and not this node`;
}

function usageTrouble(usages: readonly string[], main: string): string | undefined {
  const allowed = ['digital signature', 'key encipherment', main];
  const other = usages.filter((usage) => !allowed.includes(usage));
  if (other.length > 0) return `it asks for the usage ${other.join(', ')}`;
  const missing = [main, 'digital signature'].filter((usage) => !usages.includes(usage));
  return missing.length === 0 ? undefined : `it does not ask for the usage ${missing.join(', ')}`;
}

function subjectTrouble(request: CertificateRequest, nodeName: string): string | undefined {
  const { commonNames, organizations, otherSubject, otherNames, otherExtensions } = request;
  if (commonNames.length !== 1 || commonNames[0] !== `system:node:${nodeName}`)
    return `its common name is ${shown(commonNames)}, not "system:node:${nodeName}"`;
  if (organizations.length !== 1 || organizations[0] !== 'system:nodes')
    return `its organization is ${shown(organizations)}, not "system:nodes"`;
  if (otherSubject.length > 0) return `its subject has more than CN and O: ${otherSubject.join(', ')}`;
  if (otherNames > 0) return 'it asks for names that are neither DNS names nor addresses';
  return otherExtensions.length === 0 ? undefined : `it asks for the extension ${otherExtensions.join(', ')}`;
}

function namesVerdict({ dns, ips }: CertificateRequest, nodeName: string, node: JsonMap | undefined): Verdict {
  if (dns.length + ips.length === 0) return refuse('it asks for no name that the kubelet could serve under');
  const addresses = listAt(node, 'status', 'addresses').map((entry) => ({
    type: textAt(entry, 'type'),
    address: textAt(entry, 'address'),
  }));
  const names = new Set([nodeName, ...addresses.map(({ address }) => address.toLowerCase())]);
  const numbers = new Set(addresses.flatMap(({ address }) => bytesOf(address)));
  const foreign = [
    ...dns.filter((name) => !names.has(name.toLowerCase())),
    ...ips.filter((ip) => bytesOf(ip).every((bytes) => !numbers.has(bytes))),
  ];
  if (foreign.length === 0)
    return { kind: 'approve', what: `serving certificate of the kubelet for ${[...dns, ...ips].join(', ')}` };
  const has =
    addresses.length === 0
      ? 'the Node object has no addresses yet'
      : `the Node object has ${addresses.map(({ address }) => address).join(', ')}`;
  return { kind: 'later', why: `it asks for ${foreign.join(', ')}; ${has}` };
}

function bytesOf(address: string): string[] {
  const bytes = ipBytes(address);
  return bytes === undefined ? [] : [hex(bytes)];
}

const shown = (texts: readonly string[]): string =>
  texts.length === 0 ? 'missing' : texts.map((text) => `"${text}"`).join(' and ');
