import { base64Bytes, respellBase64 } from './base64.ts';
import { fromLatin1, fromUtf8, latin1, utf8 } from './characters.ts';
import { dataUrlBytes, dataUrlHead, respellDataUrl } from './data-url.ts';
import type { JsonToken } from './json.ts';
import { isJson, jsonRoot, jsonTokenAt, respellJson } from './json.ts';
import { decodeJsonString } from './json-string.ts';
import type { Part } from './part.ts';
import { pemBlocksIn, rewrapped } from './pem.ts';
import type { Hunk } from './respell.ts';
import { inOrder, splice } from './respell.ts';
import { openYaml } from './yaml.ts';

/** A value inside that becomes another. `hunks` say which of its bytes differ, one character for one byte. */
export type Change = { readonly part: Part; readonly bytes: Uint8Array; readonly hunks: readonly Hunk[] };

/**
 * A text opened in one way, for all parts of that way at once: a bundle of 150 certificates is read once and written once, and
 * what stands between two changes keeps its spelling.
 */
export type Layer = {
  /** The value at a part; undefined when nothing can be read there. */
  readonly innerAt: (part: Part) => Uint8Array | undefined;
  /** The text with some inner values changed, and where it differs; undefined where a value cannot be spelled. */
  readonly close: (
    changes: readonly Change[],
  ) => { readonly bytes: Uint8Array; readonly hunks: readonly Hunk[] } | undefined;
  /** What stands around the values at these parts, byte for byte: the part of the text that a change must leave alone. */
  readonly around: (parts: readonly Part[]) => string;
};

/** Opens a text in one way; undefined when it is no such text. */
export function openLayer(bytes: Uint8Array, way: Part['in']): Layer | undefined {
  switch (way) {
    case 'json':
      return jsonLayer(bytes);
    case 'yaml':
      return yamlLayer(bytes);
    case 'pem':
      return pemLayer(latin1(bytes));
    case 'base64': {
      const text = latin1(bytes);
      return single(base64Bytes(text), ({ bytes: inner }) => [whole(text, respellBase64(text, inner))], text, '');
    }
    case 'data-url': {
      const url = latin1(bytes);
      return single(
        dataUrlBytes(url),
        ({ hunks, bytes: inner }) => {
          const fresh = respellDataUrl(url, inner, hunks);
          return fresh === undefined ? undefined : [whole(url, fresh)];
        },
        url,
        dataUrlHead(url) ?? '',
      );
    }
    case 'jwt': {
      const text = latin1(bytes);
      const [, before = '', token = '', after = ''] = jwtIn.exec(text) ?? [];
      return single(
        token === '' ? undefined : fromLatin1(token),
        (change) => [{ start: before.length, end: text.length - after.length, text: latin1(change.bytes) }],
        text,
        `${before}|${after}`,
      );
    }
    case 'password': {
      const text = latin1(bytes);
      const colon = text.indexOf(':');
      return single(
        colon < 0 ? undefined : fromLatin1(text.slice(colon + 1)),
        (change) => change.hunks.map((hunk) => ({ ...hunk, start: hunk.start + colon + 1, end: hunk.end + colon + 1 })),
        text,
        text.slice(0, colon + 1),
      );
    }
  }
}

