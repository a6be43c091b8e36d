import type { Secret } from '../log/secret.ts';
import { maskedWords } from './masked.ts';
import { isMap, textAt, type Json, type JsonMap } from './object.ts';
import { ApiFailure, kindOfStatus } from './trouble.ts';
import type { Exchange, Wire } from './wire.ts';

export type Question = {
  /** What it is for, as the end of "the API did not …": `create Secret "x"`. */
  readonly what: string;
  readonly method: Exchange['method'];
  readonly path: string;
  readonly body?: JsonMap;
  readonly contentType?: string;
  readonly signal: AbortSignal;
};

export type Answer = {
  readonly object: JsonMap;
  /** What the server remarks, an unknown field for one. */
  readonly warnings: readonly string[];
};

/** @throws ApiFailure, with the server's own words less what is secret */
export type Asker = (question: Question) => Promise<Answer>;

/** One request and its answer; a status that is no success is an error of a class. */
export function askerOf(wire: Wire, server: string, secrets: readonly Secret[]): Asker {
  return async ({ what, method, path, body, contentType, signal }) => {
    const reply = await wire.exchange({
      method,
      path,
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(contentType === undefined ? {} : { contentType }),
    });
    const masked = (words: string): string => maskedWords(words, body, secrets);
    const object = parsed(reply.body);
    if (reply.status >= 200 && reply.status < 300 && object !== undefined)
      return { object, warnings: warningsIn(reply.headers['warning']).map(masked) };
    const said = masked(textAt(object, 'message') || reply.body.trim().slice(0, 300));
    throw new ApiFailure(
      // A success that is no JSON was cut off, or another program answers in the API's place.
      reply.status < 300 ? 'server' : kindOfStatus(reply.status),
      `the API at "${server}" did not ${what}`,
      {
        status: reply.status,
        reason: textAt(object, 'reason'),
        why: said === '' ? `it answered ${reply.status}` : `it answered ${reply.status}: ${said}`,
        retryAfterMs: retryAfterMs(reply.headers['retry-after']),
      },
    );
  };
}

function parsed(text: string): JsonMap | undefined {
  try {
    const value = JSON.parse(text) as Json; // what JSON.parse returns is JSON
    return isMap(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `299 - "unknown field \"spec.x\""`, several in one line (RFC 7234, 5.5). */
export function warningsIn(header: string | undefined): string[] {
  return [...(header ?? '').matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replaceAll(/\\(.)/g, '$1'),
  );
}

/** Seconds or a date. A server that asks for more than a minute is asked again after a minute: it is ours. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 60_000) : undefined;
}
