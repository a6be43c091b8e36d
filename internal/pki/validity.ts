import { Failure } from '../errors/errors.ts';
import { tags } from './der.ts';

export type Validity = { readonly notBefore: Date; readonly notAfter: Date };

/** A bound as it is written, in either form; years of two digits are of 1950 to 2049. Throws for what is none. */
export function readTime({ tag, content }: { readonly tag: number; readonly content: Uint8Array }): Date {
  const text = Buffer.from(content).toString('latin1');
  const short = tag === tags.utcTime;
  const found =
    short || tag === tags.generalizedTime
      ? /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(?:\.\d+)?Z$/.exec(text)
      : null;
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '00'] = found ?? [];
  if (found === null || (year.length === 2) !== short) throw new Failure('a date of a certificate is broken');
  const time = new Date(
    `${short ? (Number(year) < 50 ? '20' : '19') : ''}${year}-${month}-${day}T${hour}:${minute}:${second}Z`,
  );
  if (Number.isNaN(time.getTime())) throw new Failure('a date of a certificate is broken');
  return time;
}

/** "No well-defined expiration" (RFC 5280, 4.1.2.5): it has no length and is not moved. */
const never = Date.UTC(9999, 11, 31, 23, 59, 59);

/** The same length, beginning now. */
export function extended({ notBefore, notAfter }: Validity, now: Date): Validity {
  const start = wholeSeconds(now);
  const end =
    notAfter.getTime() === never ? never : Math.min(never, start + (notAfter.getTime() - notBefore.getTime()));
  return { notBefore: new Date(start), notAfter: new Date(end) };
}

/** The same length, ended now: a later extension finds the length again. */
export function expired({ notBefore, notAfter }: Validity, now: Date): Validity {
  const shift = notAfter.getTime() - wholeSeconds(now);
  return { notBefore: new Date(notBefore.getTime() - shift), notAfter: new Date(notAfter.getTime() - shift) };
}

function wholeSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000) * 1000;
}