/** A token with blanks around it. That its header is JSON is the room `pki`'s to say. */
const jwtIn = /^(\s*)([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)(\s*)$/;

/** A text that holds one value. */
function single(
  inner: Uint8Array | undefined,
  hunksOf: (change: Change) => readonly Hunk[] | undefined,
  text: string,
  around: string,
): Layer | undefined {
  return inner === undefined
    ? undefined
    : {
        innerAt: () => inner,
        close: ([change]) => {
          const hunks = change === undefined ? [] : hunksOf(change);
          return hunks === undefined ? undefined : closedLatin1(text, hunks);
        },
        around: () => around,
      };
}

function pemLayer(text: string): Layer {
  const blocks = pemBlocksIn(text);
  const blockAt = (part: Part) => (part.in === 'pem' ? blocks[part.index] : undefined);
  return {
    innerAt: (part) => blockAt(part)?.der,
    close: (changes) =>
      closedLatin1(
        text,
        changes.flatMap((change): Hunk[] => {
          const block = blockAt(change.part);
          return block === undefined
            ? []
            : [
                {
                  start: block.bodyStart,
                  end: block.bodyEnd,
                  text: rewrapped(
                    text.slice(block.bodyStart, block.bodyEnd),
                    Buffer.from(change.bytes).toString('base64'),
                    64,
                  ),
                },
              ];
        }),
      ),
    around: (parts) =>
      outside(
        text,
        parts.map(blockAt).map((block) => block && { start: block.bodyStart, end: block.bodyEnd }),
      ),
  };
}

function jsonLayer(bytes: Uint8Array): Layer | undefined {
  const text = utf8(bytes);
  if (text === undefined || !isJson(text)) return undefined;
  const root = jsonRoot(text);
  const stringAt = (part: Part): JsonToken | undefined => {
    const token = part.in === 'json' ? jsonTokenAt(root, part.path) : undefined;
    return token?.type === 'string' ? token : undefined;
  };
  const sourceOf = (token: JsonToken): string => text.slice(token.start + 1, token.end - 1);
  return {
    innerAt: (part) => {
      const token = stringAt(part);
      return token === undefined ? undefined : fromUtf8(decodeJsonString(sourceOf(token)).value);
    },
    close: (changes) =>
      closedUtf8(
        text,
        changes.map(({ part, ...change }) => {
          const token = stringAt(part);
          const value = utf8(change.bytes);
          if (token === undefined || value === undefined) return undefined;
          return {
            start: token.start + 1,
            end: token.end - 1,
            text: respellJson(sourceOf(token), value, text, change.hunks),
          };
        }),
      ),
    around: (parts) => outside(text, parts.map(stringAt)),
  };
}

function yamlLayer(bytes: Uint8Array): Layer | undefined {
  const text = utf8(bytes);
  const yaml = text === undefined ? undefined : openYaml(text);
  return text === undefined || yaml === undefined
    ? undefined
    : {
        innerAt: (part) => (part.in === 'yaml' ? fromUtf8(yaml.stringAt(part.path)) : undefined),
        close: (changes) => {
          const wanted = changes.map(({ part, bytes: inner }) => ({
            path: part.in === 'yaml' ? part.path : [],
            value: utf8(inner),
          }));
          if (!wanted.every((change) => change.value !== undefined)) return undefined;
          return closedUtf8(text, yaml.hunksFor(wanted.map(({ path, value = '' }) => ({ path, value }))));
        },
        around: (parts) =>
          outside(
            text,
            parts.map((part) => (part.in === 'yaml' ? yaml.spanAt(part.path) : undefined)),
          ),
      };
}

function closedLatin1(
  text: string,
  hunks: readonly Hunk[],
): { readonly bytes: Uint8Array; readonly hunks: readonly Hunk[] } {
  return { bytes: fromLatin1(splice(text, hunks)), hunks };
}

/** Offsets count UTF-16 units here; where units are not bytes, the whole text counts as changed. */
function closedUtf8(
  text: string,
  hunks: readonly (Hunk | undefined)[] | undefined,
): { readonly bytes: Uint8Array; readonly hunks: readonly Hunk[] } | undefined {
  const known = hunks?.filter((hunk) => hunk !== undefined);
  if (known === undefined || known.length !== hunks?.length) return undefined;
  const fresh = splice(text, known);
  const bytes = fromUtf8(fresh);
  if (bytes === undefined) return undefined;
  return {
    bytes,
    hunks: isAscii(text) && isAscii(fresh) ? known : [whole(latin1(new TextEncoder().encode(text)), latin1(bytes))],
  };
}

function isAscii(text: string): boolean {
  return !/[^\u0000-\u007f]/.test(text);
}

function whole(text: string, fresh: string): Hunk {
  return { start: 0, end: text.length, text: fresh };
}

/** The stretches of a text outside some spans, each ended by a mark that counts it. */
function outside(
  text: string,
  spans: readonly ({ readonly start: number; readonly end: number } | undefined)[],
): string {
  const kept: string[] = [];
  let at = 0;
  for (const { start, end } of inOrder(
    spans.filter((span) => span !== undefined).map(({ start, end }) => ({ start, end, text: '' })),
  )) {
    kept.push(text.slice(at, start));
    at = end;
  }
  return [...kept, text.slice(at)].map((piece) => `${piece.length}:${piece}`).join('|');
}
