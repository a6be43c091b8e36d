import { CommandError, Failure, Interrupted, messageOf } from '../errors/errors.ts';
import { spokenReason } from './podman-words.ts';
import { RegistryFailure, type TroubleKind } from './trouble.ts';

type Rule = {
  readonly pattern: RegExp;
  readonly kind: TroubleKind | 'disk' | 'policy' | 'name' | 'plain';
  readonly next: string;
  /** It may pass while a registry starts, but not where our client got in a moment ago. */
  readonly atTheDoor?: true;
};

/*
 * podman and skopeo say why in words only. First match wins, so order matters: "x509: certificate has expired" is about a clock before it
 * is about trust, and disk trouble outranks all, because its message is often wrapped in one about the network.
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
    next: 'set the clock of this machine if it is wrong, else give the registry another certificate',
  },
  {
    pattern: /legacy Common Name field|doesn't contain any IP SANs|not valid for any names/i,
    kind: 'untrusted',
    next: 'give the registry a certificate with a subject alternative name for the name that is used',
  },
  {
    pattern: /x509: certificate is valid for /i,
    kind: 'untrusted',
    next: 'use a name that the certificate has, or give the registry a certificate for this name',
  },
  {
    pattern: /x509:.*(?:insecure algorithm|cannot sign this kind of certificate)/i,
    kind: 'untrusted',
    next: 'give the registry another certificate',
  },
  {
    pattern: /signed by unknown authority/i,
    kind: 'untrusted',
    next: 'add the CA of the registry to additionalTrustBundle',
  },
  {
    pattern: /x509:|tls: failed to (?:verify|parse) certificate/i,
    kind: 'untrusted',
    next: 'give the registry another certificate',
  },
  {
    pattern: /remote error: tls: (?:bad certificate|certificate required|unknown certificate)/i,
    kind: 'auth',
    next: 'put the client certificate and its key into /etc/containers/certs.d/REGISTRY/client.cert and client.key',
  },
  {
    pattern:
      /remote error: tls: (?:handshake failure|protocol version)|tls: server selected unsupported|tls: no supported/i,
    kind: 'protocol',
    next: 'let the registry speak TLS 1.2 or newer with a usual cipher (ECDHE with AES-GCM) and a certificate with an ECDSA or RSA key',
  },
  {
    pattern: /server gave HTTP response to HTTPS client/i,
    kind: 'plain',
    next: 'set "insecure = true" for this registry in registries.conf, or give it TLS',
  },
  {
    pattern: /is blocked in .*registries/i,
    kind: 'settings',
    next: 'take the registry out of the blocked ones in registries.conf, or give it a mirror',
  },
  {
    pattern:
      /rewriting reference|loading (?:drop-in )?registries|sysregistr|invalid location '|unqualified-search-registries/i,
    kind: 'settings',
    next: 'correct registries.conf',
  },
  {
    pattern: /missing key .* for client certificate|missing client certificate|tls: (?:private key|failed to find)/i,
    kind: 'settings',
    next: 'correct the folder of the registry in /etc/containers/certs.d: NAME.crt authorities, NAME.cert with NAME.key client certificates',
  },
  {
    pattern: /unmarshaling JSON at|illegal base64 data/i,
    kind: 'auth',
    next: 'correct the pull secret; "auth" is the base64 of USER:PASSWORD',
  },
  {
    pattern: /docker-credential-|error getting credentials/i,
    kind: 'auth',
    next: 'install the credential helper, or put the credentials into the pull secret',
  },
  {
    pattern:
      /source image rejected|signature was required|rejected by policy|loading trust policy|invalid policy in|no policy\.json/i,
    kind: 'policy',
    next: 'check /etc/containers/policy.json and the signatures of the image',
  },
  {
    pattern: /pinging container registry .*status(?: code from registry|Code)?:? ?4(?!29)\d\d|V1 container registry/i,
    kind: 'server',
    atTheDoor: true,
    next: 'check name and port of the registry, and its proxies: podman first asks "/v2/", which must answer 200 or 401',
  },
  {
    pattern:
      /manifest unknown|name unknown|manifest invalid|no image found in (?:manifest list|image index)|repository .* not found|reading manifest .*: (?:.*not found|404)/i,
    kind: 'absent',
    next: 'check the name, or push the image to the registry',
  },
  {
    pattern: /toomanyrequests|too many requests|status(?: code from registry|Code)?:? ?429/i,
    kind: 'busy',
    next: 'wait a while, or let the registry allow more requests',
  },
  {
    pattern:
      /unauthorized|authentication required|invalid username\/password|access (?:to the resource )?is denied|denied:|status(?: code from registry|Code)?:? ?40[13]|forbidden/i,
    kind: 'auth',
    next: 'check the entry of this registry in the pull secret',
  },
  {
    pattern: /unsupported schema version 2|unsupported manifest media type/i,
    kind: 'protocol',
    next: 'let the registry send manifests with their own type as Content-Type',
  },
  {
    pattern:
      /parsing (?:primary )?manifest|ambiguous manifest|does not match (?:provided|selected) manifest digest|unsupported digest/i,
    kind: 'protocol',
    next: 'push the image again with a current tool',
  },
  {
    pattern: /missing realm|bearer ?token|unsupported protocol scheme/i,
    kind: 'protocol',
    next: 'look at the settings and the log of the token server of the registry',
  },
  {
    pattern: /invalid reference format|short-name|did not resolve to an alias/i,
    kind: 'name',
    next: 'write the image name in full',
  },
  {
    pattern:
      /status(?: code from registry|Code)?:? ?5\d\d|internal server error|bad gateway|service unavailable|gateway time-?out/i,
    kind: 'server',
    next: 'look at the log of the registry',
  },
  {
    pattern:
      /connection refused|no such host|no route to host|network is unreachable|temporary failure in name resolution/i,
    kind: 'unreachable',
    next: 'check network, DNS and proxy of this machine',
  },
  {
    pattern: /EOF|connection reset|broken pipe|i\/o timeout|tls handshake timeout|client\.timeout|context deadline/i,
    kind: 'broken',
    next: 'check the network between this machine and the registry',
  },
];

const transientKinds: ReadonlySet<Rule['kind']> = new Set(['busy', 'server', 'unreachable', 'broken']);
const ownKinds: ReadonlySet<Rule['kind']> = new Set(['disk', 'policy', 'name', 'plain']);

/** True when the words are those of trouble that passes, also where our client has read the image a moment ago. */
export function willPass(error: unknown): boolean {
  const rule = error instanceof CommandError ? ruleFor(error) : undefined;
  return rule !== undefined && transientKinds.has(rule.kind) && rule.atTheDoor !== true;
}

