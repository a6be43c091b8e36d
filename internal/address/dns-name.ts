/** Labels of RFC 1123 between dots, as Kubernetes asks of names of nodes and clusters. */
const dnsName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** True for what can be the name of a node, of a cluster or of its domain; how long it may be in all is the caller's to say. */
export const isDnsName = (text: string): boolean => dnsName.test(text);
