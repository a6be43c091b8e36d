import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';

/** A certificate that is for somebody else, with the names that it has. */
export class WrongName extends Error {
  override readonly name = 'WrongName';
  readonly host: string;
  /** As certificates spell them: `DNS:registry.lab`, `IP Address:192.0.2.1`. */
  readonly names: readonly string[];
  /** The common name: what browsers and programs looked at until 2017. */
  readonly commonName: string | undefined;

  constructor(host: string, names: readonly string[], commonName: string | undefined) {
    super(`certificate is not for "${host}"`);
    this.host = host;
    this.names = names;
    this.commonName = commonName;
  }
}

/**
 * Whether a certificate is for a host, decided as Go does, because podman is the one that pulls. Node's own check differs in both
 * directions:
 *
 * | certificate                       | Go      | Node                                |
 * |-----------------------------------|---------|-------------------------------------|
 * | common name, no alternative name  | refused | accepted                            |
 * | `*.lab` for `registry.lab`        | accepted | refused: wants two labels after "*" |
 * | `reg*.example.com`                | refused | accepted                            |
 * | an address as a DNS name          | refused | refused                             |
 */
export function checkName(host: string, certificate: PeerCertificate): WrongName | undefined {
  const names = alternativeNames(certificate.subjectaltname);
  const matches =
    isIP(host) === 0
      ? names.some((name) => name.startsWith('DNS:') && fits(name.slice(4), host.toLowerCase().replace(/\.$/, '')))
      : names.some((name) => name.startsWith('IP Address:') && sameAddress(name.slice(11), host));
  if (matches) return undefined;
  // A malicious or odd subject may lack it, or have it several times.
  const common = [(certificate.subject as Partial<PeerCertificate['subject']> | undefined)?.CN ?? []].flat().at(-1);
  return new WrongName(host, names, common);
}

/** Splits Node's text of the extension; a name that could be mistaken for the separator comes as a JSON string. */
function alternativeNames(text: string | undefined): string[] {
  const pieces = (text ?? '').match(/[^,"]+(?:"(?:[^"\\]|\\.)*")?/g) ?? [];
  return pieces
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '')
    .map((piece) => piece.replace(/"(.*)"$/, (quoted) => String(JSON.parse(quoted))));
}

const label = /^[a-z0-9_][a-z0-9_-]*$/;

/** A `*` stands for one whole label, the first one. Names that are no host names count only when they are equal. */
function fits(pattern: string, host: string): boolean {
  const wanted = host.split('.');
  const given = pattern.toLowerCase().split('.');
  const isPattern = given[0] === '*' && given.length > 1;
  const areNames =
    wanted.every((part) => label.test(part)) && given.slice(isPattern ? 1 : 0).every((part) => label.test(part));
  if (!areNames || !isPattern) return pattern.toLowerCase() === host;
  return given.length === wanted.length && given.slice(1).join('.') === wanted.slice(1).join('.');
}

/** IPv6 addresses have many spellings; a URL knows one. */
function sameAddress(one: string, other: string): boolean {
  const canonical = (text: string): string =>
    isIP(text) === 6 ? new URL(`http://[${text.replace(/%.*$/, '')}]/`).hostname : text;
  return canonical(one) === canonical(other);
}
