import { Failure, errorCode, messageOf } from '../errors/errors.ts';
import { RegistryFailure, Silence, type Subject } from './trouble.ts';

const unreachableReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'its name is not known to DNS',
  EAI_AGAIN: 'DNS does not answer',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to its network',
  ENETDOWN: 'the network is down',
  ETIMEDOUT: 'it does not answer',
  EADDRNOTAVAIL: 'this machine has no usable address',
};

/** The other side ended the handshake because of our certificate, or because we showed none (RFC 8446, 6.2). */
const clientCertificateAlerts = new Set([
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
]);

/** Turns an error of a socket, of a TLS handshake or of HTTP parsing into a failure with its class. */
export function networkTrouble(error: unknown, subject: Subject): Failure {
  if (error instanceof Failure) return error;
  const { registry, wanted } = subject;
  const code = rootCode(error);
  const what = `registry "${registry}" did not give "${wanted}"`;
  if (error instanceof Silence)
    return new RegistryFailure('stalled', what, { why: `no byte came for ${error.seconds} s`, cause: error });
  if (code !== undefined && clientCertificateAlerts.has(code))
    return new RegistryFailure('auth', `registry "${registry}" wants another client certificate, or one at all`, {
      why: tlsWords(error),
      next: `put the client certificate and its key into /etc/containers/certs.d/${registry}/client.cert and client.key`,
      cause: error,
    });
  if (code === 'EPROTO' || code?.startsWith('ERR_SSL_') === true) {
    return new RegistryFailure('protocol', `registry "${registry}" does not speak TLS as expected`, {
      why: tlsWords(error),
      // An alert is spoken in TLS.
      next: /alert/i.test(tlsWords(error))
        ? 'let the registry speak TLS 1.2 or newer with a usual cipher (ECDHE with AES-GCM) and a certificate with an ECDSA or RSA key'
        : 'check the port; a registry without TLS needs "insecure = true" in registries.conf',
      cause: error,
    });
  }
  const unreachable = code === undefined ? undefined : unreachableReasons[code];
  if (unreachable !== undefined) {
    return new RegistryFailure('unreachable', `registry "${registry}" is not reachable`, {
      why: unreachable,
      next: 'check network, DNS and proxy of this machine',
      cause: error,
    });
  }
  return new RegistryFailure('broken', what, { why: `the connection ended early (${messageOf(error)})`, cause: error });
}

/** The errno of an error or of what it wraps; several addresses tried at once come as an AggregateError. */
function rootCode(error: unknown): string | undefined {
  const code = errorCode(error);
  if (error instanceof AggregateError) return error.errors.map(errorCode).find((each) => each !== undefined) ?? code;
  if (code === undefined && error instanceof Error && error.cause !== undefined) return rootCode(error.cause);
  return code;
}

/** OpenSSL's reason: behind number, library and function, and before the place in its source. */
function tlsWords(error: unknown): string {
  const message = messageOf(error).split('\n', 1).join('').trim();
  return /error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(message)?.[1] ?? message;
}
