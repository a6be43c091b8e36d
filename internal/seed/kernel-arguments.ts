import { z } from 'zod';
import { Failure, messageOf } from '../errors/errors.ts';

const machineConfigSchema = z.looseObject({
  spec: z.looseObject({
    kernelArguments: z.array(z.string()).nullish(),
    fips: z.boolean().nullish(),
  }),
});

/**
 * The kernel arguments of the seed, exactly: quotes, `<`, `>`, `&`, `$` survive, because no shell and no JSON encoding
 * stands between (defect/kernel-arguments). FIPS mode adds its pair; the kernel needs `boot=` to verify itself.
 *
 * @param text `mco-currentconfig.json`, a MachineConfig
 */
export function kernelArguments(text: string): string[] {
  let spec;
  try {
    ({ spec } = machineConfigSchema.parse(JSON.parse(text)));
  } catch (error) {
    throw new Failure('"mco-currentconfig.json" of the seed cannot be read', {
      why: messageOf(error).split('\n', 1)[0] ?? '',
      next: 'build the seed image again with lca-cli create',
    });
  }
  const given = (spec.kernelArguments ?? []).filter((argument) => argument.trim() !== '');
  return spec.fips === true ? [...given, 'fips=1', 'boot=LABEL=boot'] : given;
}
