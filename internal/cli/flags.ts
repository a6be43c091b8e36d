import { Option } from 'commander';
import { UsageError } from '../errors/errors.ts';

/** What commander gives for one option: nothing, a text, several texts, or that it was there. */
export type Given = string | readonly string[] | boolean | undefined;

/** One option of a command line: how it is written, what the help says, and how a value is read from what was given. */
export type Flag<T> = {
  /** As commander takes it: `-f, --configuration-file <file>`. */
  readonly flags: string;
  readonly says: string;
  /** Shown in the help as the default. */
  readonly shownDefault?: string;
  readonly repeats?: true;
  /** The environment variable that gives the value where the option does not. */
  readonly env?: string;
  /** @throws UsageError */
  readonly read: (given: Given) => T;
};

/** The options of a call whose values are `V`, each under the name of its value. */
export type FlagsFor<V> = { readonly [K in keyof V]: Flag<V[K]> };

/** The values that declared options give. */
export type ValuesOf<F> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** The options of both. A spread of two mapped types is the mapped type of both, which TypeScript does not see of open types. */
export const both = <A, B>(one: FlagsFor<A>, other: FlagsFor<B>): FlagsFor<A & B> =>
  ({ ...one, ...other }) as FlagsFor<A & B>;

const textOf = (given: Given): string | undefined => (typeof given === 'string' ? given : undefined);

/** A text with a default. */
export const text = (flags: string, says: string, fallback: string, env?: string): Flag<string> => ({
  flags,
  says,
  ...(env === undefined ? {} : { env }),
  ...(fallback === '' ? {} : { shownDefault: fallback }),
  read: (given) => textOf(given) ?? fallback,
});

/** A text that may be left out. */
export const optionalText = (flags: string, says: string): Flag<string | undefined> => ({ flags, says, read: textOf });

/** A text that must be given. */
export const requiredText = (flags: string, says: string): Flag<string> => ({
  flags,
  says,
  read: (given) => {
    const written = textOf(given);
    if (written !== undefined && written !== '') return written;
    throw new UsageError(`${flags.split(' ')[0] ?? flags} is missing`, { next: `give it: ${flags}` });
  },
});

export const truth = (flags: string, says: string): Flag<boolean> => ({
  flags,
  says,
  read: (given) => given === true,
});

/** A number of seconds from 0. */
export const seconds = (flags: string, says: string, fallback: number): Flag<number> => ({
  flags,
  says,
  shownDefault: String(fallback),
  read: (given) => {
    const written = textOf(given);
    const value = written === undefined ? fallback : written.trim() === '' ? Number.NaN : Number(written);
    if (Number.isFinite(value) && value >= 0) return value;
    const name = flags.split(/[ ,]+/).find((word) => word.startsWith('--')) ?? flags;
    throw new UsageError(`${name} "${written ?? ''}" is not a number of seconds`, {
      next: 'give a number, for example 600',
    });
  },
});

/** The option as commander knows it. Values stay texts: what is wrong with one is said by `read`, in our words. */
export function commanderOption({ flags, says, shownDefault, repeats }: Flag<unknown>): Option {
  const option = new Option(flags, shownDefault === undefined ? says : `${says} (default: ${shownDefault})`);
  // Not variadic: a value may begin with a dash, and what follows it must not be swallowed.
  if (repeats) option.argParser((one: string, before: string[] | undefined) => [...(before ?? []), one]);
  return option;
}

/** Reads what was given for each declared option, on the command line or else in the environment; an empty variable gives nothing. */
export function valuesOf<V>(
  flags: FlagsFor<V>,
  given: Readonly<Record<string, Given>>,
  env: Readonly<Record<string, string | undefined>> = {},
): V {
  const values = Object.entries<Flag<unknown>>(flags).map(([name, flag]) => {
    const fromEnv = flag.env === undefined || env[flag.env] === '' ? undefined : env[flag.env];
    return [name, flag.read(given[commanderOption(flag).attributeName()] ?? fromEnv)];
  });
  return Object.fromEntries(values) as V; // Object.fromEntries forgets which name has which type
}
