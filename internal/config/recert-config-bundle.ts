import { X509Certificate } from 'node:crypto';
import { UsageError } from '../errors/errors.ts';
import { readGiven } from './recert-config-rules.ts';

/**
 * The text of a trust bundle with its comments: PEM text, or a file of it. Everything on a cluster that reads one is written in Go, so a
 * certificate counts when Go's reader sees it; a block that a person meant and Go passes by would be a root that nobody trusts, without a word.
 *
 * A byte order mark at the beginning is dropped: Go would pass the first block by.
 *
 * @throws UsageError that names every block which is none
 */
export async function readBundle(text: string, what: string): Promise<string> {
  // The reference's word for it, which people search for.
  if (text === '')
    throw new UsageError(`${what === 'user_ca_bundle' ? 'additional_trust_bundle' : what} must exist`, {
      next: 'give a file or PEM text, or leave the key out',
    });
  const isText = text.includes('\n') || text.includes('-----BEGIN ');
  const given = isText ? text : await readGiven(text, what);
  const named = isText ? what : `${what} "${text}"`;
  const bundle = given.replace(/^\uFEFF/, '').replace(/^\u00EF\u00BB\u00BF/, '');
  const blocks = blocksIn(bundle);
  if (blocks.length === 0)
    throw new UsageError(`${named} holds no certificate`, { next: 'give PEM text with CERTIFICATE blocks' });
  const foreign = blocks.find(({ tag }) => tag !== 'CERTIFICATE');
  if (foreign !== undefined)
    throw new UsageError(`${named} holds a block "${foreign.tag}"`, { next: 'leave CERTIFICATE blocks only' });
  const faults = blocks.flatMap(({ fault }, index) =>
    fault === undefined ? [] : [`certificate ${index + 1} of ${blocks.length} ${fault}`],
  );
  if (faults.length > 0)
    throw new UsageError(`${named}: ${faults.join('; ')}`, {
      next: 'give each certificate as it was issued: BEGIN and END at the start of lines of their own, base64 between them',
    });
  return bundle;
}

type Block = { readonly tag: string; /** Why Go's reader does not see a certificate here. */ readonly fault?: string };

/** Every block that a person may have meant, whatever stands around its BEGIN. */
function blocksIn(text: string): Block[] {
  const begins = [...text.matchAll(/-----BEGIN ([^\n-]*)-----/g)];
  return begins.map(({ 0: begin, 1: tag = '', index }, at) => {
    const next = begins[at + 1]?.index ?? text.length;
    const fault = faultOf(text, index, index + begin.length, next, tag);
    return fault === undefined ? { tag } : { tag, fault };
  });
}

/** What Go's `encoding/pem` and `crypto/x509` ask of a block, from the place of its BEGIN to that of the next. */
function faultOf(text: string, start: number, bodyStart: number, next: number, tag: string): string | undefined {
  if (start > 0 && text[start - 1] !== '\n') return 'does not begin its line: it is indented, or follows other text';
  const rest = text.slice(bodyStart, next);
  const line = /^[ \t\r]*\n/.exec(rest);
  if (line === null) return 'has no line end after BEGIN: it stands on one line';
  const body = rest.slice(line[0].length);
  const end = /(?:^|\n)-----END ([^\n-]*)-----([^\n]*)/.exec(body);
  if (end === null)
    return /-----END /.test(body) ? 'has an END that does not begin its line' : 'has no END line: it is cut off';
  if (end[1] !== tag) return `begins with "${tag}" and ends with "${end[1] ?? ''}"`;
  if (/[^ \t\r]/.test(end[2] ?? '')) return 'has text behind its END';
  const content = body.slice(0, end.index);
  if (/^[^\n:]+:/.test(content)) return 'has headers, with which Go does not take it for a certificate';
  const base64 = content.replaceAll(/[ \t\r\n]/g, '');
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return 'is cut or damaged in its base64';
  try {
    new X509Certificate(Buffer.from(base64, 'base64'));
    return undefined;
  } catch {
    return 'holds no certificate: its base64 is cut, or of something else'; // what OpenSSL says speaks of PEM, which it was not given
  }
}
