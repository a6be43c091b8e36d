import { copyFile, link, mkdir, open, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { put, type Artefact } from './cache.ts';
import type { SeedOptions } from './seed-options.ts';

/** The container storage of a seed is mounted by a unit of its /etc: without etc.tgz the booted host shows no partition 5. */
const storageMount = `[Unit]
Description=Container storage partition
Before=local-fs.target
[Mount]
What=/dev/disk/by-partlabel/var-lib-containers
Where=/var/lib/containers
Type=xfs
Options=defaults,prjquota
[Install]
RequiredBy=local-fs.target
`;

const sanitisedPullSecret =
  '{"auths":{"registry.connect.redhat.com":{"username":"empty","password":"empty","auth":"ZW1wdHk6ZW1wdHk=","email":""}}}';

/** What var.tgz holds, below `<staging>/var`. */
export async function fillVar(staging: string, manifest: string, options: SeedOptions): Promise<void> {
  const at = (path: string): string => join(staging, 'var', path);
  await mkdir(at('seed_data'), { recursive: true, mode: 0o700 });
  await put(at('seed_data/manifest.json'), manifest, 0o600);
  await put(at('lib/lab/marker'), 'var-of-the-seed\n');
  await put(at('lib/kubelet/config.json'), sanitisedPullSecret, 0o600);
  await put(at('lib/etcd/member/wal/0.wal'), 'not a real log\n', 0o600);
  for (const directory of ['lib/containers', 'log', 'tmp', 'home/core', 'roothome', 'usrlocal/bin', 'opt'])
    await mkdir(at(directory), { recursive: true });
  await run('chmod', ['1777', at('tmp')]);
  await run('chmod', ['0700', at('lib/etcd'), at('roothome')]);
  await run('chown', ['-R', '1000:1000', at('home/core')]);
  await run('setfattr', [
    '-n',
    'security.selinux',
    '-v',
    'system_u:object_r:kubelet_var_lib_t:s0',
    at('lib/kubelet'),
    at('lib/kubelet/config.json'),
  ]);
  if (options.lcaCliInVar === true && options.lcaCli !== undefined)
    await copyFile(options.lcaCli, at('usrlocal/bin/lca-cli'));
  for (let index = 0; index < (options.manyFiles ?? 200); index += 1) {
    await put(at(`lib/many/${String(index % 20)}/${String(index)}`), `file ${String(index)}\n`);
  }
  if (options.oddFiles === true) await addOddFiles(at('lib/odd'));
}

/** The host of a real cluster, laid over what every seed has. */
export async function fillFrom(host: Artefact, staging: string): Promise<void> {
  await rm(join(staging, 'var/lib/etcd'), { recursive: true });
  for (const top of ['var', 'etc'])
    await run('cp', ['-a', '--sparse=always', `${host.path(top)}/.`, join(staging, top)]);
}

/** All of this is legitimate on a node and must come out on the other side as it went in. */
async function addOddFiles(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const at = (name: string): string => join(directory, name);
  const bytes = (name: Buffer): Buffer => Buffer.concat([Buffer.from(`${directory}/`), name]);
  const names = [
    '-leading-dash',
    'with blank',
    ' ',
    'new\nline',
    'tab\there',
    'back\\slash',
    'quote\'"quote',
    '*',
    '$HOME',
    'ünïcödé',
    'x'.repeat(255),
    '...',
  ];
  for (const name of names) await writeFile(at(name), `${JSON.stringify(name)}\n`);
  await writeFile(bytes(Buffer.from([0xff, 0xfe, 0x80, 0x41])), 'a name that is not UTF-8\n');
  await writeFile(bytes(Buffer.from('latin-\xe9', 'latin1')), 'another\n');
  const deep = join(directory, ...Array.from({ length: 12 }, (_, index) => `${'deep'.repeat(10)}-${String(index)}`));
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, 'bottom'), 'longer than the 256 bytes of a plain tar header\n');
  await run('mknod', [at('null'), 'c', '1', '3']);
  await run('mknod', [at('block'), 'b', '259', '77']);
  await run('mkfifo', [at('fifo')]);
  await writeFile(at('linked'), 'one inode, two names\n');
  await link(at('linked'), at('linked-too'));
  await symlink('/etc/passwd', at('link-absolute'));
  await symlink('../../../../../outside', at('link-dangling'));
  await mkdir(at('empty-directory'), { mode: 0o711 });
  await writeFile(at('empty'), '');
  await writeFile(at('setuid'), '#!/bin/sh\n');
  await run('chmod', ['6755', at('setuid')]);
  await writeFile(at('unreadable'), 'mode 0000\n');
  await run('chmod', ['0000', at('unreadable')]);
  await run('chown', ['123456:654321', at('unreadable')]);
  await writeFile(at('sparse'), 'head');
  await truncate(at('sparse'), 16 * 1024 * 1024);
  const old = await open(at('old'), 'w');
  await old.utimes(new Date('1970-01-02T03:04:05Z'), new Date('1970-01-02T03:04:05Z'));
  await old.close();
  await writeFile(at('attributes'), 'xattrs and an ACL\n');
  await run('setfattr', ['-n', 'user.lab', '-v', 'a value', at('attributes')]);
  await run('setfattr', ['-n', 'trusted.lab', '-v', 'trusted', at('attributes')]);
  await run('setfattr', [
    '-n',
    'security.selinux',
    '-v',
    'system_u:object_r:type_unknown_to_the_live_policy_t:s0',
    at('attributes'),
  ]);
  await run('setfacl', ['-m', 'u:1234:r', at('attributes')]);
  await run('setcap', ['cap_net_raw+ep', at('setuid')]);
}

/** What etc.tgz holds, below `<staging>/etc`: files that differ from the commit's /usr/etc. */
export async function fillEtc(staging: string): Promise<void> {
  const at = (path: string): string => join(staging, 'etc', path);
  await put(at('lab/marker'), 'etc-of-the-seed\n');
  await put(at('systemd/system/var-lib-containers.mount'), storageMount);
  await mkdir(at('systemd/system/local-fs.target.requires'), { recursive: true });
  await symlink(
    '/etc/systemd/system/var-lib-containers.mount',
    at('systemd/system/local-fs.target.requires/var-lib-containers.mount'),
  );
  await put(at('machine-config-daemon/currentconfig'), '{}\n', 0o600);
}
