import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRecertConfigText, type RecertConfig } from '../../internal/config/recert-config.ts';
import { goJsonText } from '../../internal/config/go-json-text.ts';
import { Failure } from '../../internal/errors/errors.ts';
import { exists, namesIfPresent } from '../../internal/host/files.ts';
import {
  keptContents,
  keptFiles,
  placesInContainer,
  placesOnHost,
  recertConfigOf,
  type CertManagerKey,
  type KeyFiles,
} from '../../internal/site/recert-config.ts';
import type { StepIo } from '../../internal/steps/step.ts';
import type { PostPivot } from './context.ts';
import { places } from './places.ts';

/**
 * Lays down what recert reads, and its configuration: for people and for the reference, which runs recert in a container, as the file that the
 * reference writes; for us the same with the host's own paths.
 *
 * @throws Failure before anything of the cluster is touched
 */
export async function prepareRecert(pivot: PostPivot, io: StepIo): Promise<RecertConfig> {
  const { host, site, seed } = pivot;
  const node = await pivot.node();
  if (node.addresses.length === 0)
    throw new Failure('the addresses of this node are not known', { next: 'run the steps from node-address' });
  const files = await layKeys(pivot);
  await host.writeFile(
    places.site.recertConfig,
    goJsonText(recertConfigOf(site, seed, node, files, placesInContainer)),
  );
  const fields = recertConfigOf(site, seed, node, files, placesOnHost);
  // What a seed does not have is nothing to renew.
  for (const key of ['crypto_files', 'cluster_customization_files', 'crypto_dirs', 'cluster_customization_dirs'])
    fields[key] = await present(fields[key], io.warn);
  if (!(await namesIfPresent(places.sshFolder)).some((name) => /^ssh_host_.*_key$/.test(name))) {
    delete fields['regenerate_server_ssh_keys'];
    io.warn(`"${places.sshFolder}" holds no ssh server keys; continuing because sshd makes its own when it starts`);
  }
  if (await exists(begun))
    fields['use_key_rules'] = [...textsOf(fields['use_key_rules']), ...rulesForAgain(pivot, files)];
  await host.writeFile(begun, '');
  return readRecertConfigText(JSON.stringify(fields), 'the configuration of recert');
}

/** Says that an identity was begun with: the cluster may have it already when the marker is not there. */
const begun = join(places.stateFolder, 'identity-begun');

/** A run that was cut off between its writing and its marker has named the ingress certificate already: it keeps the same key then. */
function rulesForAgain({ site, seed }: PostPivot, { kept }: KeyFiles): string[] {
  const name = site.KubeconfigCryptoRetention.IngresssCrypto.ingress_certificate_cn;
  if (kept === undefined || name === '' || name === seed.ingress_certificate_cn) return [];
  return [`${name} ${join(kept.folder, kept.ingressKey)}`];
}

async function layKeys({ host, site }: PostPivot): Promise<KeyFiles> {
  const folder = places.site.keptKeys;
  const contents = Object.entries(keptContents(site));
  if (contents.length > 0) await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const [name, content] of contents) await host.writeFile(join(folder, name), content);
  const names = await namesIfPresent(folder);
  const ingressKey = names.find((name) => name.startsWith('ingresskey-'));
  if (names.length > 0 && ingressKey === undefined)
    throw new Failure('failed to find ingress key file', {
      why: `"${folder}" holds no file whose name begins with "ingresskey-"`,
      next: `lay ${keptFiles.ingress} down there, or remove the folder`,
    });
  return {
    ...(ingressKey === undefined ? {} : { kept: { folder, ingressKey } }),
    certManager: (await namesIfPresent(places.site.certManagerKeys)).flatMap(certManagerKey),
  };
}

function certManagerKey(name: string): CertManagerKey[] {
  const [, commonName] = /^CN=(.+?)__.*\.key$/.exec(name) ?? [];
  return commonName === undefined ? [] : [{ commonName, file: join(places.site.certManagerKeys, name) }];
}

async function present(paths: unknown, warn: (fact: string) => void): Promise<string[]> {
  const found: string[] = [];
  for (const path of textsOf(paths))
    if (await exists(path)) found.push(path);
    else warn(`"${path}" is not on this host; continuing without it`);
  return found;
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
