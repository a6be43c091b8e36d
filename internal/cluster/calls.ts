import type { Answer } from './ask.ts';
import { isMap, listAt, nameOf, namespaceOf, textAt, versionOf, type JsonMap } from './object.ts';
import type { Cluster } from './open.ts';
import { pathOf, pathOfAll, type Kind, type KindName } from './kinds.ts';
import { patiently, type Waiting } from './retry.ts';
import { ApiFailure, isKind } from './trouble.ts';

/*
 * INVARIANTS
 * - Reads and deletions are repeated as they are. A write is never repeated: after any trouble the object is read again and the wish is asked
 *   again, so that an answer lost after the write was made costs a read, and a conflict is decided on what stands there now.
 * - Whoever waits says so.
 */

/** What to send so that an object becomes as wished. */
export type Write =
  | { readonly verb: 'create'; readonly body: JsonMap }
  /** `part`: a subresource that has its own door, "approval". */
  | { readonly verb: 'replace'; readonly body: JsonMap; readonly part?: string }
  | { readonly verb: 'patch'; readonly body: JsonMap; readonly form: PatchForm };

export type PatchForm = 'merge' | 'strategic';
const contentTypes: Readonly<Record<PatchForm, string>> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

export type Outcome = { readonly did: 'nothing' | 'create' | 'change'; readonly warnings: readonly string[] };

/** `ConfigMap "a" in "openshift-config"` */
export function titleOf(object: JsonMap): string {
  const namespace = namespaceOf(object);
  return `${textAt(object, 'kind')} "${nameOf(object)}"${namespace === '' ? '' : ` in "${namespace}"`}`;
}

/**
 * The kind as served, or undefined.
 *
 * @param definition the name of its CustomResourceDefinition: while that exists, a kind that is not served is one that is not served yet. A server
 * lists nodes some moments before it serves what is defined.
 */
export function findKind(
  cluster: Cluster,
  name: KindName,
  tell: Waiting,
  definition?: string,
): Promise<Kind | undefined> {
  return patiently(
    `say whether it serves ${name.kind}`,
    async () => {
      const kind = await cluster.kinds.find(name, tell.signal);
      if (kind !== undefined || definition === undefined || !(await isDefined(cluster, definition, tell))) return kind;
      throw unserved(cluster, name, `"${definition}" is defined`);
    },
    tell,
    cluster.patience,
  );
}

async function isDefined(cluster: Cluster, definition: string, tell: Waiting): Promise<boolean> {
  const named = { kind: 'CustomResourceDefinition', metadata: { name: definition } };
  return (await readOnce(cluster, definitionKind, named, tell)) !== undefined;
}

const definitionKind: Kind = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  resource: 'customresourcedefinitions',
  namespaced: false,
};

/** The kind as served; one that every cluster has. @throws ApiFailure when it is not served within the grace */
export function kindNamed(cluster: Cluster, name: KindName, tell: Waiting): Promise<Kind> {
  return patiently(
    `serve ${name.kind}`,
    async () => {
      const kind = await cluster.kinds.find(name, tell.signal);
      if (kind === undefined) throw unserved(cluster, name, 'every cluster has it');
      return kind;
    },
    tell,
    cluster.patience,
  );
}

function unserved(cluster: Cluster, name: KindName, why: string): ApiFailure {
  return new ApiFailure('unserved', `the API at "${cluster.server}" serves no ${name.kind} of "${name.apiVersion}"`, {
    why: `${why}, and it is not served yet`,
    next: 'see whether kube-apiserver has come up with all its kinds: oc api-resources',
  });
}

const pageSize = 500;

/** All objects of a kind, page by page. */
export async function listAll(
  cluster: Cluster,
  kind: Kind,
  tell: Waiting,
  query: Readonly<Record<string, string>> = {},
): Promise<JsonMap[]> {
  const what = `list ${kind.resource}`;
  return await patiently(
    what,
    async () => {
      const found: JsonMap[] = [];
      for (let from = ''; ;) {
        const words = new URLSearchParams({
          limit: String(pageSize),
          ...query,
          ...(from === '' ? {} : { continue: from }),
        });
        const { object } = await cluster.ask({
          what,
          method: 'GET',
          path: `${pathOfAll(kind)}?${words.toString()}`,
          signal: tell.signal,
        });
        // Items of a list do not say what they are.
        for (const item of listAt(object, 'items'))
          if (isMap(item)) found.push({ apiVersion: kind.apiVersion, kind: kind.kind, ...item });
        from = textAt(object, 'metadata', 'continue');
        if (from === '') return found;
      }
    },
    tell,
    cluster.patience,
  );
}

