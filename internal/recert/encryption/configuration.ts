import { z } from 'zod';
import { Failure } from '../../errors/errors.ts';
import type { Provider } from '../../wire/encryption.ts';

/** The EncryptionConfiguration of one API server: for each resource its providers, the first of which writes. */
export type EncryptionConfiguration = readonly ResourceEncryption[];
export type ResourceEncryption = { readonly resources: readonly string[]; readonly providers: readonly Provider[] };

const keys = z.strictObject({ keys: z.array(z.strictObject({ name: z.string().min(1), secret: z.base64() })).min(1) });
const schema = z.looseObject({
  kind: z.literal('EncryptionConfiguration'),
  apiVersion: z.literal('apiserver.config.k8s.io/v1'),
  resources: z
    .array(
      z.looseObject({
        resources: z.array(z.string().min(1)).min(1),
        providers: z.array(z.record(z.string(), z.unknown())).min(1),
      }),
    )
    .min(1),
});

/**
 * Reads the JSON text of an EncryptionConfiguration. `named` says which one it is. No error shows any of its text, which holds keys.
 *
 * @throws Failure for another document, and for providers that cannot be followed (secretbox, KMS)
 */
export function readConfiguration(text: string, named: string): EncryptionConfiguration {
  const refuse = (why: string): never => {
    throw new Failure(`${named} cannot be used: ${why}`, {
      next: 'give aescbc, aesgcm and identity, as OpenShift does',
    });
  };
  const found = schema.safeParse(parsed(text) ?? refuse('it is not JSON'));
  if (!found.success) {
    const [issue] = found.error.issues;
    return refuse(`it is no EncryptionConfiguration, see "${issue?.path.join('.') ?? ''}"`);
  }
  return found.data.resources.map(({ resources, providers }) => {
    if (resources.some((resource) => resource.startsWith('*'))) refuse('it names resources by "*"');
    return { resources, providers: providers.map((provider) => readProvider(provider, refuse)) };
  });
}

function readProvider(provider: Readonly<Record<string, unknown>>, refuse: (why: string) => never): Provider {
  const [entry, ...more] = Object.entries(provider);
  if (entry === undefined || more.length > 0) return refuse('a provider is not a single one');
  const [type, value] = entry;
  if (type === 'identity') return { type };
  if (type !== 'aescbc' && type !== 'aesgcm') return refuse(`the provider "${type}" is not known`);
  const found = keys.safeParse(value);
  if (!found.success) return refuse(`the keys of its ${type} provider are not names with base64 secrets`);
  return {
    type,
    keys: found.data.keys.map(({ name, secret }) => {
      const bytes = Buffer.from(secret, 'base64');
      if (bytes.length !== 32) refuse(`the ${type} key "${name}" has ${String(bytes.length)} bytes, 32 are needed`);
      return { name, secret: bytes };
    }),
  };
}

/** The text as the operators write it: members in this order, a line end behind it. */
export function writeConfiguration(configuration: EncryptionConfiguration): string {
  const providerOf = (provider: Provider): object =>
    provider.type === 'identity'
      ? { identity: {} }
      : {
          [provider.type]: {
            keys: provider.keys.map(({ name, secret }) => ({ name, secret: Buffer.from(secret).toString('base64') })),
          },
        };
  const resources = configuration.map(({ resources: names, providers }) => ({
    resources: names,
    providers: providers.map(providerOf),
  }));
  return `${JSON.stringify({ kind: 'EncryptionConfiguration', apiVersion: 'apiserver.config.k8s.io/v1', resources })}\n`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
