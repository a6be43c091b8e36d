import type { Certificate } from '../../pki/certificate.ts';
import type { PrivateKey, PublicKey } from '../../pki/keys.ts';
import type { Place } from '../document.ts';

/** The graph with what became of it, as data for summaries and plans. Holds private keys: the room `report` says what is shown of it. */
export type RenewalRecord = {
  readonly certificates: readonly CertificateRecord[];
  readonly keys: readonly KeyRecord[];
  readonly tokens: readonly TokenRecord[];
};

/** `after` is undefined for what is not renewed (external, or outside of the trees of an address change). */
export type CertificateRecord = {
  readonly before: Certificate;
  readonly after: Certificate | undefined;
  readonly places: readonly Place[];
  /** Digest of the certificate that signed it; undefined for a root and where the signer is not on the cluster. */
  readonly signer: string | undefined;
};

/** One key pair: what stands of it in the cluster, by the identity of the old public key. */
export type KeyRecord = {
  readonly public: PublicKey;
  readonly publicAfter: PublicKey | undefined;
  /** Undefined when only the public half or a certificate is in the cluster. */
  readonly private: PrivateKey | undefined;
  readonly privateAfter: PrivateKey | undefined;
  readonly privatePlaces: readonly Place[];
  readonly publicPlaces: readonly Place[];
};

export type TokenRecord = {
  readonly before: string;
  readonly after: string | undefined;
  readonly places: readonly Place[];
  /** Identity of the old key that signed it. */
  readonly signer: string | undefined;
};

/** How long the cluster may wait: past this moment the first of its certificates needs a hand. Nothing is said of certificates that were made to have ended. */
export function firstToEnd({ certificates }: RenewalRecord, now: Date): { subject: string; end: Date } | undefined {
  const ends = certificates
    .flatMap(({ after }) => (after === undefined ? [] : [{ subject: after.subjectText, end: after.validity.notAfter }]))
    .sort((a, b) => a.end.getTime() - b.end.getTime());
  return ends.find(({ end }) => end.getTime() > now.getTime());
}
