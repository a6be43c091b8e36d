import { execFile, spawn } from 'node:child_process';
import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { mountedPath, type FileContent } from './content.ts';

const run = promisify(execFile);

/** The label that a file of the node bears: what the fixture says, or what its folder's files have. */
export const labelOf = (path: string, labels: ReadonlyMap<string, string>): string =>
  labels.get(path) ??
  (path.startsWith('/var/lib/kubelet/pods/')
    ? 'system_u:object_r:container_file_t:s0:c1,c2'
    : path.startsWith('/etc/kubernetes/')
      ? 'system_u:object_r:kubernetes_file_t:s0'
      : 'system_u:object_r:etc_t:s0');

/** Writes the files below `root`, with modes, owners and SELinux labels. */
export async function writeNodeFiles(
  root: string,
  files: readonly FileContent[],
  labels: ReadonlyMap<string, string>,
): Promise<void> {
  const dump: string[] = [];
  for (const file of files) {
    const path = join(root, mountedPath(file.path));
    await mkdir(dirname(path), { recursive: true });
    if ('link' in file) {
      await symlink(file.link, path);
      continue;
    }
    await writeFile(path, file.text);
    await chmod(path, file.mode);
    if (file.owner !== undefined) await chown(path, file.owner, file.owner);
    dump.push(`# file: ${path}\nsecurity.selinux="${labelOf(file.path, labels)}"\n`);
  }
  await new Promise<void>((resolve, reject) => {
    const child = spawn('setfattr', ['--restore=-'], { stdio: ['pipe', 'ignore', 'inherit'] });
    child.on('error', reject).on('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`setfattr ended with ${status ?? 'a signal'}`));
    });
    child.stdin.end(dump.join('\n'));
  });
}

/** The SELinux label of every file below `root`, by its path. */
export async function labelsIn(root: string): Promise<Map<string, string>> {
  const { stdout } = await run('getfattr', ['-R', '-h', '-d', '-m', 'security.selinux', '--absolute-names', root], {
    maxBuffer: 1e8,
  });
  return new Map(
    stdout.split('\n\n').flatMap((entry) => {
      const [, path, label] = /# file: (.*)\nsecurity\.selinux="(.*)"/.exec(entry) ?? [];
      return path === undefined || label === undefined ? [] : [[path, label] as const];
    }),
  );
}
