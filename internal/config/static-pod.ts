import { parseDocument } from 'yaml';
import { z } from 'zod';
import { Failure } from '../errors/errors.ts';

const podSchema = z.looseObject({
  spec: z.looseObject({
    containers: z.array(z.looseObject({ name: z.string().default(''), image: z.string().default('') })).default([]),
  }),
});

/**
 * The image of a container in the manifest of a static pod, YAML or JSON.
 *
 * @throws Failure naming file and container
 */
export function imageInPod(text: string, container: string, file: string): string {
  const pod = podSchema.safeParse(parseDocument(text, { version: '1.2' }).toJS({ maxAliasCount: 10 }));
  const image = pod.success ? pod.data.spec.containers.find(({ name }) => name === container)?.image : undefined;
  if (image === undefined || image === '')
    throw new Failure(`no '${container}' container found or no image specified in ${file}`, {
      next: 'install the host again from a seed image that was made with lca-cli create',
    });
  return image;
}
