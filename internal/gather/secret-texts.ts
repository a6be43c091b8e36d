import { readFile } from 'node:fs/promises';

/** Every text in a JSON file of credentials, and the passwords packed into them, so that none can appear whatever program printed it. */
export async function textsInFile(path: string): Promise<string[]> {
  try {
    const data: unknown = JSON.parse(await readFile(path, 'utf8'));
    return textsIn(data).flatMap((text) => [text, ...Buffer.from(text, 'base64').toString('utf8').split(':').slice(1)]);
  } catch {
    return [];
  }
}

function textsIn(data: unknown): string[] {
  if (typeof data === 'string') return [data];
  return typeof data === 'object' && data !== null ? Object.values(data).flatMap(textsIn) : [];
}
