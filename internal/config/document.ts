import { parseDocument } from 'yaml';
import { UsageError, isNotFound, errorCode, messageOf } from '../errors/errors.ts';
import { readFile } from 'node:fs/promises';

/** A configuration as a map, and what is odd about it but no error. */
export type ConfigDocument = {
  readonly values: ReadonlyMap<string, unknown>;
  readonly warnings: readonly string[];
};

/**
 * Reads a configuration file, YAML or JSON, as one map with unique keys.
 *
 * @param file as given by the user; empty means not given
 * @throws UsageError with the reference's texts where operators know them
 */
export async function readConfigDocument(file: string): Promise<ConfigDocument> {
  if (file === '')
    throw new UsageError('configuration file is required', { next: 'give it with --configuration-file FILE' });
  const bytes = await readFile(file).catch((error: unknown) => {
    if (isNotFound(error))
      throw new UsageError(`configuration file ${file} does not exist`, { next: 'check the path' });
    throw new UsageError(`failed to read config file ${file}: ${errorCode(error) ?? messageOf(error)}`, {
      next: 'check that it is a readable file',
      cause: error,
    });
  });
  return parseConfigDocument(bytes, file);
}

/** Parses the bytes of a configuration file; `file` only names it in errors. */
export function parseConfigDocument(bytes: Uint8Array, file: string): ConfigDocument {
  const refuse = (why: string, next = 'correct the file'): never => {
    throw new UsageError(`failed to read config file ${file}: ${why}`, { next });
  };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('it is not UTF-8 text');
  }
  if (text.includes('\0')) refuse('it is a binary file');
  if (text.trim() === '') refuse('it is empty');
  const document = parseDocument(text, { uniqueKeys: true, version: '1.2' });
  const problem = document.errors[0];
  if (problem !== undefined) refuse((problem.message.split('\n')[0] ?? '').replace(/:$/, ''));
  // maxAliasCount: a few kilobytes must not unfold to gigabytes
  const data: unknown = document.toJS({ mapAsMap: true, maxAliasCount: 10 });
  if (!(data instanceof Map))
    return refuse(
      `it holds ${data === null ? 'nothing but comments' : Array.isArray(data) ? 'a list' : 'a single value'}, not keys and values`,
    );
  const values = new Map<string, unknown>();
  for (const [key, value] of data) values.set(String(key), value);
  return { values, warnings: document.warnings.map((warning) => warning.message.split('\n')[0] ?? '') };
}
