import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from '../../internal/cli/session.ts';
import { diskEvidence } from '../../internal/disk/disk.ts';
import { readTextIfPresent } from '../../internal/host/files.ts';
import { writeBundle, type Evidence } from '../../internal/gather/bundle.ts';
import { bootEntries } from '../../internal/ostree/deployments.ts';
import { readRecord } from '../../internal/seal/record.ts';
import { places } from './context.ts';
import { journalFile, statusFile } from './run.ts';

/** `ibi gather`: one redacted archive for support, also when nothing else works. */
export async function gatherEvidence(session: Session, options: { file: string; archive?: string }): Promise<number> {
  const { host, log } = session;
  const stamp = host.now().toISOString().replace(/[:.]/g, '-');
  const archive = options.archive ?? `/var/tmp/ibi-gather-${stamp}.tar.gz`;
  for (const secret of await secretsOf(places.pullSecret)) log.conceal(secret);
  const output = (name: string, program: string, args: readonly string[]): Evidence => ({
    name,
    text: async () => (await host.run(program, args, { budgetMs: 20_000, onStop: 'finish' })).stdout,
  });
  const file = (name: string, path: string): Evidence => ({
    name,
    text: async () => (await readTextIfPresent(path)) ?? 'absent\n',
  });
  const evidence: Evidence[] = [
    file('journal.json', journalFile),
    file('status.json', statusFile),
    file('ibi.jsonl', join(places.stateFolder, 'ibi.jsonl')),
    file('configuration', options.file === '' ? '/var/tmp/ibi-configuration.json' : options.file),
    file('precache-status.json', places.precacheStatus),
    { name: 'disks.txt', text: () => diskEvidence(host) },
    {
      name: 'install-record.json',
      text: async () => `${JSON.stringify((await readRecord(places.root)) ?? null, undefined, 1)}\n`,
    },
    {
      name: 'boot-entries.json',
      text: async () => `${JSON.stringify(await bootEntries(places.root), undefined, 1)}\n`,
    },
    file('registries.conf', '/etc/containers/registries.conf'),
    file('os-release', '/etc/os-release'),
    file('cmdline', '/proc/cmdline'),
    file('meminfo', '/proc/meminfo'),
    file('mountinfo', '/proc/self/mountinfo'),
    file('resolv.conf', '/etc/resolv.conf'),
    output('addresses.txt', 'ip', ['address']),
    output('routes.txt', 'ip', ['route']),
    output('kernel.txt', 'dmesg', []),
    output('journal.txt', 'journalctl', ['--no-pager', '-b', '-o', 'short-iso', '-n', '5000']),
    output('units.txt', 'systemctl', ['--no-pager', '--failed']),
    output('images.txt', 'podman', ['images', '--digests']),
  ];
  const failed = await writeBundle(archive, `ibi-gather-${stamp}`, evidence, log.clean);
  session.print(`${archive}\n`);
  if (failed.length > 0) log.warn(`not collected: ${failed.join(', ')}; the reason stands in the archive`);
  return 0;
}

/** Every credential in the pull secret, so that none can appear whatever program printed it. */
async function secretsOf(path: string): Promise<string[]> {
  try {
    const data: unknown = JSON.parse(await readFile(path, 'utf8'));
    return textsIn(data).flatMap((text) => [text, ...Buffer.from(text, 'base64').toString('utf8').split(':').slice(1)]);
  } catch {
    return [];
  }
}

function textsIn(data: unknown): string[] {
  if (typeof data === 'string') return [data];
  return typeof data === 'object' && data !== null ? Object.values(data).flatMap(textsIn) : [];
}
