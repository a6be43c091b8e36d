import type { FieldPath } from '../../edit/json.ts';
import type { Place } from '../document.ts';
import { objectScopes } from '../find/scope.ts';

/** Places as the reference's summaries have them. */
export type Locations = { readonly k8s: readonly string[]; readonly filesystem: readonly string[] };

export function locationsOf(places: readonly Place[]): Locations {
  const texts = places.map((place) => ({ place, text: locationText(place) }));
  const of = (head: string): string[] =>
    texts.filter(({ place }) => place.document.startsWith(head)).map(({ text }) => text);
  return { k8s: of('etcd:'), filesystem: of('file:') };
}

/** `k8s: Secret/ns:name /data/tls.crt, encoded as a byte array, in PEM bundle at index 0`, or `file: /path in PEM bundle at index 0`. */
function locationText({ document, field, within }: Place): string {
  const last = within.at(-1);
  const value = last?.in === 'pem' ? `in PEM bundle at index ${last.index}` : last?.in === 'jwt' ? 'jwt' : 'unknown';
  const deeper = within.flatMap((part) => (part.in === 'json' || part.in === 'yaml' ? [pointer(part.path)] : []));
  const inner = within.find((part) => part.in === 'base64' || part.in === 'data-url');
  const encoding =
    inner?.in === 'base64'
      ? 'encoded as base64'
      : inner?.in === 'data-url'
        ? 'encoded as a dataurl'
        : isByteArray(document, field)
          ? 'encoded as a byte array'
          : 'without encoding';
  if (document.startsWith('file:')) {
    const path = document.slice('file:'.length);
    return deeper.length === 0 ? `file: ${path} ${value}` : `file: ${path} ${deeper.join(' ')}, ${encoding}, ${value}`;
  }
  return `k8s: ${objectText(document.slice('etcd:'.length))} ${[pointer(field), ...deeper].join(' ')}, ${encoding}, ${value}`;
}

/** `Secret/openshift-etcd:etcd-signer`, from the key. */
function objectText(key: string): string {
  const scope = objectScopes.find(({ prefix }) => key.startsWith(prefix));
  const names = key.slice(scope?.prefix.length ?? 0).split('/');
  const name = names.pop() ?? '';
  return `${scope?.kind ?? 'Unknown'}/${names.length === 0 ? 'cluster-scoped' : names.join('/')}:${name}`;
}

function pointer(path: FieldPath): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function isByteArray(document: string, field: FieldPath): boolean {
  return (
    (document.startsWith('etcd:/kubernetes.io/secrets/') && field[0] === 'data') ||
    field[0] === 'binaryData' ||
    (field[0] === 'webhooks' && field.at(-1) === 'caBundle')
  );
}
