import { playScenario } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';
for (const name of process.argv.slice(3)) {
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(name);
  const t = Date.now();
  await playScenario(scenario, (line) => process.stdout.write(`${((Date.now() - t) / 1000).toFixed(1)} ${name}: ${line}\n`));
  process.stdout.write(`passed ${(Date.now() - t) / 1000}\n`);
}