/** Reads an object; undefined when it is not there. */
export function read(cluster: Cluster, kind: Kind, named: JsonMap, tell: Waiting): Promise<JsonMap | undefined> {
  return patiently(`read ${titleOf(named)}`, () => readOnce(cluster, kind, named, tell), tell, cluster.patience);
}

async function readOnce(
  cluster: Cluster,
  kind: Kind,
  named: JsonMap,
  { signal }: Waiting,
): Promise<JsonMap | undefined> {
  try {
    const path = pathOf(kind, named);
    return (await cluster.ask({ what: `read ${titleOf(named)}`, method: 'GET', path, signal })).object;
  } catch (error) {
    if (isKind(error, 'absent')) return undefined;
    throw error;
  }
}

/**
 * Reads an object and sends what `wish` answers, until there is nothing to send or what was sent is answered well.
 *
 * @param named says which object: kind, name and namespace
 * @param wish is given what stands there; it may be asked several times and must decide anew each time
 */
export async function converge(
  cluster: Cluster,
  kind: Kind,
  named: JsonMap,
  tell: Waiting,
  wish: (live: JsonMap | undefined) => Write | undefined,
): Promise<Outcome> {
  const title = titleOf(named);
  let sent: Outcome['did'] = 'nothing';
  return await patiently(
    `change ${title}`,
    async () => {
      const live = await readOnce(cluster, kind, named, tell);
      const write = wish(live);
      if (write === undefined) return { did: sent, warnings: [] };
      const did = write.verb === 'create' ? 'create' : 'change';
      const sentBefore = sent;
      sent = sent === 'create' ? sent : did;
      const { object, warnings } = await send(cluster, kind, named, write, live, tell);
      // A server does not store what changes nothing, defaults filled in: the version stays.
      if (did === 'change' && versionOf(object) === versionOf(live)) return { did: sentBefore, warnings };
      return { did: sentBefore === 'create' ? sentBefore : did, warnings };
    },
    tell,
    cluster.patience,
  );
}

async function send(
  cluster: Cluster,
  kind: Kind,
  named: JsonMap,
  write: Write,
  live: JsonMap | undefined,
  { signal }: Waiting,
): Promise<Answer> {
  const what = `${write.verb} ${titleOf(named)}`;
  if (write.verb === 'create')
    return cluster.ask({ what, method: 'POST', path: pathOfAll(kind, namespaceOf(named)), body: write.body, signal });
  try {
    return write.verb === 'patch'
      ? await cluster.ask({
          what,
          method: 'PATCH',
          path: pathOf(kind, named),
          body: guarded(write.body, live),
          contentType: contentTypes[write.form],
          signal,
        })
      : await cluster.ask({
          what,
          method: 'PUT',
          path: `${pathOf(kind, named)}${write.part === undefined ? '' : `/${write.part}`}`,
          body: guarded(write.body, live),
          signal,
        });
  } catch (error) {
    // It was there a moment ago.
    if (isKind(error, 'absent'))
      throw new ApiFailure('conflict', error.message, { why: 'it was deleted meanwhile', cause: error });
    throw error;
  }
}

/** With the version that was read: what somebody else writes meanwhile is a conflict, and not lost. */
function guarded(body: JsonMap, live: JsonMap | undefined): JsonMap {
  const metadata = body['metadata'];
  return { ...body, metadata: { ...(isMap(metadata) ? metadata : {}), resourceVersion: versionOf(live) } };
}

/** Deletes an object; true when it was there. */
export function remove(cluster: Cluster, kind: Kind, named: JsonMap, tell: Waiting): Promise<boolean> {
  const what = `delete ${titleOf(named)}`;
  return patiently(
    what,
    async () => {
      try {
        await cluster.ask({ what, method: 'DELETE', path: pathOf(kind, named), signal: tell.signal });
        return true;
      } catch (error) {
        if (isKind(error, 'absent')) return false;
        throw error;
      }
    },
    tell,
    cluster.patience,
  );
}

/** Deletes all objects of a kind that is not namespaced. */
export async function removeAll(cluster: Cluster, kind: Kind, tell: Waiting): Promise<void> {
  const what = `delete all ${kind.resource}`;
  await patiently(
    what,
    () => cluster.ask({ what, method: 'DELETE', path: pathOfAll(kind), signal: tell.signal }),
    tell,
    cluster.patience,
  );
}
