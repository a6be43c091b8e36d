import type { Write } from './calls.ts';
import type { Manifest } from './manifests.ts';
import { mergedMaps } from './merge.ts';
import { at, isMap, mapAt, same, withMembers, type JsonMap } from './object.ts';

/** What a server writes into `metadata` itself. A manifest that was taken from another cluster carries it along. */
const serverSet = {
  resourceVersion: undefined,
  uid: undefined,
  creationTimestamp: undefined,
  generation: undefined,
  managedFields: undefined,
  selfLink: undefined,
};

/** The object of a manifest as it is sent: with its namespace, without what only a server knows. */
export function asSent(object: JsonMap, namespaced: boolean): JsonMap {
  const metadata = mapAt(object, 'metadata');
  const namespace = namespaced ? (metadata['namespace'] ?? 'default') : undefined;
  return {
    ...object,
    metadata: withMembers(metadata, { ...serverSet, namespace: namespace === '' ? 'default' : namespace }),
  };
}

/** What has to be sent for a manifest when `live` stands there; undefined for nothing. */
export function wishFor(
  desired: JsonMap,
  applyType: Manifest['applyType'],
  live: JsonMap | undefined,
): Write | undefined {
  if (live === undefined) return { verb: 'create', body: desired };
  switch (applyType) {
    case 'keep':
      return undefined;
    case 'merge': {
      // Above the annotations and labels, what the server set is the live object's.
      const body = mergedMaps(desired, live);
      return same(withoutNull(body), withoutNull(live)) ? undefined : { verb: 'replace', body };
    }
    case 'replace': {
      const body = keepingTies(desired, live);
      return same(comparable(body, body), comparable(live, body)) ? undefined : { verb: 'replace', body };
    }
  }
}

/** Finalizers and owners are other programs' ties to the object: taken away, nobody would clean up behind it. */
function keepingTies(desired: JsonMap, live: JsonMap): JsonMap {
  const ties = Object.fromEntries(
    ['finalizers', 'ownerReferences'].flatMap((name) => {
      const tie = at(live, 'metadata', name);
      return tie === undefined || at(desired, 'metadata', name) !== undefined ? [] : [[name, tie]];
    }),
  );
  return { ...desired, metadata: { ...mapAt(desired, 'metadata'), ...ties } };
}

/** Without what a server adds: a status that was not asked for, too. */
function comparable(object: JsonMap, desired: JsonMap): JsonMap {
  const metadata = withMembers(mapAt(object, 'metadata'), serverSet);
  const rest = desired['status'] === undefined ? withMembers(object, { status: undefined }) : object;
  return withoutNull({ ...rest, metadata });
}

/** Servers drop what is null; a manifest may say it. */
function withoutNull(map: JsonMap): JsonMap {
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, value]) => {
      if (value === null) return [];
      return [[key, isMap(value) ? withoutNull(value) : value]];
    }),
  );
}
