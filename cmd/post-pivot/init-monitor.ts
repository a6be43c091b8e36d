import { readTextIfPresent } from '../../internal/host/files.ts';

/** Written by the Lifecycle Agent for an image-based upgrade, whose failure it undoes. An installation has nothing to go back to. */
const rollbackConfig = '/var/lib/lca/autorollback_config.json';

const usage = 'Usage: lca-cli init-monitor --monitor | --exec-stop-post <component> [--mode ibu|ipconfig]\n';

/**
 * `lca-cli init-monitor`, as an image-based installation needs it: without a configuration of the Lifecycle Agent there is nothing to watch.
 * With one this is the host of an upgrade, which is the agent's own program's to roll back.
 */
export async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(usage);
    return 0;
  }
  const monitors = argv.includes('--monitor');
  const stops = argv.some((word) => word === '--exec-stop-post' || word.startsWith('--exec-stop-post='));
  const say = (text: string): void => {
    process.stderr.write(`init-monitor: ${text}\n`);
  };
  if (monitors && stops) {
    say('if any flags in the group [monitor exec-stop-post] are set none of the others can be');
    return 2;
  }
  if (!monitors && !stops) {
    say('must specify either --monitor or --exec-stop-post');
    return 2;
  }
  if ((await readTextIfPresent(rollbackConfig)) === undefined) return 0;
  say(`"${rollbackConfig}" belongs to an image-based upgrade, which this program does not roll back`);
  say('next: run the lca-cli of the Lifecycle Agent');
  return 1;
}
