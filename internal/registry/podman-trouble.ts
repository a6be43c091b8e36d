import { CommandError, Failure, messageOf } from '../errors/errors.ts';
import { RegistryFailure } from './trouble.ts';

type Rule = {
  readonly pattern: RegExp;
  readonly kind:
    | 'auth'
    | 'absent'
    | 'untrusted'
    | 'clock'
    | 'disk'
    | 'policy'
    | 'name'
    | 'plain'
    | 'busy'
    | 'server'
    | 'unreachable'
    | 'broken';
  readonly next?: string;
};

/*
 * podman says why in words only. First match wins, so order matters: "x509: certificate has expired" is about a clock before it is about
 * trust, and disk trouble outranks all, because its message is often wrapped in one about the network.
 */
const rules: readonly Rule[] = [
  {
    pattern: /no space left on device|disk quota exceeded/i,
    kind: 'disk',
    next: 'free space in /var/lib/containers, or make the partition larger',
  },
  {
    pattern: /read-only file system|input\/output error|structure needs cleaning/i,
    kind: 'disk',
    next: 'check the disk and the file system of /var/lib/containers',
  },
  {
    pattern: /certificate has expired or is not yet valid/i,
    kind: 'clock',
    next: 'set the clock of this machine, else renew the certificate of the registry',
  },
  {
    pattern: /x509|certificate signed by unknown authority|tls: failed to verify/i,
    kind: 'untrusted',
    next: 'add the CA of the registry to additionalTrustBundle',
  },
  {
    pattern: /server gave HTTP response to HTTPS client/i,
    kind: 'plain',
    next: 'set "insecure = true" for this registry in registries.conf, or give it TLS',
  },
  {
    pattern:
      /manifest unknown|name unknown|manifest invalid|no image found in (?:manifest list|image index)|repository .* not found|reading manifest .*: (?:.*not found|404)/i,
    kind: 'absent',
    next: 'check the name, or push the image to the registry',
  },
  { pattern: /toomanyrequests|too many requests|status:? ?429/i, kind: 'busy' },
  {
    pattern:
      /unauthorized|authentication required|invalid username\/password|access (?:to the resource )?is denied|denied:|status:? ?40[13]|forbidden/i,
    kind: 'auth',
    next: 'check the entry of this registry in the pull secret',
  },
  {
    pattern: /source image rejected|signature was required|running image .* rejected by policy/i,
    kind: 'policy',
    next: 'check /etc/containers/policy.json and the signatures of the image',
  },
  { pattern: /is blocked in .*registries/i, kind: 'policy', next: 'check registries.conf' },
  {
    pattern: /invalid reference format|short-name|did not resolve to an alias/i,
    kind: 'name',
    next: 'write the image name in full',
  },
  {
    pattern: /status:? ?5\d\d|internal server error|bad gateway|service unavailable|gateway time-?out/i,
    kind: 'server',
  },
  {
    pattern:
      /connection refused|no such host|no route to host|network is unreachable|temporary failure in name resolution/i,
    kind: 'unreachable',
  },
  {
    pattern: /EOF|connection reset|broken pipe|i\/o timeout|tls handshake timeout|client\.timeout|context deadline/i,
    kind: 'broken',
  },
];

const finalFailures: ReadonlySet<Rule['kind']> = new Set([
  'auth',
  'absent',
  'untrusted',
  'clock',
  'disk',
  'policy',
  'name',
  'plain',
]);

/** Gives a failed `podman pull` its class. Unknown words count as transient: the number of attempts bounds them. */
export function podmanTrouble(error: unknown, image: string): Failure {
  if (!(error instanceof CommandError))
    return error instanceof Failure
      ? error
      : new Failure(`image "${image}" was not pulled`, { why: messageOf(error), cause: error });
  const what = `image "${image}" was not pulled`;
  if (error.end.kind === 'not-found' || error.end.kind === 'not-started') return error;
  if (error.end.kind === 'budget')
    return new Failure(what, {
      why: 'podman gave no sign of progress for too long and was ended',
      transient: true,
      cause: error,
    });
  const why = lastError(error.stderrTail) || messageOf(error);
  const rule = rules.find(({ pattern }) => pattern.test(error.stderrTail));
  const details = { why, ...(rule?.next === undefined ? {} : { next: rule.next }), cause: error };
  if (rule === undefined || !finalFailures.has(rule.kind)) return new Failure(what, { ...details, transient: true });
  if (rule.kind === 'auth' || rule.kind === 'absent' || rule.kind === 'untrusted' || rule.kind === 'clock')
    return new RegistryFailure(rule.kind, what, details);
  return new Failure(what, details);
}

/** podman's last "Error: …" line without that word; else its last line. */
function lastError(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const line = lines.findLast((each) => each.startsWith('Error:')) ?? lines.at(-1) ?? '';
  return line.replace(/^Error:\s*/, '').slice(0, 500);
}
