import { open, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Call } from '../../internal/cli/program.ts';
import { tellFailure } from '../../internal/cli/failure.ts';
import type { Session } from '../../internal/cli/session.ts';
import { parseSeedManifest } from '../../internal/config/seed-manifest.ts';
import { parseSiteManifest, secretsOf } from '../../internal/config/site-manifest.ts';
import { errorCode, messageOf, UsageError } from '../../internal/errors/errors.ts';
import { temporaryFolder } from '../../internal/host/files.ts';
import type { Host } from '../../internal/host/host.ts';
import { mediumLabels } from '../../internal/site/media.ts';
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
    const name = 'cluster-configuration/manifest.json';
    const { site, warnings } = parseSiteManifest(await read(files.manifest, `"${name}" of "${path}"`), name);
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

async function read(file: string, named = `"${file}"`): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${named} cannot be read: ${errorCode(error) ?? messageOf(error)}`, {
      next: 'check the path',
    });
  }
}

/** A folder as it is; an ISO image is unpacked for the time of the check. */
async function opened(host: Host, path: string): Promise<AsyncDisposable & { readonly path: string }> {
  const found = await stat(path).catch((error: unknown) => {
    throw new UsageError(`"${path}" cannot be read: ${errorCode(error) ?? messageOf(error)}`, {
      next: 'check the path',
    });
  });
  if (found.isDirectory()) return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
  await requireLabel(path);
  const folder = await temporaryFolder(tmpdir(), 'site-config-');
  const content = join(folder.path, 'iso');
  try {
    await host.run('xorriso', ['-osirrox', 'on', '-indev', path, '-extract', '/', content], { budgetMs: 5 * 60_000 });
    await host.run('chmod', ['-R', 'u+rwX', content]);
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw new UsageError(`the config ISO "${path}" cannot be unpacked`, {
      next: 'make it again, or give the folder it was made from',
      cause: error,
    });
  }
  return { path: content, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** The host finds its medium by the label alone. ISO 9660: the primary volume descriptor is sector 16, its name stands at byte 40. */
async function requireLabel(path: string): Promise<void> {
  const next = `give a folder, or a config ISO with the volume label "${mediumLabels[0] ?? ''}"`;
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(72), 0, 72, 16 * 2048);
  if (bytesRead < 72 || buffer.toString('latin1', 0, 6) !== '\x01CD001')
    throw new UsageError(`"${path}" is no ISO image`, { next });
  const label = buffer.toString('latin1', 40, 72).trimEnd();
  if (!mediumLabels.includes(label))
    throw new UsageError(`the ISO image "${path}" has the volume label "${label}", by which no host finds it`, {
      next,
    });
}