/** True when the host's signature policy does not let an image through, or is missing or broken itself. */
export function isPolicyRefusal(error: unknown): boolean {
  return error instanceof CommandError && ruleFor(error)?.kind === 'policy';
}

/** Gives a failed `podman pull` its class. Unknown words count as transient: the number of attempts bounds them. */
export function podmanTrouble(error: unknown, image: string, what = `image "${image}" was not pulled`): Failure {
  if (!(error instanceof CommandError))
    return error instanceof Failure ? error : new Failure(what, { why: messageOf(error), cause: error });
  if (error.end.kind === 'not-found' || error.end.kind === 'not-started') return error;
  if (error.end.kind === 'stopped')
    return new Interrupted(`stopped while "${image}" was asked for`, {
      why: 'finished downloads are kept',
      cause: error,
    });
  if (error.end.kind === 'budget')
    return new Failure(what, {
      why: 'podman gave no sign of progress for too long and was ended',
      transient: true,
      cause: error,
    });
  const rule = ruleFor(error);
  const details = {
    why: spokenReason(error.stderrTail) || messageOf(error),
    next: nextAfter(error, rule, image),
    cause: error,
  };
  if (rule === undefined || transientKinds.has(rule.kind)) return new Failure(what, { ...details, transient: true });
  return ownKinds.has(rule.kind)
    ? new Failure(what, details)
    : new RegistryFailure(rule.kind as TroubleKind, what, details); // the others are kinds of registry trouble
}

function nextAfter({ command }: CommandError, rule: Rule | undefined, image: string): string {
  if (rule?.kind === 'name' && image.startsWith('['))
    return 'use a host name: the podman of this machine takes no IPv6 address in the name of an image';
  return rule?.next ?? `try by hand: ${command}`;
}

function ruleFor({ stderrTail }: CommandError): Rule | undefined {
  return rules.find(({ pattern }) => pattern.test(stderrTail));
}
