import { leavesOf } from './remainder.ts';

/**
 * Texts in which a name is a whole word or is not: the bytes as Latin-1, and all that they hide, to any depth. Binary forms put lengths and
 * tags before and after a text, which look like letters; so the texts inside of protobuf, CBOR and DER are layers of their own.
 */
export function* layersOf(bytes: Uint8Array): Generator<string> {
  const text = Buffer.from(bytes).toString('latin1');
  if (text.startsWith('k8s\0')) {
    for (const leaf of leavesOf(bytes))
      yield* textLayers(
        Buffer.from(leaf)
          .toString('latin1')
          .replace(/^\d+\/\d:/, ''),
      );
  } else if (text.startsWith('\xd9\xd9\xf7')) {
    for (const leaf of cborTexts(Buffer.from(bytes.subarray(3)))) yield* textLayers(leaf);
  } else yield* textLayers(text);
}

function* textLayers(text: string): Generator<string> {
  yield text;
  if (/%[0-9A-Fa-f]{2}/.test(text)) {
    const decoded = text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
      Buffer.from(run.replaceAll('%', ''), 'hex').toString('latin1'),
    );
    if (decoded !== text) yield* textLayers(decoded);
  }
  // Escapes of JSON inside of JSON.
  if (text.includes('\\')) {
    const decoded = text
      .replace(/\\u00([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replaceAll('\\n', '\n')
      .replaceAll('\\"', '"')
      .replaceAll('\\\\', '\\');
    if (decoded !== text) yield* textLayers(decoded);
  }
  // Base64 in lines is PEM.
  for (const [run] of text
    .replace(/(?<=[A-Za-z0-9+/]{60})\r?\n(?=[A-Za-z0-9+/=])/g, '')
    .matchAll(/[A-Za-z0-9+/_-]{12,}={0,2}/g)) {
    // What stands before it may look like base64 as well.
    for (let skip = 0; skip < (run.length > 400 ? 4 : 1); skip += 1) {
      const content = Buffer.from(run.slice(skip).replaceAll('-', '+').replaceAll('_', '/'), 'base64');
      if (content[0] === 0x30 && (content[1] ?? 0) >= 0x80) yield derTexts(content);
      const words = content.toString('latin1');
      if (/[A-Za-z0-9.:/-]{5,}/.test(words)) yield* textLayers(words);
    }
  }
}

/** Strings and addresses of a certificate or key, each in a line: whatever has the tag of one and the length that it says. */
function derTexts(der: Buffer): string {
  const found: string[] = [];
  for (let at = 0; at + 2 < der.length; at += 1) {
    const [tag = 0, length = 0] = [der[at], der[at + 1]];
    const content = der.subarray(at + 2, at + 2 + length);
    if (content.length !== length || length === 0) continue;
    if (tag === 0x87 && length === 4) found.push(content.join('.'));
    else if (tag === 0x87 && length === 16)
      found.push(new URL(`http://[${content.toString('hex').replace(/(.{4})(?!$)/g, '$1:')}]`).hostname.slice(1, -1));
    else if ([0x0c, 0x13, 0x16, 0x82].includes(tag) && /^[\x20-\x7e]+$/.test(content.toString('latin1')))
      found.push(content.toString('latin1'));
  }
  return found.join('\n');
}

/** Every string of a CBOR value: names and texts, of definite length. */
function cborTexts(bytes: Buffer): string[] {
  const found: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const head = bytes[at] ?? 0;
    const [major, info] = [head >> 5, head & 0x1f];
    at += 1;
    let value = info;
    if (info >= 24 && info <= 27) {
      const size = 2 ** (info - 24);
      value = Number(BigInt(`0x${bytes.subarray(at, at + size).toString('hex')}`));
      at += size;
    }
    // Lists, maps and tags have their members after them, and numbers have none.
    if (major === 2 || major === 3) {
      found.push(bytes.subarray(at, at + value).toString('latin1'));
      at += value;
    }
  }
  return found;
}
