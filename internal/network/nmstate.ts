import { CommandError, Failure } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import type { Secret } from '../log/secret.ts';
import { linksOf, linkText } from './links.ts';

/** Kinds of interface that nmstate makes itself; any other has to be there. */
const physical = /^\s*(?:-\s+)?type:\s*["']?ethernet["']?\s*$/m;

/**
 * What can be said of a network configuration before it is applied: that nmstate understands it, and that the devices it names are
 * there. The document may hold passwords and is never shown; what nmstate says of it is redacted by the log.
 *
 * @throws Failure
 */
export async function checkNmstate(host: Host, file: string, config: Secret): Promise<void> {
  await host.writeFile(file, config.reveal());
  try {
    // Makes the profiles and applies nothing.
    await host.run('nmstatectl', ['gc', file]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.end.kind !== 'exit') throw error;
    throw new Failure('the network configuration of the site is none that nmstate understands', {
      why: error.stderrTail.split('\n').at(-1) ?? error.message,
      next: 'correct raw_nm_state_config of the site manifest, and attach the config ISO made of it',
      cause: error,
    });
  }
}

/** Devices that a configuration names and this host does not have. */
export async function missingLinks(host: Host, config: Secret): Promise<string | undefined> {
  const links = await linksOf(host);
  const known = new Set(links.map(({ name }) => name));
  const missing = ethernetNames(config.reveal()).filter((name) => !known.has(name));
  if (missing.length === 0) return undefined;
  return `this host has no network device "${missing.join('", "')}"; it has ${links.map(linkText).join(', ') || 'none'}`;
}

/** Names of the ethernet interfaces of a document, but for those that are found by their MAC address. */
function ethernetNames(text: string): string[] {
  const blocks = text.split(/^(?=\s*-\s)/m);
  return blocks.flatMap((block) => {
    if (!physical.test(block) || /identifier:\s*["']?mac-address/.test(block)) return [];
    const [, name] = /^\s*(?:-\s+)?name:\s*["']?([^\s"'#]+)["']?\s*$/m.exec(block) ?? [];
    return name === undefined ? [] : [name];
  });
}

/**
 * Applies a network configuration. nmstate proves what it has done, and puts back what was before when that differs.
 *
 * @throws Failure with what nmstate said, and what the host has
 */
export async function applyNmstate(host: Host, file: string, config: Secret): Promise<void> {
  await host.writeFile(file, config.reveal());
  try {
    await host.run('nmstatectl', ['apply', file], { budgetMs: 5 * 60_000 });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const missing = await missingLinks(host, config).catch(() => undefined);
    throw new Failure('the network configuration of the site could not be applied', {
      ...(missing === undefined ? {} : { why: missing }),
      next: 'correct the link, or attach a config ISO with another raw_nm_state_config',
      transient: true,
      cause: error,
    });
  }
}
