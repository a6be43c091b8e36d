import { basename } from 'node:path';

/**
 * One executable, several programs: the name it was called by decides. The seed image and the memory of a live system
 * carry Node once. Programs are loaded when they are called, so that start-up costs no more than its own program.
 */

/** Set by the build; a checkout says so. */
declare const BUILD_VERSION: string;
declare const BUILD_COMMIT: string;
const version = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : '0.0.0-checkout';
const commit = typeof BUILD_COMMIT === 'string' ? BUILD_COMMIT : 'checkout';

const programs = ['ibi', 'post-pivot', 'precache-extract', 'recert', 'lca-cli'] as const;
type Program = (typeof programs)[number];

/** Runs the program of this name and returns the exit code. */
async function start(name: Program, argv: readonly string[]): Promise<number> {
  if (argv[0] === '--version') {
    process.stdout.write(`${name} ${version} (${commit}), Node ${process.version}\n`);
    return 0;
  }
  switch (name) {
    case 'ibi': {
      const { main } = await import('./ibi/main.ts');
      return main(argv, version);
    }
    case 'recert': {
      const { main } = await import('./recert/main.ts');
      return main(argv, version);
    }
    case 'post-pivot': {
      const { main } = await import('./post-pivot/main.ts');
      return main(argv, version);
    }
    case 'lca-cli':
      return startSubcommand(argv);
    case 'precache-extract':
      process.stderr.write(`${name}: this program is not part of version ${version} yet\n`);
      return 2;
  }
}

/** The reference's one program: its sub-commands are our programs. Its global flags may stand before or after them. */
async function startSubcommand(argv: readonly string[]): Promise<number> {
  const at = argv.findIndex((word) => !word.startsWith('-'));
  const sub = argv[at];
  const rest = argv.filter((_, index) => index !== at);
  if (sub === 'ibi') {
    const { main } = await import('./ibi/main.ts');
    return main(rest, version, 'lca-cli ibi');
  }
  if (sub === 'post-pivot') {
    const { main } = await import('./post-pivot/main.ts');
    return main(rest, version, 'lca-cli post-pivot');
  }
  if (sub === 'init-monitor') {
    const { main } = await import('./post-pivot/init-monitor.ts');
    return main(rest);
  }
  if (sub === undefined && (argv.includes('--help') || argv.includes('-h'))) {
    process.stdout.write(
      'Usage: lca-cli [ibi | post-pivot | init-monitor] [options]\n\nThe names of the reference for the programs ibi and post-pivot.\n',
    );
    return 0;
  }
  process.stderr.write(
    `lca-cli: ${sub === undefined ? 'a command is missing' : `unknown command "${sub}"`}\nnext: lca-cli ibi -f FILE, or lca-cli post-pivot\n`,
  );
  return 2;
}

/** The result stands: a request to stop that comes while Node winds up must not turn it into a death by signal. */
function end(code: number): void {
  process.exitCode = code;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(code));
}

/** Under its own name, or as `node cmd/main.ts NAME …` in a checkout. */
function called(): { name: string; argv: string[] } {
  const own = basename(process.argv0);
  if (isProgram(own)) return { name: own, argv: process.argv.slice(2) };
  return { name: process.argv[2] ?? '', argv: process.argv.slice(3) };
}

function isProgram(name: string): name is Program {
  return programs.some((program) => program === name);
}

const { name, argv } = called();
if (isProgram(name)) {
  start(name, argv).then(end, (error: unknown) => {
    process.stderr.write(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    end(1);
  });
} else {
  process.stderr.write(`"${name}" is not a program of this file; it is one of ${programs.join(', ')}\n`);
  process.exitCode = 2;
}
