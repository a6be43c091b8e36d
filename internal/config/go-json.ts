import { z } from 'zod';

/**
 * Objects as Go's JSON reader takes them, for documents that programs of the ecosystem write: keys match without regard to case when no exact
 * match exists, unknown keys are passed over, null leaves the default, a wrong type is an error.
 */
export function goObject<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape);
  return z.preprocess((data) => (isRecord(data) ? foldKeys(names, data) : data), z.object(shape));
}

function foldKeys(names: readonly string[], data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const folded: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(data)) {
    const name = knownName(names, key);
    if (name === undefined || value === null) continue;
    if (name === key || !Object.hasOwn(folded, name)) folded[name] = value;
  }
  return folded;
}

/** The name that a key means, if any. */
export function knownName(names: readonly string[], key: string): string | undefined {
  if (names.includes(key)) return key;
  return names.find((name) => name.toLowerCase() === key.toLowerCase());
}

export function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

/** Each problem of a document as a sentence that names the key and shows no value: any of them may be a secret in the wrong place. */
export function problemsOf(error: z.ZodError): string[] {
  return error.issues.map((issue) => {
    const where = issue.path.length === 0 ? 'the document' : `"${issue.path.join('.')}"`;
    return `${where}: ${issue.message.replace(/^Invalid input: /, '')}`;
  });
}
