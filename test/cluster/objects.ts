import type { KubeObject } from './stored.ts';
import type { Seeded } from './seeded.ts';

/** Makes objects with the metadata that a server and an operator leave on them. */
export type ObjectMaker = {
  make(kind: string, apiVersion: string, place: string, content: Readonly<Record<string, unknown>>, meta?: { annotations?: Readonly<Record<string, string>>; labels?: Readonly<Record<string, string>>; manager?: string; uid?: string }): KubeObject;
  secret(place: string, data: Readonly<Record<string, string | Buffer>>, meta?: { type?: string; annotations?: Readonly<Record<string, string>>; labels?: Readonly<Record<string, string>>; uid?: string }): KubeObject;
  configMap(place: string, data: Readonly<Record<string, string>>, meta?: { annotations?: Readonly<Record<string, string>>; binaryData?: Readonly<Record<string, Buffer>> }): KubeObject;
};

export function objectMaker(random: Seeded, created: Date): ObjectMaker {
  const creationTimestamp = `${created.toISOString().slice(0, 19)}Z`;
  const make: ObjectMaker['make'] = (kind, apiVersion, place, content, { annotations, labels, manager = 'cluster-kube-apiserver-operator', uid } = {}) => {
    const [namespace, name] = place.includes('/') ? [place.slice(0, place.indexOf('/')), place.slice(place.indexOf('/') + 1)] : [undefined, place];
    const fields = Object.fromEntries(Object.keys(content).map((member) => [`f:${member}`, {}]));
    return {
      apiVersion, kind,
      metadata: {
        name, ...(namespace === undefined ? {} : { namespace }), uid: uid ?? random.uuid(), creationTimestamp,
        ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }),
        managedFields: [{ manager, operation: 'Update', apiVersion, time: creationTimestamp, fieldsType: 'FieldsV1', fieldsV1: fields }],
      },
      ...content,
    };
  };
  return {
    make,
    secret: (place, data, { type = 'Opaque', ...meta } = {}) => make('Secret', 'v1', place, { data: Object.fromEntries(Object.entries(data).map(([name, value]) => [name, Buffer.from(value)])), type }, meta),
    configMap: (place, data, { binaryData, ...meta } = {}) => make('ConfigMap', 'v1', place, { data, ...(binaryData === undefined ? {} : { binaryData }) }, meta),
  };
}
