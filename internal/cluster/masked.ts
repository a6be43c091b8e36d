import type { Secret } from '../log/secret.ts';
import { isList, isMap, mapAt, textAt, type Json, type JsonMap } from './object.ts';

/** Shorter texts are not secrets worth the name, and taking them away would make words unreadable. */
const shortest = 4;

/**
 * Words of the server without what is secret: the data of a Secret that was sent, as it was sent and decoded, and what the caller calls
 * secret. Servers quote what they refuse.
 */
export function maskedWords(words: string, sent: JsonMap | undefined, secrets: readonly Secret[]): string {
  const hidden = [...secretsIn(sent), ...secrets.flatMap((secret) => formsOf(secret.reveal()))]
    .filter((text) => text.length >= shortest)
    .sort((one, other) => other.length - one.length);
  return hidden.reduce((masked, text) => masked.replaceAll(text, '[secret]'), words);
}

function secretsIn(sent: JsonMap | undefined): string[] {
  if (textAt(sent, 'kind') !== 'Secret') return [];
  const data = textsIn(mapAt(sent, 'data')).flatMap((text) => [
    ...formsOf(text),
    ...formsOf(Buffer.from(text, 'base64').toString()),
  ]);
  return [...data, ...textsIn(mapAt(sent, 'stringData')).flatMap(formsOf)];
}

/** As it is, in base64, and as a Go program quotes it. */
function formsOf(text: string): string[] {
  return [text, text.trim(), Buffer.from(text).toString('base64'), JSON.stringify(text).slice(1, -1)];
}

function textsIn(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (isList(value)) return value.flatMap(textsIn);
  return isMap(value) ? Object.values(value).flatMap(textsIn) : [];
}
