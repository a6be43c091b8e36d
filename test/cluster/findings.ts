import { customBundles } from './settings/authorities.ts';

/**
 * Certificates, keys and tokens in the bytes of a value or a file, found by their looks alone: no object is decoded, no place is
 * computed. Slower and simpler than the product, and independent of it, so that the judges may trust it.
 */
export type Finding = {
  readonly kind: 'certificate' | 'private-key' | 'public-key' | 'token';
  /** PEM text of one block with LF and 64 columns, or the token. */ readonly text: string;
};

const pem = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g;
const token = /eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}/g;
// Looks back, so that it is tried once a run and not at each letter of one: that was half of the time that generating a cluster took.
const encoded = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{80,}={0,2}/g;
const inner = /-----BEGIN [A-Z ]|eyJ[A-Za-z0-9_-]{10,}\.eyJ|LS0tLS1CRUdJTi/;
const dataUrl = /data:,((?:[A-Za-z0-9\-_.!~*'()]|%[0-9A-F]{2})+)/g;

/** What a run of base64 hides. The byte before it may look like base64 as well, so the run may begin one to three letters later. */
function hiddenIn(run: string): Buffer | undefined {
  for (let skip = 0; skip < 4; skip += 1) {
    const content = Buffer.from(run.slice(skip), 'base64');
    if (inner.test(content.toString('latin1'))) return content;
  }
  return undefined;
}

/** In the order of the bytes. What stands inside of base64 or a data URL counts where that begins. */
export function findingsIn(bytes: Uint8Array): Finding[] {
  const text = Buffer.from(bytes).toString('latin1');
  const found: { at: number; finding: Finding }[] = [];
  const inside = (at: number, content: Buffer): void => {
    for (const finding of findingsIn(content)) found.push({ at, finding });
  };
  for (const match of text.matchAll(pem)) {
    const [, tag = '', body = ''] = match;
    const finding = block(tag, body);
    if (finding !== undefined) found.push({ at: match.index, finding });
  }
  for (const match of text.matchAll(token)) found.push({ at: match.index, finding: { kind: 'token', text: match[0] } });
  for (const match of text.matchAll(encoded)) {
    const content = hiddenIn(match[0]);
    if (content !== undefined) inside(match.index, content);
  }
  for (const match of text.matchAll(dataUrl)) inside(match.index, Buffer.from(decodeURIComponent(match[1] ?? '')));
  return found.sort((one, other) => one.at - other.at).map(({ finding }) => finding);
}

function block(tag: string, body: string): Finding | undefined {
  const kind = /CERTIFICATE$/.test(tag)
    ? 'certificate'
    : /PRIVATE KEY$/.test(tag)
      ? 'private-key'
      : /PUBLIC KEY$/.test(tag)
        ? 'public-key'
        : undefined;
  // A JSON text spells its line ends `\n`.
  const base64 = body.replace(/\\r|\\n/g, '').replace(/\s/g, '');
  if (kind === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const label = kind === 'certificate' ? 'CERTIFICATE' : tag;
  return { kind, text: `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n` };
}

export const derOf = ({ text }: Finding): Buffer => Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64');

const bare = (body: string): string => body.replace(/\\r|\\n|\s/g, '');
const customAuthorities = new Map(
  Object.entries(customBundles).flatMap(([use, { one, two }]) =>
    [...`${one}${two}`.matchAll(pem)].map(([, , body = '']): [string, string] => [
      bare(body),
      `${use}'s ${bare(body).slice(-8)} `,
    ]),
  ),
);

/** Authorities that people tell a cluster to trust are nobody's to renew, and which of them stands where is part of an identity. */
const customAuthority = (body: string): string => customAuthorities.get(bare(body)) ?? '';

/**
 * The same bytes with every certificate, key and token made unknown. What a renewal has to keep stays: the tag, the width of the first
 * line, line ends, and the way into base64 and data URLs.
 */
export function masked(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(encoded, (run) => {
      const content = hiddenIn(run);
      return content === undefined ? run : `<base64 ${masked(content)}>`;
    })
    .replace(dataUrl, (url, content: string) =>
      inner.test(decodeURIComponent(content)) ? `<url ${masked(Buffer.from(decodeURIComponent(content)))}>` : url,
    )
    .replace(pem, (whole, tag: string, body: string) => {
      if (block(tag, body) === undefined) return whole;
      const lineEnd = /^(?:\r?\n|(?:\\r)?\\n)/.exec(body)?.[0] ?? '';
      const lines = body.split(lineEnd === '' ? '\n' : lineEnd);
      return `<${customAuthority(body)}${tag} ${JSON.stringify(lineEnd)} ${lines.length > 3 ? (lines[1]?.length ?? 0) : 'one line'} ${lines.at(-1) ?? ''}>`;
    })
    .replace(token, '<token>');
}
