import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Processes with a working folder, root, program or open file in this folder: "process 812 (podman)". Best effort. */
export async function usersBelow(folder: string, proc = '/proc'): Promise<string[]> {
  const users: string[] = [];
  for (const pid of (await readdir(proc)).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const links = [...['cwd', 'root', 'exe'], ...(await filesOf(join(proc, pid, 'fd'))).map((name) => `fd/${name}`)];
    const paths = await Promise.all(links.map((link) => readlink(join(proc, pid, link)).catch(() => '')));
    if (paths.some((path) => path === folder || path.startsWith(`${folder}/`)))
      users.push(`process ${pid} (${await nameOf(join(proc, pid))})`);
  }
  return users;
}

/** Processes whose own mount namespace holds this device, which our mount table does not show. Best effort. */
export async function namespacesWith(devices: ReadonlySet<string>, proc = '/proc'): Promise<string[]> {
  const users: string[] = [];
  for (const pid of (await readdir(proc)).filter((name) => /^\d+$/.test(name))) {
    const table = await readFile(join(proc, pid, 'mountinfo'), 'utf8').catch(() => '');
    if (table.split('\n').some((line) => devices.has(line.split(' ')[2] ?? '')))
      users.push(`process ${pid} (${await nameOf(join(proc, pid))})`);
  }
  return users;
}

async function filesOf(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function nameOf(folder: string): Promise<string> {
  return (await readFile(join(folder, 'comm'), 'utf8').catch(() => 'gone')).trim();
}
