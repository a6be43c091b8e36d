import type { Asker } from './ask.ts';
import { isMap, listAt, nameOf, namespaceOf, textAt, type JsonMap } from './object.ts';
import { isKind } from './trouble.ts';

/** A kind as the API serves it. */
export type Kind = {
  readonly apiVersion: string;
  readonly kind: string;
  /** The plural in paths: "machineconfigs". */
  readonly resource: string;
  readonly namespaced: boolean;
};

export type KindName = { readonly apiVersion: string; readonly kind: string };

/** What the API serves, asked once for each group and version and again for what was not found. */
export type Kinds = {
  /** Undefined when the API does not serve it (now). @throws ApiFailure when it does not answer */
  find(name: KindName, signal: AbortSignal): Promise<Kind | undefined>;
  /** Forgets what it knows. */
  refresh(): void;
};

export function kindsOf(ask: Asker): Kinds {
  const known = new Map<string, readonly Kind[]>();
  const served = async (apiVersion: string, signal: AbortSignal): Promise<readonly Kind[]> => {
    try {
      const { object } = await ask({
        what: `say what "${apiVersion}" has`,
        method: 'GET',
        path: root(apiVersion),
        signal,
      });
      return listAt(object, 'resources').flatMap((entry) => {
        const resource = textAt(entry, 'name');
        // "deployments/scale" is part of something, not a kind of its own.
        if (!isMap(entry) || resource === '' || resource.includes('/')) return [];
        return [
          {
            apiVersion,
            kind: textAt(entry, 'kind'),
            resource,
            namespaced: entry['namespaced'] === true,
          },
        ];
      });
    } catch (error) {
      if (isKind(error, 'absent')) return [];
      throw error;
    }
  };
  return {
    async find({ apiVersion, kind }, signal) {
      const remembered = known.get(apiVersion)?.find((entry) => entry.kind === kind);
      if (remembered !== undefined) return remembered;
      const now = await served(apiVersion, signal);
      known.set(apiVersion, now);
      return now.find((entry) => entry.kind === kind);
    },
    refresh() {
      known.clear();
    },
  };
}

function root(apiVersion: string): string {
  const parts = apiVersion.split('/').map(encodeURIComponent).join('/');
  return apiVersion.includes('/') ? `/apis/${parts}` : `/api/${parts}`;
}

/** The path of all objects of a kind: in a namespace, or everywhere when none is given. */
export function pathOfAll({ apiVersion, resource, namespaced }: Kind, namespace = ''): string {
  const inside = namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root(apiVersion)}${inside}/${resource}`;
}

/** The path of one object. Names keep their letters: those of roles and users may be capital. */
export function pathOf(kind: Kind, object: JsonMap): string {
  return `${pathOfAll(kind, namespaceOf(object))}/${encodeURIComponent(nameOf(object))}`;
}
