import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { Failure } from '../../errors/errors.ts';
import { commit } from '../commit/commit.ts';
import { attributesOf, quietHost } from '../commit/test-world.ts';
import { findSshHostKeys, renewSshHostKeys } from './ssh-host-keys.ts';

/** A folder as /etc/ssh of RHCOS: private keys 0640 of a group, public ones 0644. */
function sshFolder(...types: string[]): { ssh: string; state: string } & Disposable {
  const top = mkdtempSync(join(tmpdir(), 'recert-ssh-test-'));
  const ssh = join(top, 'ssh');
  mkdirSync(ssh);
  for (const type of types) {
    const key = join(ssh, `ssh_host_${type}_key`);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', key]);
    chmodSync(key, 0o640);
    execFileSync('chown', ['0:996', key]);
    execFileSync('setfattr', ['-n', 'security.selinux', '-v', 'system_u:object_r:sshd_key_t:s0', key]);
  }
  writeFileSync(join(ssh, 'sshd_config'), 'Port 22\n');
  return {
    ssh,
    state: join(top, 'state'),
    [Symbol.dispose]: () => {
      rmSync(top, { recursive: true });
    },
  };
}

const fingerprint = (file: string): string =>
  execFileSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' }).split(' ')[1] ?? '';

await test('server keys get new pairs of the types found, with mode, owner and label as found', async () => {
  using it = sshFolder('ed25519', 'ecdsa');
  const host = quietHost();
  const keys = await findSshHostKeys(it.ssh);
  assert.deepEqual(
    keys.files.map(({ path, type }) => [path.slice(it.ssh.length + 1), type]),
    [
      ['ssh_host_ecdsa_key', 'ecdsa'],
      ['ssh_host_ecdsa_key.pub', 'ecdsa'],
      ['ssh_host_ed25519_key', 'ed25519'],
      ['ssh_host_ed25519_key.pub', 'ed25519'],
    ],
  );
  const paths = keys.files.map(({ path }) => path);
  const [attributes, prints] = [paths.map(attributesOf), paths.map(fingerprint)];
  const replacements = await renewSshHostKeys(host, keys);
  assert.deepEqual(paths.map(fingerprint), prints, 'nothing is written before the commit');
  await commit(host, { replacements, seal: (_key, clear) => clear, stateFolder: it.state }, () => undefined);
  assert.deepEqual(paths.map(attributesOf), attributes);
  assert.match(attributes[0] ?? '', /^100640 0:996 security\.selinux="system_u:object_r:sshd_key_t:s0"$/);
  for (const type of ['ecdsa', 'ed25519']) {
    const file = join(it.ssh, `ssh_host_${type}_key`);
    assert.ok(!prints.includes(fingerprint(file)));
    chmodSync(file, 0o600); // ssh-keygen looks into nothing that a group may read
    assert.equal(
      execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' }).trim(),
      readFileSync(`${file}.pub`, 'utf8').trim(),
    );
  }
});

await test('a host certificate is named and left', async () => {
  using it = sshFolder('ed25519');
  const certificate = join(it.ssh, 'ssh_host_ed25519_key-cert.pub');
  writeFileSync(certificate, 'ssh-ed25519-cert-v01@openssh.com AAAA\n');
  const keys = await findSshHostKeys(it.ssh);
  assert.deepEqual(keys.left, [certificate]);
  assert.equal((await renewSshHostKeys(quietHost(), keys)).length, 2);
});

await test('a folder without keys, and a type that this host does not make, are refused', async () => {
  using empty = sshFolder();
  await assert.rejects(findSshHostKeys(empty.ssh), { message: `there is no SSH server key in "${empty.ssh}"` });
  writeFileSync(join(empty.ssh, 'ssh_host_dss9_key'), 'old');
  const keys = await findSshHostKeys(empty.ssh);
  await assert.rejects(
    renewSshHostKeys(quietHost(), keys),
    (error) =>
      error instanceof Failure &&
      error.message === 'ssh-keygen of this host makes no SSH server key of type "dss9"' &&
      error.next === `remove ${empty.ssh}/ssh_host_dss9_key if nobody uses it`,
  );
});
