import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { openCluster, type Cluster } from '../../internal/cluster/cluster.ts';
import {
  givenAddressesOf,
  parseSiteManifest,
  secretsOf,
  type SiteManifest,
} from '../../internal/config/site-manifest.ts';
import { parseSeedManifest, type SeedManifest } from '../../internal/config/seed-manifest.ts';
import { errorCode, Failure, messageOf, Refusal } from '../../internal/errors/errors.ts';
import { readTextIfPresent } from '../../internal/host/files.ts';
import type { Host } from '../../internal/host/host.ts';
import { nodeAddressesIn, nodeAddressFiles } from '../../internal/network/node-addresses.ts';
import type { KeySupply } from '../../internal/recert/keys/key-supply.ts';
import type { NodeIdentity } from '../../internal/site/recert-config.ts';
import { takenDigest } from '../../internal/site/take.ts';
import { places } from './places.ts';

/** What the person or unit asked for on the command line. */
export type PostPivotOptions = {
  readonly configDir?: string;
  /** How long to look whether something has changed before the same is tried again. */
  readonly pauseMs: number;
};

/** Work that goes on beside later steps. Ends with the run. */
export type Beside = { readonly done: Promise<unknown>; readonly end: () => void };

/** What the steps of one run share. What can be read of the host is read of it, so that a run may begin anywhere. */
export class PostPivot {
  readonly host: Host;
  readonly options: PostPivotOptions;
  #seed: SeedManifest | undefined;
  #site: Site | undefined;
  #keys: Promise<KeySupply> | undefined;
  #cluster: Promise<Cluster> | undefined;
  readonly beside: Beside[] = [];

  constructor(host: Host, options: PostPivotOptions) {
    this.host = host;
    this.options = options;
  }

  /** @throws Refusal when this host has no seed data */
  get seed(): SeedManifest {
    return (this.#seed ??= readSeed());
  }

  /** The site manifest; the log learns its secrets when it is read. */
  get site(): SiteManifest {
    return this.#readSite().manifest;
  }

  /** What is odd about it. */
  get siteWarnings(): readonly string[] {
    return this.#readSite().warnings;
  }

  /** Names the site config, for the inputs of steps. */
  get siteDigest(): string {
    return this.#readSite().digest;
  }

  /** Reads one of the two now. @throws what is wrong with it */
  require(what: 'seed' | 'site'): void {
    if (what === 'seed') this.#seed ??= readSeed();
    else this.#readSite();
  }

  /** Another config may stand there now. */
  readSiteAgain(): void {
    this.#site = undefined;
  }

  /** Who this host is by now. */
  async node(): Promise<NodeIdentity> {
    const given = givenAddressesOf(this.site);
    return {
      hostname: this.site.hostname === '' ? hostname() : this.site.hostname,
      addresses: given.length > 0 ? given : nodeAddressesIn((await readTextIfPresent(nodeAddressFiles.dropIn)) ?? ''),
    };
  }

  /** Begins with the keys of the new identity, in memory and at idle priority. */
  beginKeys(): void {
    this.#keys ??= import('../../internal/recert/keys/key-supply.ts').then(({ openIdleKeySupply }) =>
      openIdleKeySupply(this.host),
    );
    this.#keys.catch(() => undefined); // told when they are taken
  }

  /** The keys, for one renewal. */
  async takeKeys(): Promise<KeySupply | undefined> {
    const keys = await this.#keys;
    this.#keys = undefined;
    return keys;
  }

  /** The API of this host's cluster, with the kubeconfig that stands when it is first asked for. */
  cluster(): Promise<Cluster> {
    this.#cluster ??= openCluster(
      { path: places.kubeconfig },
      { secrets: [this.site.pull_secret, this.site.kubeadmin_password_hash] },
    );
    return this.#cluster;
  }

  [Symbol.dispose](): void {
    for (const { end } of this.beside) end();
    void this.#keys?.then((keys) => keys[Symbol.asyncDispose]()).catch(() => undefined);
    void this.#cluster
      ?.then((cluster) => {
        cluster[Symbol.dispose]();
      })
      .catch(() => undefined);
  }

  #readSite(): Site {
    if (this.#site === undefined) {
      this.#site = readSite();
      for (const secret of secretsOf(this.#site.manifest)) this.host.log.conceal(secret);
    }
    return this.#site;
  }
}

type Site = { readonly manifest: SiteManifest; readonly warnings: readonly string[]; readonly digest: string };

function readSeed(): SeedManifest {
  let text: string;
  try {
    text = readFileSync(places.seedManifest, 'utf8');
  } catch (error) {
    throw new Refusal(`failed to get seed info from ${places.seedManifest}: ${errorCode(error) ?? messageOf(error)}`, {
      why: 'this host was not installed from a seed image, or it is finished',
      next: 'install the host with ibi',
    });
  }
  return parseSeedManifest(text, `"${places.seedManifest}"`);
}

function readSite(): Site {
  const file = places.site.manifest;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Failure(`failed to get cluster info from ${file}: ${messageOf(error)}`, {
      next: 'attach the config ISO',
      cause: error,
    });
  }
  const { site, warnings } = parseSiteManifest(text, file);
  return { manifest: site, warnings, digest: takenDigest(places.site) ?? '' };
}
