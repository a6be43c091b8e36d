import { temporaryFolder } from '../../internal/host/files.ts';
import { kernelIsInFipsMode } from '../../internal/host/machine.ts';
import { join } from 'node:path';
import { readRecertConfigText } from '../../internal/config/recert-config.ts';
import type { SeedManifest } from '../../internal/config/seed-manifest.ts';
import type { SiteManifest } from '../../internal/config/site-manifest.ts';
import { readManifests } from '../../internal/cluster/cluster.ts';
import { Failure, messageOf } from '../../internal/errors/errors.ts';
import type { Host } from '../../internal/host/host.ts';
import { checkNmstate } from '../../internal/network/nmstate.ts';
import type { SitePlaces } from '../../internal/site/places.ts';
import { problemsAsError, type Problem } from '../../internal/site/problem.ts';
import { siteProblems, type HostFacts } from '../../internal/site/rules.ts';

/**
 * Every check of a site config that needs no network: rules, key material, network configuration, manifests.
 *
 * @throws UsageError naming all problems
 */
export async function checkAll(
  host: Host,
  site: SiteManifest,
  seed: SeedManifest,
  files: SitePlaces,
  tell: { readonly warn: (fact: string) => void; readonly say: (fact: string) => void },
  facts?: HostFacts,
): Promise<void> {
  const problems = [
    ...siteProblems(site, seed, facts ?? { fips: await kernelIsInFipsMode() }),
    ...(await trustProblems(site)),
    ...(await networkConfigProblems(host, site, tell)),
    ...(await manifestProblems(files, tell)),
  ];
  const error = problemsAsError(problems);
  if (error !== undefined) throw error;
}

/** Certificates that recert could not read, which would be found out after network and name were changed. */
async function trustProblems({ additionalTrustBundle: trust }: SiteManifest): Promise<Problem[]> {
  const { userCaBundle, proxyConfigmapName: name, proxyConfigmapBundle: bundle } = trust;
  if (userCaBundle === '' && bundle === '') return [];
  const fields = {
    etcd_endpoint: 'localhost:2379',
    ...(userCaBundle === '' ? {} : { user_ca_bundle: userCaBundle }),
    ...(name === '' || bundle === ''
      ? {}
      : { proxy_trusted_ca_bundle: name === 'user-ca-bundle' ? `${name}:` : `${name}:${bundle}` }),
  };
  return problemOf(async () => {
    await readRecertConfigText(JSON.stringify(fields), 'additionalTrustBundle');
  });
}

async function networkConfigProblems(
  host: Host,
  { raw_nm_state_config: config }: SiteManifest,
  { warn }: { readonly warn: (fact: string) => void },
): Promise<Problem[]> {
  if (config.reveal().trim() === '') return [];
  if (!(await host.has('nmstatectl'))) {
    warn('nmstatectl is not on this machine; continuing without a check of the network configuration');
    return [];
  }
  await using folder = await temporaryFolder('/tmp', 'post-pivot-check-');
  return await problemOf(() => checkNmstate(host, join(folder.path, 'nmstate.yaml'), config));
}

async function manifestProblems(
  files: SitePlaces,
  { warn }: { readonly warn: (fact: string) => void },
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const folder of [files.manifests, files.extraManifests]) {
    const found = await readManifests(folder, { missingFolderIsFine: true });
    found.warnings.forEach(warn);
    for (const what of found.problems)
      problems.push({ what: `${folder}: ${what}`, next: 'correct the manifests of the site config' });
  }
  return problems;
}

async function problemOf(check: () => Promise<void>): Promise<Problem[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { why, next } = error;
    return [
      { what: why === undefined ? messageOf(error) : `${messageOf(error)} (${why})`, next: next ?? 'correct it' },
    ];
  }
}
