/**
 * Certificates, keys and tokens in the bytes of a value or a file, found by their looks alone: no object is decoded, no place is
 * computed. Slower and simpler than the product, and independent of it, so that the judges may trust it.
 */
export type Finding = { readonly kind: 'certificate' | 'private-key' | 'public-key' | 'token'; /** PEM text of one block with LF, or the token. */ readonly text: string };

const pem = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g;
const token = /eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}/g;
const encoded = /(?<![A-Za-z0-9+/])(?:LS0tLS1CRUdJTi|ZXlK|YXBpVmVyc2lvbj|[A-Za-z0-9+/]{0,400}LS0tLS1CRUdJTi)[A-Za-z0-9+/]{40,}={0,2}|LS0tLS1CRUdJTi[A-Za-z0-9+/]{40,}={0,2}/g;
const dataUrl = /data:,([^"\s\\]+)/g;

/** In the order of the bytes. What stands inside of base64 or a data URL counts where that begins. */
export function findingsIn(bytes: Uint8Array): Finding[] {
  const text = Buffer.from(bytes).toString('latin1');
  const found: { at: number; finding: Finding }[] = [];
  const inside = (at: number, content: Buffer): void => { for (const finding of findingsIn(content)) found.push({ at, finding }); };
  for (const match of text.matchAll(pem)) {
    const [, tag = '', body = ''] = match;
    const finding = block(tag, body);
    if (finding !== undefined) found.push({ at: match.index, finding });
  }
  for (const match of text.matchAll(token)) found.push({ at: match.index, finding: { kind: 'token', text: match[0] } });
  for (const match of text.matchAll(encoded)) inside(match.index, Buffer.from(match[0], 'base64'));
  for (const match of text.matchAll(dataUrl)) inside(match.index, Buffer.from(decodeURIComponent(match[1] ?? '')));
  return found.sort((one, other) => one.at - other.at).map(({ finding }) => finding);
}

function block(tag: string, body: string): Finding | undefined {
  const kind = /CERTIFICATE$/.test(tag) ? 'certificate' : /PRIVATE KEY$/.test(tag) ? 'private-key' : /PUBLIC KEY$/.test(tag) ? 'public-key' : undefined;
  // A JSON text spells its line ends `\n`.
  const base64 = body.replace(/\\r|\\n/g, '').replace(/\s/g, '');
  if (kind === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  return { kind, text: `-----BEGIN ${tag}-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END ${tag}-----\n` };
}

export const derOf = ({ text }: Finding): Buffer => Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64');
