import { createHash } from 'node:crypto';
import type { KubeObject } from './stored.ts';
import type { Seeded } from './seeded.ts';

/** `fields`: what each of several managers owns, in place of what the object has at its top. */
export type Meta = {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly manager?: string;
  readonly uid?: string;
  readonly fields?: readonly object[];
};

/** Makes objects with the metadata that a server and an operator leave on them. An object that moves has to be given its `uid`. */
export type ObjectMaker = {
  make(
    kind: string,
    apiVersion: string,
    place: string,
    content: Readonly<Record<string, unknown>>,
    meta?: Meta,
  ): KubeObject;
  secret(
    place: string,
    data: Readonly<Record<string, string | Buffer>>,
    meta?: Meta & { readonly type?: string },
  ): KubeObject;
  configMap(
    place: string,
    data: Readonly<Record<string, string>>,
    meta?: Meta & { readonly binaryData?: Readonly<Record<string, Buffer>> },
  ): KubeObject;
  /** The uid of an object that was called otherwise in the seed. */
  uidOf(kind: string, place: string): string;
};

export function objectMaker(random: Seeded, created: Date): ObjectMaker {
  const creationTimestamp = `${created.toISOString().slice(0, 19)}Z`;
  const own = random.uuid();
  // Made of the place and not drawn in turn: the expected result of a renaming has the same uids, whatever else it holds.
  const uidOf = (kind: string, place: string): string =>
    createHash('sha256')
      .update(`${own} ${kind} ${place}`)
      .digest('hex')
      .slice(0, 32)
      .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})/, '$1-$2-4$3-a$4-$5');
  const make: ObjectMaker['make'] = (
    kind,
    apiVersion,
    place,
    content,
    { annotations, labels, manager = 'cluster-kube-apiserver-operator', uid, fields } = {},
  ) => {
    const [namespace, name] = place.includes('/')
      ? [place.slice(0, place.indexOf('/')), place.slice(place.indexOf('/') + 1)]
      : [undefined, place];
    const owned = fields ?? [Object.fromEntries(Object.keys(content).map((member) => [`f:${member}`, {}]))];
    return {
      apiVersion,
      kind,
      metadata: {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        uid: uid ?? uidOf(kind, place),
        creationTimestamp,
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
        managedFields: owned.map((fieldsV1, index) => ({
          manager: index === 0 ? manager : `${manager}-${index + 1}`,
          operation: 'Update',
          apiVersion,
          time: creationTimestamp,
          fieldsType: 'FieldsV1',
          fieldsV1,
        })),
      },
      ...content,
    };
  };
  return {
    make,
    uidOf,
    secret: (place, data, { type = 'Opaque', ...meta } = {}) =>
      make(
        'Secret',
        'v1',
        place,
        { data: Object.fromEntries(Object.entries(data).map(([name, value]) => [name, Buffer.from(value)])), type },
        meta,
      ),
    configMap: (place, data, { binaryData, ...meta } = {}) =>
      make('ConfigMap', 'v1', place, { data, ...(binaryData === undefined ? {} : { binaryData }) }, meta),
  };
}
