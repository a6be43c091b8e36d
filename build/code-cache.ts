import { readFile, writeFile } from 'node:fs/promises';
import { run } from './program-loader.ts';

/**
 * `node FLAGS code-cache.ts TEXT OUTPUT`: makes V8's code cache of the programs after each of them has printed its help and refused a
 * configuration, so that the functions of a start are in it compiled. It runs under the flags that the executable will have, and what
 * the programs print goes to whoever started it.
 */
const [text = '', output = ''] = process.argv.slice(2);
const { programs, script } = run((await readFile(text)).toString('latin1'));

for (const load of Object.values(programs)) {
  const { main } = await load();
  await main(['run', '--help'], '0.0.0');
  const status = await main(['check-config', '-f', '/nonexistent'], '0.0.0');
  if (status !== 2) throw new Error(`a program took "/nonexistent" for a configuration (${String(status)})`);
}
process.exitCode = 0;
await writeFile(output, script.createCachedData());
