import { readFile } from 'node:fs/promises';
import { Failure } from '../errors/errors.ts';
import { sizeText } from '../log/progress.ts';
import { exists, readTextIfPresent } from './files.ts';
import type { Host } from './host.ts';

/** What a program needs of the machine. */
export type MachineNeeds = {
  /** Program → Debian or RPM package that has it, and what it is needed for. */
  readonly programs: Readonly<Record<string, string>>;
  readonly leastMemoryBytes: number;
  readonly comfortableMemoryBytes: number;
};

/** What was found, in one sentence, and what is odd but no reason to stop. */
export type MachineFacts = { readonly text: string; readonly warnings: readonly string[] };

/**
 * Checks rights, programs and memory.
 *
 * @throws Failure naming all missing programs at once
 */
export async function checkMachine(host: Host, needs: MachineNeeds): Promise<MachineFacts> {
  if (process.getuid?.() !== 0) throw new Failure('this program needs root', { next: 'start it as root' });
  await requirePrograms(host, needs.programs);
  const memory = await memoryAvailableBytes();
  const warnings: string[] = [];
  if (memory < needs.leastMemoryBytes)
    throw new Failure(`${sizeText(memory)} of memory are available, ${sizeText(needs.leastMemoryBytes)} are needed`, {
      next: 'give the machine more memory or stop what uses it',
    });
  if (memory < needs.comfortableMemoryBytes)
    warnings.push(`only ${sizeText(memory)} of memory are available; continuing because the work streams to disk`);
  return {
    text: `${imageArchitecture()}, ${sizeText(memory)} of memory available, SELinux ${(await selinuxEnabled()) ? 'on' : 'off'}, all programs present`,
    warnings,
  };
}

/** @throws Failure naming all missing programs at once */
export async function requirePrograms(host: Host, programs: MachineNeeds['programs']): Promise<void> {
  const missing: string[] = [];
  for (const [program, purpose] of Object.entries(programs))
    if (!(await host.has(program))) missing.push(`"${program}" (${purpose})`);
  if (missing.length > 0)
    throw new Failure(
      `${missing.length === 1 ? 'a program is' : 'programs are'} missing on this machine: ${missing.join(', ')}`,
      { next: 'install what is missing or start from the installation ISO' },
    );
}

/** This machine's architecture as images name it. */
export function imageArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** True when the kernel runs with SELinux, enforcing or not. */
export async function selinuxEnabled(): Promise<boolean> {
  return exists('/sys/fs/selinux/enforce');
}

async function memoryAvailableBytes(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8');
  return Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

/** What the kernel says of FIPS mode. */
export async function kernelIsInFipsMode(): Promise<boolean> {
  return (await readTextIfPresent('/proc/sys/crypto/fips_enabled'))?.trim() === '1';
}
