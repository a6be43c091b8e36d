import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifestStream, type ManifestStream } from '../config/manifest-stream.ts';
import { Failure, UsageError, errorCode, isNotFound, messageOf } from '../errors/errors.ts';
import { titleOf } from './calls.ts';
import {
  at,
  isList,
  isMap,
  mapAt,
  nameOf,
  namespaceOf,
  textAt,
  withMembers,
  type Json,
  type JsonMap,
} from './object.ts';

/** What happens to an object that is there already. `keep`: nothing, for an apply-type that nobody knows. */
export type ApplyType = 'replace' | 'merge' | 'keep';

/** One object that is to be applied. */
export type Manifest = {
  readonly file: string;
  /** `file`, with document and item where there are several. */
  readonly place: string;
  /** Without the annotation that says how it is applied. */
  readonly object: JsonMap;
  readonly applyType: ApplyType;
};

/** A folder of manifests as read, before anything is sent. */
export type Manifests = {
  readonly folder: string;
  readonly manifests: readonly Manifest[];
  /** What is passed over, or odd. */
  readonly warnings: readonly string[];
  /** Why it cannot be applied, all files together. */
  readonly problems: readonly string[];
};

const applyTypeKey = 'lca.openshift.io/apply-type';
/** What a durable write leaves when power goes: the file of the right name is not there, or is the old one. */
const unfinished = /^\.[0-9a-f-]{36}\.tmp$/;

/**
 * Reads all files of a folder, in the byte order of their names, whatever they are called.
 * @throws Failure when the folder cannot be read; problems inside files are listed in the result
 */
export async function readManifests(
  folder: string,
  options: { readonly missingFolderIsFine?: boolean } = {},
): Promise<Manifests> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (isNotFound(error) && options.missingFolderIsFine === true) return [];
    throw new Failure(`failed to read dir for extra manifests in ${folder}: ${errorCode(error) ?? messageOf(error)}`, {
      next: 'see whether the site configuration was copied completely',
      cause: error,
    });
  });
  const [manifests, warnings, problems]: [Manifest[], string[], string[]] = [[], [], []];
  for (const entry of entries.sort((one, other) => Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)))) {
    const { name } = entry;
    if (entry.isDirectory())
      warnings.push(`"${name}" is a folder and is passed over: manifests are files of "${folder}" itself`);
    else if (unfinished.test(name)) warnings.push(`"${name}" was not written to its end and is passed over`);
    else {
      const found = await readOne(join(folder, name), name);
      manifests.push(...found.manifests);
      warnings.push(...found.warnings);
      problems.push(...found.problems);
    }
  }
  return { folder, manifests, warnings: [...warnings, ...repeated(manifests)], problems };
}

/** @throws UsageError that names every problem */
export function refuseBadManifests({ folder, problems }: Manifests): void {
  if (problems.length === 0) return;
  throw new UsageError(
    `${problems.length} ${problems.length === 1 ? 'place' : 'places'} in "${folder}" cannot be applied`,
    { why: problems.join('; '), next: `correct the files in "${folder}", or attach a config ISO with corrected ones` },
  );
}

type Found = Pick<Manifests, 'manifests' | 'warnings' | 'problems'>;

async function readOne(path: string, file: string): Promise<Found> {
  const bytes = await readFile(path).catch((error: unknown) => errorCode(error) ?? messageOf(error));
  if (typeof bytes === 'string') return nothing(`"${file}" cannot be read: ${bytes}`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return nothing(`"${file}" is not UTF-8 text`);
  }
  return manifestsIn(readManifestStream(text), file);
}

const nothing = (problem: string): Found => ({ manifests: [], warnings: [], problems: [problem] });

/** The objects of one file's documents; a document with `items` at its top stands for each of them. */
export function manifestsIn(stream: ManifestStream, file: string): Found {
  const [manifests, warnings, problems]: [Manifest[], string[], string[]] = [[], [], []];
  problems.push(...stream.problems.map((problem) => `"${file}" ${problem}`));
  warnings.push(...stream.warnings.map((warning) => `"${file}" ${warning}`));
  warnings.push(...stream.empty.map((line) => `"${file}" line ${line}: a document without content is passed over`));
  if (stream.documents.length + stream.problems.length + stream.empty.length === 0)
    warnings.push(`"${file}" is empty and is passed over`);
  const several = stream.documents.length > 1;
  for (const { index, value } of stream.documents) {
    const document = several ? `"${file}" document ${index}` : `"${file}"`;
    const items = value['items'];
    const objects: (readonly [string, Json])[] = isList(items)
      ? items.map((item, at) => [`${document} item ${at + 1}`, item] as const)
      : [[document, value]];
    for (const [place, object] of objects) {
      const problem = problemOf(object);
      if (problem !== undefined) problems.push(`${place} ${problem}`);
      else if (isMap(object)) manifests.push(manifestOf(object, file, place, warnings));
    }
  }
  return { manifests, warnings, problems };
}

function problemOf(object: Json): string | undefined {
  if (!isMap(object)) return 'is not an object';
  if (!/^([^/\s]+\/)?[^/\s]+$/.test(textAt(object, 'apiVersion'))) return 'has no "apiVersion"';
  if (textAt(object, 'kind') === '') return 'has no "kind"';
  if (nameOf(object) !== '') return undefined;
  return at(object, 'metadata', 'generateName') === undefined
    ? `(${textAt(object, 'kind')}) has no "metadata.name"`
    : `(${textAt(object, 'kind')}) has "generateName": each run would make another one; give it a name`;
}

function manifestOf(object: JsonMap, file: string, place: string, warnings: string[]): Manifest {
  const annotations = mapAt(object, 'metadata', 'annotations');
  const said = annotations[applyTypeKey];
  if (said === undefined) return { file, place, object, applyType: 'replace' };
  const rest = withMembers(annotations, { [applyTypeKey]: undefined });
  const metadata = withMembers(mapAt(object, 'metadata'), {
    annotations: Object.keys(rest).length === 0 ? undefined : rest,
  });
  const applyType = said === 'replace' || said === 'merge' ? said : 'keep';
  if (applyType === 'keep')
    warnings.push(
      `${place} (${titleOf(object)}): apply-type ${JSON.stringify(said)} is neither "replace" nor "merge"; the object is created if it is not there, and left alone if it is`,
    );
  return { file, place, object: { ...object, metadata }, applyType };
}

/** Objects that stand in two places: the later one counts, and each run writes both. */
function repeated(manifests: readonly Manifest[]): string[] {
  const seen = new Map<string, string>();
  return manifests.flatMap(({ object, place }) => {
    const id = [
      textAt(object, 'apiVersion').split('/')[0],
      textAt(object, 'kind'),
      namespaceOf(object),
      nameOf(object),
    ].join(' ');
    const before = seen.get(id);
    seen.set(id, place);
    return before === undefined ? [] : [`${titleOf(object)} stands in ${before} and in ${place}; the later one counts`];
  });
}
