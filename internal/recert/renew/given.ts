import { Refusal } from '../../errors/errors.ts';
import type { Certificate } from '../../pki/certificate.ts';
import type { PrivateKey } from '../../pki/keys.ts';
import type { Tell } from '../find/candidates.ts';
import type { CertificateNode, Graph, KeyNode, MissingAuthority } from './graph.ts';
import type { RenewOptions } from './options.ts';
import type { Owned } from './ownership.ts';

/** Keys and certificates that a person gave, each with whom it is for. */
export type Given = {
  readonly keys: ReadonlyMap<KeyNode, PrivateKey>;
  readonly authorities: ReadonlyMap<MissingAuthority, PrivateKey>;
  readonly certificates: ReadonlyMap<CertificateNode, Certificate>;
};

/**
 * Finds for whom the given keys and certificates are, by the common name of the seed (before any rule). What cannot work is refused
 * here, before a key is made: the reference finds it out when half of the files are written.
 *
 * @throws Refusal naming the common name
 */
export function givenFor(graph: Graph, owned: Owned, { useKeys, useCerts }: RenewOptions, tell: Tell): Given {
  const keys = new Map<KeyNode, PrivateKey>();
  const authorities = new Map<MissingAuthority, PrivateKey>();
  for (const { commonName, key } of useKeys) {
    const bearers = new Set(
      [...bearersOf(owned, commonName)].flatMap((node) => (node.key === undefined ? [] : [node.key])),
    );
    const absent = graph.missing.filter(
      (authority) => authority.commonNames.length === 1 && authority.commonNames[0] === commonName,
    );
    if (bearers.size > 1 || keysTwice(useKeys, commonName)) {
      throw new Refusal(
        bearers.size > 1
          ? `use_key for "${commonName}" fits ${bearers.size} different keys of the cluster, and one key cannot take the place of all`
          : `use_key names "${commonName}" twice`,
        { next: 'give one key for each common name, and leave out names that several certificates bear' },
      );
    }
    for (const bearer of bearers) {
      refuseOtherKind(bearer, key, commonName);
      keys.set(bearer, key);
    }
    for (const authority of absent) authorities.set(authority, key);
    if (bearers.size === 0 && absent.length === 0)
      tell(`use_key for "${commonName}": no certificate of the cluster bears this name`);
  }
  return { keys, authorities, certificates: certificatesFor(owned, useCerts, keys, tell) };
}

function certificatesFor(
  owned: Owned,
  useCerts: readonly Certificate[],
  keys: ReadonlyMap<KeyNode, PrivateKey>,
  tell: Tell,
): Map<CertificateNode, Certificate> {
  const replaced = new Map<CertificateNode, Certificate>();
  for (const certificate of useCerts) {
    const [commonName = ''] = certificate.commonNames;
    const bearers = bearersOf(owned, commonName);
    for (const node of bearers) {
      // A key given for the same name whose certificate this is makes everything whole again.
      const fits = node.key !== undefined && keys.get(node.key)?.public.id === certificate.publicKey?.id;
      const signed = [...owned.certificates].filter(
        ({ signer, key }) => signer.by === 'key' && signer.key === node.key && key !== node.key,
      ).length;
      if (!fits && (node.key?.privateSightings.length ?? 0) > 0)
        throw new Refusal(
          `use_cert for "${commonName}": the cluster holds the private key of that certificate, which would no longer fit it`,
          { next: "give the new certificate's key with use_key, or leave use_cert out" },
        );
      if (!fits && signed > 0)
        throw new Refusal(
          `use_cert for "${commonName}": ${signed} ${signed === 1 ? 'certificate is' : 'certificates are'} signed by it, and cannot be signed again without its key`,
          { next: 'give its key with use_key, or leave use_cert out' },
        );
      if (replaced.has(node))
        throw new Refusal(`use_cert names "${commonName}" twice`, {
          next: 'give one certificate for each common name',
        });
      replaced.set(node, certificate);
    }
    if (bearers.size === 0) tell(`use_cert for "${commonName}": no certificate of the cluster bears this name`);
  }
  return replaced;
}

function bearersOf(owned: Owned, commonName: string): Set<CertificateNode> {
  return new Set(
    [...owned.certificates].filter(
      ({ certificate: { commonNames } }) => commonNames.length === 1 && commonNames[0] === commonName,
    ),
  );
}

function keysTwice(useKeys: RenewOptions['useKeys'], commonName: string): boolean {
  return new Set(useKeys.filter((rule) => rule.commonName === commonName).map(({ key }) => key.public.id)).size > 1;
}

/** A label that says RSA over a key that is none would be a file that not every program reads. */
function refuseOtherKind(bearer: KeyNode, key: PrivateKey, commonName: string): void {
  const { type } = key.public.shape;
  const labelled =
    bearer.privateSightings.some(({ form, tag }) => form !== 'pkcs8' || tag !== 'PRIVATE KEY') &&
    bearer.public.shape.type !== type;
  if (labelled || (bearer.tokens.length > 0 && bearer.public.shape.type !== type))
    throw new Refusal(`use_key for "${commonName}" is of another type than the key in whose place it would stand`, {
      next: `give a key of type ${bearer.public.shape.type}`,
    });
}
