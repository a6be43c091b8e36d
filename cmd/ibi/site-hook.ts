import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { Failure } from '../../internal/errors/errors.ts';
import type { Host } from '../../internal/host/host.ts';

/**
 * Runs the site's own script. It is the one program that passes a shell, because scripts without an interpreter line have
 * always worked there. It may take as long as it needs; each line it prints is a fact of the log.
 */
export async function runSiteHook(host: Host, path: string, say: (fact: string) => void): Promise<void> {
  await access(path, constants.X_OK).catch(() => {
    throw new Failure(`the site's hook "${path}" is not executable`, { next: `make it executable: chmod +x ${path}` });
  });
  try {
    await host.run('bash', ['-c', path], {
      cwd: '/',
      budgetMs: Number.POSITIVE_INFINITY,
      onLine: (_stream, line) => {
        say(`hook: ${line}`);
      },
    });
  } catch (error) {
    throw new Failure(`failed to run post deployment: failed to run post deployment script "${path}"`, {
      cause: error,
      next: 'correct the script',
    });
  }
}
