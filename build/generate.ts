import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { ibiFields } from '../internal/config/ibi-config.ts';
import { recertFields } from '../internal/config/recert-config-fields.ts';
import { stages } from '../internal/recert/stages.ts';
import { stepsOf, type Flow } from '../internal/steps/step.ts';
import { flow } from '../cmd/ibi/flow.ts';
import { ibi } from '../cmd/ibi/main.ts';
import { flow as postPivotFlow } from '../cmd/post-pivot/flow.ts';
import { postPivot } from '../cmd/post-pivot/main.ts';
import { recert } from '../cmd/recert/main.ts';
import { commandOf } from '../internal/cli/program.ts';

/**
 * Writes the generated parts of the manuals, between markers; with `--check` it only says whether they are up to date.
 * What a program knows of itself is described once, in the program.
 */
const top = dirname(import.meta.dirname);

const parts: readonly { readonly file: string; readonly name: string; readonly text: () => string }[] = [
  { file: 'cmd/ibi/README.md', name: 'configuration', text: configurationTable },
  { file: 'cmd/ibi/README.md', name: 'steps', text: () => stepTable(flow) },
  { file: 'cmd/post-pivot/README.md', name: 'steps', text: () => stepTable(postPivotFlow) },
  { file: 'cmd/post-pivot/README.md', name: 'help', text: () => helpText(commandOf(postPivot)) },
  { file: 'cmd/ibi/README.md', name: 'help', text: () => helpText(commandOf(ibi)) },
  {
    file: 'cmd/recert/README.md',
    name: 'stages',
    text: () =>
      [
        '| | stage | what it does |',
        '|---|---|---|',
        ...Object.entries(stages).map(([name, says], index) => `| ${index + 1} | \`${name}\` | ${says} |`),
      ].join('\n'),
  },
  { file: 'cmd/recert/README.md', name: 'configuration', text: recertTable },
  { file: 'cmd/recert/README.md', name: 'help', text: () => helpText(commandOf(recert)) },
];

function configurationTable(): string {
  const rows = Object.entries(ibiFields).map(
    ([key, { kind, fallback, says }]) =>
      `| \`${key}\` | ${{ string: 'text', boolean: 'true, false', number: 'number', strings: 'list of texts' }[kind]} | ${fallback === '' ? '' : `\`${JSON.stringify(fallback)}\``} | ${says} |`,
  );
  return ['| key | kind | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function stepTable<C>(flow: Flow<C>): string {
  let last = '';
  const rows = stepsOf(flow).map(({ step, index, heading }) => {
    const paragraph = heading.heading === last ? '' : heading.heading;
    last = heading.heading;
    return `| ${index} | \`${step.name}\` | ${step.says} | ${paragraph} |`;
  });
  return ['| | step | what it does | paragraph |', '|---|---|---|---|', ...rows].join('\n');
}

function recertTable(): string {
  const kinds = {
    text: 'text',
    secret: 'text, secret',
    truth: 'true, false',
    count: 'number',
    texts: 'list of texts',
    secrets: 'list of texts, secret',
    'texts-or-text': 'text or list of texts',
  };
  const rows = Object.entries(recertFields).map(
    ([key, { kind, flag, says }]) => `| \`${key}\` | \`--${flag}\` | ${kinds[kind]} | ${says} |`,
  );
  return ['| key | flag | kind | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function helpText(command: Command): string {
  command.configureHelp({ helpWidth: 80 });
  const runCommand = command.commands.find((sub) => sub.name() === 'run');
  runCommand?.configureHelp({ helpWidth: 80 });
  return ['```', command.helpInformation().trimEnd(), '', runCommand?.helpInformation().trimEnd() ?? '', '```'].join(
    '\n',
  );
}

let stale = 0;
for (const { file, name, text } of parts) {
  const path = join(top, file);
  const before = await readFile(path, 'utf8');
  const [from, to] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
  const [start, end] = [before.indexOf(from), before.indexOf(to)];
  if (start < 0 || end < start)
    throw new Error(`${file} has no place for "${name}"; it needs the lines "${from}" and "${to}"`);
  const after = `${before.slice(0, start + from.length)}\n${text()}\n${before.slice(end)}`;
  if (after === before) continue;
  if (process.argv.includes('--check')) {
    process.stderr.write(`${file}: part "${name}" is not up to date; run: node build/generate.ts\n`);
    stale += 1;
  } else await writeFile(path, after);
}
process.exitCode = stale === 0 ? 0 : 1;
