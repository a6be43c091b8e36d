import { z } from 'zod';
import { Failure, messageOf } from '../errors/errors.ts';

const statusSchema = z.looseObject({
  deployments: z.array(z.looseObject({ id: z.string(), booted: z.boolean().nullish() })),
});

/** The deployment the seed cluster ran: `<commit>.<serial>` and the commit alone. */
export type BootedDeployment = { readonly name: string; readonly commit: string };

/**
 * Finds the booted deployment in `rpm-ostree.json`. The id is `<osname>-<commit>.<serial>`, and the osname may hold dashes.
 */
export function bootedDeployment(text: string): BootedDeployment {
  const next = 'build the seed image again with lca-cli create';
  let id: string | undefined;
  try {
    id = statusSchema.parse(JSON.parse(text)).deployments.find(({ booted }) => booted === true)?.id;
  } catch (error) {
    throw new Failure('"rpm-ostree.json" of the seed cannot be read', {
      why: messageOf(error).split('\n', 1)[0] ?? '',
      next,
    });
  }
  if (id === undefined)
    throw new Failure('failed to get booted stateroot id: failed finding booted stateroot', { next });
  const dash = id.lastIndexOf('-');
  if (dash < 0)
    throw new Failure(`failed to get deployment from deploymentID, there should be a '-' in deploymentID ${id}`, {
      next,
    });
  const name = id.slice(dash + 1);
  const commit = name.split('.', 1)[0] ?? '';
  if (!/^[0-9a-f]{64}$/.test(commit))
    throw new Failure(`"${id}" in "rpm-ostree.json" of the seed names no commit`, { next });
  return { name, commit };
}
