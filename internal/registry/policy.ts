import { z } from 'zod/mini';
import { UsageError } from '../errors/errors.ts';
import { nameOf, printReference, type ImageReference } from '../image/reference.ts';

/** Signature policy of the host (containers-policy.json(5)), as far as it decides who may transfer. */
export type SignaturePolicy = {
  /** The requirement beyond "accept anything" that applies to a reference, with its scope; undefined when there is none. */
  demandFor(reference: ImageReference): { readonly scope: string; readonly type: string } | undefined;
};

const requirements = z.array(z.object({ type: z.string() }));
const policySchema = z.object({
  default: requirements,
  transports: z.optional(z.record(z.string(), z.record(z.string(), requirements))),
});

/** Reads a policy.json. The reference asked for decides, not the mirror: a signature speaks about the source name. */
export function parsePolicy(text: string, path: string): SignaturePolicy {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`signature policy "${path}" is not JSON`, { cause: error });
  }
  const result = policySchema.safeParse(data);
  if (!result.success)
    throw new UsageError(`signature policy "${path}" has an unexpected form`, {
      why: `at ${result.error.issues[0]?.path.join('.') ?? 'its top'}`,
    });
  const scopes = result.data.transports?.['docker'] ?? {};
  const fallback = result.data.default;
  return {
    demandFor(reference) {
      const scope = scopesOf(reference).find((each) => Object.hasOwn(scopes, each));
      const asked = scope === undefined ? fallback : (scopes[scope] ?? fallback);
      const demand = asked.find(({ type }) => type !== 'insecureAcceptAnything');
      return demand === undefined
        ? undefined
        : { scope: scope === undefined || scope === '' ? 'default' : scope, type: demand.type };
    },
  };
}

/** Scopes that may hold a reference, most specific first: itself, its repository, each namespace, the host, `*.domain`, all. */
function scopesOf(reference: ImageReference): string[] {
  const names: string[] = [printReference(reference)];
  for (let name = nameOf(reference); name !== ''; name = name.slice(0, Math.max(name.lastIndexOf('/'), 0)))
    names.push(name);
  const labels = reference.registry.split(':', 1).join('').split('.');
  return [...names, ...labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`), ''];
}
