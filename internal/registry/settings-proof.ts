import { CommandError } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { findRule } from '../image/mirrors.ts';
import { parseReference } from '../image/reference.ts';
import type { Egress } from './egress.ts';
import { isPolicyRefusal } from './podman-trouble.ts';
import { platformOf, settingsFor, skopeoTrouble, sourceOf, type SkopeoOptions } from './skopeo.ts';
import { RegistryFailure } from './trouble.ts';

/** Nobody listens there; no proxy leads there either. */
const nowhere = '127.0.0.1:1';

/**
 * Asks whether podman takes mirrors whose location ends in a slash. Older versions make names with "//" of it, and then refuse every image
 * of the rule, its source included (c/image, sysregistriesv2: up to 5.33 at least, not in 5.36). skopeo is asked without a network: the
 * name is refused, or there is no connection.
 *
 * @param image only the rule that covers this one; default: all rules
 * @throws RegistryFailure naming mirror and file
 */
export async function checkMirrors(host: Host, egress: Egress, image?: string): Promise<void> {
  const only = image === undefined ? undefined : findRule(egress.mirrors, parseReference(image));
  for (const rule of image === undefined ? egress.mirrors.rules : [only ?? []].flat()) {
    const mirror = rule.mirrors.find(({ endsInSlash }) => endsInSlash);
    if (mirror === undefined) continue;
    const name = `${rule.prefix.replace(/^\*/, 'any')}/any/image`;
    const reference = mirror.use === 'tag-only' ? `${name}:any` : `${name}@sha256:${'0'.repeat(64)}`;
    const words = await wordsWithoutNetwork(host, [
      'inspect',
      ...settingsFor(host, egress),
      '--raw',
      sourceOf(reference),
    ]);
    if (!/invalid reference format/i.test(words)) continue;
    throw new RegistryFailure('settings', `mirror "${mirror.location}/" of "${rule.prefix}" ends in a slash`, {
      why: `podman refuses every image of "${rule.prefix}" for it: invalid reference format`,
      next: `take the slash at the end of the location off in "${rule.path}"`,
    });
  }
}

/**
 * Asks whether the host's signature policy lets an image through: skopeo begins to copy it to a place that does not exist. The policy is
 * looked at before the first layer, and the copy ends before it.
 *
 * @throws Failure with the policy's reason
 */
export async function provePolicy(
  host: Host,
  egress: Egress,
  image: string,
  { platform, signal }: Pick<SkopeoOptions, 'platform' | 'signal'>,
): Promise<void> {
  const args = [
    'copy',
    ...settingsFor(host, egress),
    ...platformOf(platform),
    sourceOf(image),
    `docker://${nowhere}/none:none`,
  ];
  try {
    await host.run('skopeo', args, { budgetMs: 300_000, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    if (host.stop.aborted || isPolicyRefusal(error))
      throw skopeoTrouble(host, error, image, `podman will not pull "${image}"`);
  }
}

async function wordsWithoutNetwork(host: Host, args: readonly string[]): Promise<string> {
  const proxy = `http://${nowhere}`;
  try {
    await host.run('skopeo', args, { env: { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY: '', no_proxy: '' } });
    return '';
  } catch (error) {
    return error instanceof CommandError ? error.stderrTail : '';
  }
}
