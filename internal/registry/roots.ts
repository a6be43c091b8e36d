import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfPresent } from '../host/files.ts';

/** A certificate of a file, and whether the form it stands in counts. */
export type FoundCertificate = { readonly pem: string; readonly path: string; readonly counts: boolean };

const block = /^-----BEGIN ((?:TRUSTED )?CERTIFICATE)-----[ \t]*\r?\n([^-]*)^-----END \1-----[ \t]*\r?$/gm;

/**
 * The certificates of a text, in the form that Go's PEM reader takes: the line begins with the dashes, no headers, valid base64. What
 * OpenSSL takes besides ("TRUSTED CERTIFICATE", with settings behind the certificate) is found, and marked as of no use for podman.
 */
export function certificatesIn(text: string, path: string): FoundCertificate[] {
  return [...text.matchAll(block)].flatMap(([, kind, body = '']) => {
    const base64 = body.replace(/\s+/g, '');
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) return [];
    const lines = base64.match(/.{1,64}/g) ?? [];
    const pem = [`-----BEGIN ${kind ?? ''}-----`, ...lines, `-----END ${kind ?? ''}-----`].join('\n');
    return [{ pem, path, counts: kind === 'CERTIFICATE' }];
  });
}

/**
 * The authorities of the system as a Go program sees them (crypto/x509 on Unix): the first bundle that exists, and every file of the
 * folders. Node's own list is left out on purpose: what only we trust, podman cannot pull.
 */
export async function systemRoots(bundles: readonly string[], folders: readonly string[]): Promise<FoundCertificate[]> {
  const found: FoundCertificate[] = [];
  for (const path of bundles) {
    const text = await textOf(path);
    if (text === undefined) continue;
    found.push(...certificatesIn(text, path));
    break;
  }
  for (const path of (await Promise.all(folders.map(filesOf))).flat())
    found.push(...certificatesIn((await textOf(path)) ?? '', path));
  return found;
}

/** Files of a folder; links within it (OpenSSL's hashes) only repeat them. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const paths: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink() && !(await readlink(path).catch(() => '')).includes('/')) continue;
    if (!entry.isDirectory()) paths.push(path);
  }
  return paths.sort();
}

/** An unreadable file is no authority, for Go and for us. */
async function textOf(path: string): Promise<string | undefined> {
  return readTextIfPresent(path).catch(() => undefined);
}
