import { z } from 'zod/mini';
import { nameOf, printReference, type ImageReference } from '../image/reference.ts';

/** Signature policy of the host (containers-policy.json(5)), as far as it decides who may transfer. */
export type SignaturePolicy = {
  /** Why an image may not be taken as it comes, as a sentence; undefined when the policy accepts anything from there. */
  demandFor(reference: ImageReference): string | undefined;
};

const requirements = z.array(z.object({ type: z.string() })).check(z.minLength(1));
const policySchema = z.strictObject({
  default: requirements,
  transports: z.optional(z.record(z.string(), z.record(z.string(), requirements))),
});

/**
 * Reads a policy.json. The reference asked for decides, not the mirror: a signature speaks about the source name. A policy that is absent
 * or that we do not understand demands something of every image: podman pulls nothing without one, and has the last word on its form.
 */
export function parsePolicy(text: string | undefined, path: string): SignaturePolicy {
  const always = (what: string): SignaturePolicy => ({ demandFor: () => `signature policy "${path}" ${what}` });
  if (text === undefined) return always('does not exist');
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return always('is not JSON');
  }
  const result = policySchema.safeParse(data);
  if (!result.success)
    return always(`has an unexpected form (at ${result.error.issues[0]?.path.join('.') || 'its top'})`);
  const scopes = result.data.transports?.['docker'] ?? {};
  const fallback = result.data.default;
  return {
    demandFor(reference) {
      const scope = scopesOf(reference).find((each) => Object.hasOwn(scopes, each));
      const asked = scope === undefined ? fallback : (scopes[scope] ?? fallback);
      const demand = asked.find(({ type }) => type !== 'insecureAcceptAnything');
      return demand === undefined
        ? undefined
        : `signature policy "${path}" asks for "${demand.type}" (scope "${scope === undefined || scope === '' ? 'default' : scope}")`;
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
