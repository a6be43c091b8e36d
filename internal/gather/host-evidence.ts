import { readTextIfPresent } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import type { Evidence } from './bundle.ts';

/** A file as it is; "absent" where there is none. */
export const fileEvidence = (name: string, path: string): Evidence => ({
  name,
  text: async () => (await readTextIfPresent(path)) ?? 'absent\n',
});

/** What a program of the host prints. */
export const commandEvidence = (host: Host, name: string, program: string, args: readonly string[] = []): Evidence => ({
  name,
  text: async () => (await host.run(program, args, { budgetMs: 20_000, onStop: 'finish' })).stdout,
});

/** What is worth knowing of any host, whatever program was at work. */
export function hostEvidence(host: Host): Evidence[] {
  return [
    fileEvidence('registries.conf', '/etc/containers/registries.conf'),
    fileEvidence('os-release', '/etc/os-release'),
    fileEvidence('cmdline', '/proc/cmdline'),
    fileEvidence('meminfo', '/proc/meminfo'),
    fileEvidence('mountinfo', '/proc/self/mountinfo'),
    fileEvidence('resolv.conf', '/etc/resolv.conf'),
    commandEvidence(host, 'addresses.txt', 'ip', ['address']),
    commandEvidence(host, 'routes.txt', 'ip', ['route']),
    commandEvidence(host, 'kernel.txt', 'dmesg'),
    commandEvidence(host, 'journal.txt', 'journalctl', ['--no-pager', '-b', '-o', 'short-iso', '-n', '5000']),
    commandEvidence(host, 'units.txt', 'systemctl', ['--no-pager', '--failed']),
    commandEvidence(host, 'images.txt', 'podman', ['images', '--digests']),
  ];
}
