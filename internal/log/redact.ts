/**
 * Second net behind `Secret`: programs of the host print what they like, and their last words end in our errors and bundles.
 * Two nets in one: values that are known to be secret, and forms that always are.
 */

const secretForms: readonly (readonly [RegExp, string])[] = [
  // user:password@ in any URL
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@:"']*(?::[^\s/@"']*)?@/gi, '$1[redacted]@'],
  // JSON and YAML members of pull secrets and proxy settings
  [
    // but for the step that bears such a name
    /(?<!step \d+\/\d+ pull-)(["']?\b(?:auth|password|passwd|identitytoken|registrytoken|token|secret|pullSecret)\b["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,}"']+)/gi,
    '$1"[redacted]"',
  ],
  [/\b((?:Proxy-)?Authorization:\s*(?:Basic|Bearer)\s+)\S+/gi, '$1[redacted]'],
  [/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, '-----BEGIN $1----- [redacted]'],
  [/\bey[A-Za-z0-9_-]{10,}\.ey[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+/g, '[redacted token]'],
];

/** Takes secrets out of text. `conceal` teaches it more values while the program runs. */
export type Redactor = {
  conceal(value: string): void;
  clean(text: string): string;
};

/** Values shorter than this are not searched for: they would hit innocent text ("no", "1"). */
const shortestSecret = 6;

/** Makes a redactor that knows the general forms and the values it is told. */
export function createRedactor(): Redactor {
  const values = new Set<string>();
  return {
    conceal(value) {
      for (const part of [value, value.trim(), Buffer.from(value).toString('base64')]) {
        if (part.length >= shortestSecret) values.add(part);
      }
    },
    clean(text) {
      let cleaned = text;
      for (const value of [...values].sort((a, b) => b.length - a.length))
        cleaned = cleaned.replaceAll(value, '[redacted]');
      for (const [form, replacement] of secretForms) cleaned = cleaned.replace(form, replacement);
      return cleaned;
    },
  };
}
