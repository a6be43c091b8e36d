import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { errorCode, messageOf, UsageError } from '../errors/errors.ts';
import { Secret } from '../log/secret.ts';

/** Replace this name or address, as a whole, by that one. Equal sides occur and are harmless. */
export type NameRule = { readonly old: string; readonly new: string };

/** The certificate whose subject has this one common name gets this key (PEM). */
export type UseKeyRule = { readonly commonName: string; readonly keyPem: Secret; readonly from: string };

/** The certificate with the common name of this one becomes this one (PEM). */
export type UseCertRule = { readonly pem: string; readonly from: string };

/** `old,new`, or `old:new` where there is no comma: IPv6 and names with colons need the comma. */
export function readNameRule(text: string): NameRule {
  const parts = text.split(text.includes(',') ? ',' : ':');
  const [old, replacement] = parts;
  if (parts.length !== 2 || old === undefined || replacement === undefined || old === '' || replacement === '') {
    throw new UsageError(`cn_san_replace rule "${text}" is not of the form old,new or old:new`, {
      next: 'write old,new where a side holds a colon',
    });
  }
  return { old, new: replacement };
}

/**
 * `CN:key` or `CN key`, where key is a file or PEM text. A text with a colon is split at colons, else at blanks, into exactly two
 * parts; PEM text is recognised first, since it holds blanks of its own.
 */
export async function readUseKeyRule(rule: Secret): Promise<UseKeyRule> {
  const text = rule.reveal();
  const begin = text.indexOf('-----BEGIN ');
  if (begin >= 0) {
    const commonName = text.slice(0, begin).replace(/[: ]$/, '');
    if (commonName === '' || begin === commonName.length)
      throw new UsageError('a use_key rule with PEM text has no common name before it', { next: 'write CN:PEM' });
    return { commonName, keyPem: checkedKey(new Secret(text.slice(begin)), commonName, 'PEM text'), from: 'PEM text' };
  }
  const parts = text.split(text.includes(':') ? ':' : ' ');
  const [commonName, path] = parts;
  if (parts.length !== 2 || commonName === undefined || path === undefined || commonName === '' || path === '') {
    // Not shown: a mangled rule may be a key.
    throw new UsageError('a use_key rule is not of the form CN:FILE or CN FILE', {
      why: `it has ${parts.length} parts`,
      next: 'give one common name and one file; neither may hold a colon',
    });
  }
  const keyPem = new Secret(await readGiven(path, 'use_key file'));
  return { commonName, keyPem: checkedKey(keyPem, commonName, path), from: path };
}

function checkedKey(pem: Secret, commonName: string, from: string): Secret {
  const tag = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem.reveal())?.[1];
  if (tag === undefined || !['RSA PRIVATE KEY', 'EC PRIVATE KEY', 'PRIVATE KEY'].includes(tag)) {
    const found =
      pem.reveal().trim() === ''
        ? 'it is empty'
        : tag === undefined
          ? 'it holds no PEM block'
          : `it begins with a block "${tag}"`;
    throw new UsageError(`unknown private key format for CN ${commonName} in ${from}`, {
      why: found,
      next: 'give an RSA PRIVATE KEY, EC PRIVATE KEY or PRIVATE KEY block',
    });
  }
  try {
    createPrivateKey(pem.reveal());
  } catch {
    throw new UsageError(`the private key for CN ${commonName} in ${from} cannot be read`, {
      next: 'give an unencrypted, whole key',
    }); // OpenSSL's words may quote the text
  }
  return pem;
}

/** A file that holds one certificate, or its PEM text. */
export async function readUseCertRule(text: string): Promise<UseCertRule> {
  const from = text.includes('\n') ? 'PEM text' : text;
  const pem = text.includes('\n') ? text : await readGiven(text, 'use_cert file');
  const tags = [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(([, tag]) => tag ?? '');
  if (tags.length !== 1)
    throw new UsageError(`use_cert ${from} holds ${tags.length === 0 ? 'no' : String(tags.length)} PEM blocks`, {
      next: 'give exactly one certificate',
    });
  if (tags[0] !== 'CERTIFICATE')
    throw new UsageError(`use_cert ${from} holds a block "${String(tags[0])}"`, { next: 'give a CERTIFICATE block' });
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw new UsageError(`the certificate of use_cert ${from} cannot be read`, {
      why: messageOf(error),
      next: 'give a whole certificate',
    });
  }
  return { pem, from };
}

/** The text of a file that the configuration names. */
export async function readGiven(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = errorCode(error);
    throw new UsageError(
      code === 'ENOENT'
        ? `${what} must exist: ${path}`
        : code === 'EISDIR'
          ? `${what} must be a file: ${path}`
          : `${what} cannot be read: ${path} (${code ?? messageOf(error)})`,
      { next: 'check the path' },
    );
  }
}
