import type { PrivateForm, PrivateKey } from '../../internal/pki/keys.ts';
import { writePrivateKey } from '../../internal/pki/keys.ts';

/** How a block is wrapped. Not by the package's own writer: tests want other widths and line ends as well. */
export type PemForm = { readonly width?: number; readonly eol?: string };

export function pemOf(tag: string, der: Uint8Array, { width = 64, eol = '\n' }: PemForm = {}): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
  return `-----BEGIN ${tag}-----${eol}${lines.join(eol)}${eol}-----END ${tag}-----${eol}`;
}

const usualTag: Readonly<Record<PrivateForm, string>> = {
  pkcs1: 'RSA PRIVATE KEY',
  sec1: 'EC PRIVATE KEY',
  pkcs8: 'PRIVATE KEY',
};

/** The form in which OpenShift stores a key: PKCS#1 and SEC1, except where a CSR made it. */
export function keyPem(key: PrivateKey, form: PrivateForm = usualForm(key), tag = usualTag[form]): string {
  return pemOf(tag, writePrivateKey(key, form));
}

function usualForm({ public: { shape } }: PrivateKey): PrivateForm {
  return ({ rsa: 'pkcs1', ec: 'sec1', ed25519: 'pkcs8' } as const)[shape.type];
}
