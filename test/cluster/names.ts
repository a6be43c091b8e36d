import { domainOf, type Identity } from './identity.ts';

/** What the tables of internal/recert/rename/README.md tell apart: older releases lack some objects, and write some things in another way. */
export type Release = '4.14' | '4.20';

/**
 * Every body of the generated cluster is a template of two identities. What the tables change is written from `now`, what they leave as it
 * is from `seed`. A cluster is generated with both the same; the expected result of a run from the same templates with another `now`.
 */
export type Names = { readonly seed: Identity; readonly now: Identity; readonly release: Release };

/** A text with the names that one of the two identities gives it. */
export type NamesOf = {
  readonly domain: string;
  readonly clusterName: string;
  readonly infraId: string;
  readonly hostname: string;
  readonly safe: string;
};

export const namesOf = (identity: Identity): NamesOf => ({
  domain: domainOf(identity),
  clusterName: identity.clusterName,
  infraId: identity.infraId,
  hostname: identity.hostname,
  safe: safe(identity.hostname),
});

/** A host name as a part of a variable's name. */
export const safe = (hostname: string): string => hostname.replace(/[-.]/g, '_');

/** Revisions of the static pods that the seed still holds; the order of their texts is not that of the numbers. */
export const revisions = [3, 9, 10] as const;
export const newestRevision = 10;

/** The folder of what is installed for a static pod, for all revisions or for one. */
export const podFolder = (pod: string, revision: number | 'certs'): string =>
  `/etc/kubernetes/static-pod-resources/${pod}-${revision === 'certs' ? 'certs' : `pod-${revision}`}`;
