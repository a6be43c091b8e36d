import type { Problem } from './problem.ts';

const type =
  /(?:^|\s)(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)\s+AAAA[A-Za-z0-9+/]+=*(?:\s|$)/;

/** What is wrong with public keys, one a line as in authorized_keys. None at all is allowed: then the seed's stay. */
export function sshKeyProblems(text: string): Problem[] {
  if (text.includes('PRIVATE KEY'))
    return [{ what: 'ssh_key holds a private key', next: 'give the public half, the file that ends in .pub' }];
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  const wrong = lines.findIndex((line) => !type.test(line));
  if (wrong < 0) return [];
  return [
    {
      what: `ssh_key: line ${wrong + 1} is no public key as in authorized_keys`,
      next: 'give lines of the form: TYPE BASE64 COMMENT',
    },
  ];
}
