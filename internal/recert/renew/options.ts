import { UsageError } from '../../errors/errors.ts';
import { pemBlocksIn } from '../../edit/pem.ts';
import type { Certificate } from '../../pki/certificate.ts';
import type { PrivateKey } from '../../pki/keys.ts';
import { materialOf } from '../../pki/material.ts';
import type { NameRule } from '../../pki/names.ts';

/** What a person may say about the renewal. The program's configuration is mapped onto it; this room knows no file of options. */
export type RenewOptions = {
  /** Common names, DNS names and addresses that change on the way (rule/names). */
  readonly rules: readonly NameRule[];
  readonly useKeys: readonly UseKey[];
  /** Certificates that take the place of those of the same common name, as they are (rule/given-certificates). */
  readonly useCerts: readonly Certificate[];
  readonly validity: 'keep' | 'extend' | 'expire';
  /** Only trees of certificates that the rules touch are renewed; needs a rule. */
  readonly ipChangeOnly: boolean;
  /** Keep serial numbers, as the reference does. Otherwise new ones of the old length. */
  readonly keepSerials: boolean;
  readonly now: Date;
};

/** The key that a certificate of this common name gets. The name is the one before any rule (rule/given-keys). */
export type UseKey = { readonly commonName: string; readonly key: PrivateKey };

export const plainRenewal = {
  rules: [],
  useKeys: [],
  useCerts: [],
  validity: 'keep',
  ipChangeOnly: false,
  keepSerials: false,
} as const;

/** Reads a key for `useKeys` from its PEM text: PKCS#1, SEC1 or PKCS#8. The error names the common name and nothing of the key. */
export function useKeyFrom(commonName: string, pem: string): UseKey {
  const [block, ...more] = pemBlocksIn(pem);
  const material = block?.der === undefined ? undefined : materialOf(block.tag, block.der);
  if (material?.kind !== 'private-key' || more.length > 0)
    throw new UsageError(`the key for "${commonName}" is not one private key in PEM form`, {
      next: 'give a single block, PKCS#1, SEC1 or PKCS#8',
    });
  return { commonName, key: material.key };
}

/** Reads a certificate for `useCerts`: exactly one PEM block, with one common name. `named` says which one it is, for the error. */
export function useCertFrom(named: string, pem: string): Certificate {
  const [block, ...more] = pemBlocksIn(pem);
  const material = block?.der === undefined ? undefined : materialOf(block.tag, block.der);
  if (material?.kind !== 'certificate' || more.length > 0)
    throw new UsageError(`${named} is not one certificate in PEM form`, { next: 'give a file with a single block' });
  if (material.certificate.commonNames.length !== 1)
    throw new UsageError(
      `${named} has ${material.certificate.commonNames.length} common names; exactly one tells whose place it takes`,
    );
  return material.certificate;
}
