import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Call } from '../../internal/cli/program.ts';
import { tellFailure } from '../../internal/cli/failure.ts';
import type { Session } from '../../internal/cli/session.ts';
import { parseSeedManifest } from '../../internal/config/seed-manifest.ts';
import { parseSiteManifest, secretsOf } from '../../internal/config/site-manifest.ts';
import { messageOf, UsageError } from '../../internal/errors/errors.ts';
import { temporaryFolder } from '../../internal/host/files.ts';
import type { Host } from '../../internal/host/host.ts';
import { sitePlaces } from '../../internal/site/places.ts';
import { checkAll } from './checks.ts';

/** `check-config DIR_OR_ISO --seed-manifest FILE`: every check that the first boot makes, with no host and no cluster. */
export async function checkConfig(session: Session, call: Call<{ readonly seedManifest: string }>): Promise<number> {
  const { host, log } = session;
  const { path, values } = call;
  try {
    if (path === undefined)
      throw new UsageError('there is no site config to check', { next: 'name a folder or a config ISO' });
    const seed = parseSeedManifest(await read(values.seedManifest), `"${values.seedManifest}"`);
    await using content = await opened(host, path);
    const files = sitePlaces(content.path);
    const { site, warnings } = parseSiteManifest(await read(files.manifest), files.manifest);
    for (const secret of secretsOf(site)) log.conceal(secret);
    warnings.forEach((warning) => {
      log.warn(warning);
    });
    // FIPS is the host's, and this machine is another one.
    await checkAll(host, site, seed, files, { say: log.info, warn: log.warn }, { fips: seed.has_fips });
    const good = `the site config "${path}" fits the seed: cluster "${site.cluster_name}.${site.base_domain}"`;
    session.print(call.json ? `${JSON.stringify({ state: 'good' })}\n` : `${good}\n`);
    return 0;
  } catch (error) {
    return tellFailure(call, log, {
      at: 'check-config',
      error,
      again: `${call.calledAs} check-config ${path ?? 'DIR_OR_ISO'} --seed-manifest ${values.seedManifest}`,
      leaves: 'nothing was changed',
    }).exitCode;
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`"${file}" cannot be read: ${messageOf(error)}`, { next: 'check the path', cause: error });
  }
}

/** A folder as it is; an ISO image is unpacked for the time of the check. */
async function opened(host: Host, path: string): Promise<AsyncDisposable & { readonly path: string }> {
  const found = await stat(path).catch((error: unknown) => {
    throw new UsageError(`"${path}" cannot be read: ${messageOf(error)}`, { next: 'check the path', cause: error });
  });
  if (found.isDirectory()) return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
  const folder = await temporaryFolder('/tmp', 'site-config-');
  try {
    await host.run('xorriso', ['-osirrox', 'on', '-indev', path, '-extract', '/', join(folder.path, 'iso')], {
      budgetMs: 5 * 60_000,
    });
    await host.run('chmod', ['-R', 'u+rwX', join(folder.path, 'iso')]);
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw new UsageError(`"${path}" is no config ISO that can be read`, {
      why: messageOf(error),
      next: 'give a config ISO (xorriso reads it), or the folder it was made from',
      cause: error,
    });
  }
  return { path: join(folder.path, 'iso'), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}
