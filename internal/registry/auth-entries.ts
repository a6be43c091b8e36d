/** One entry of `auths`; a member that is missing or null is empty. */
export type AuthEntry = {
  readonly auth: string;
  readonly identityToken: string;
  /** A member by which people meant to give credentials, and which podman does not know. */
  readonly besides: string;
};

/** An auth file as far as podman reads it. */
export type AuthEntries = {
  readonly entries: ReadonlyMap<string, AuthEntry>;
  readonly helpers: ReadonlyMap<string, string>;
  readonly credsStore: string;
};

const foreign = ['username', 'password', 'registrytoken', 'credsStore'];

/**
 * Reads the document as Go's JSON package fills c/image's structures: names without regard to case, null for nothing, unknown members
 * passed over. One member of a wrong type makes the whole file useless, for every registry.
 *
 * @returns the entries, or what is wrong, as the end of a sentence
 */
export function decodeAuthFile(data: unknown): AuthEntries | string {
  try {
    const top = objectAt(data, 'its top');
    const auths = objectAt(member(top, 'auths'), 'auths');
    const helpers = objectAt(member(top, 'credHelpers'), 'credHelpers');
    return {
      entries: new Map(Object.entries(auths).map(([key, entry]) => [key, toEntry(entry, `auths.${key}`)])),
      helpers: new Map(Object.entries(helpers).map(([key, value]) => [key, textAt(value, `credHelpers.${key}`)])),
      credsStore: typeof top['credsStore'] === 'string' ? top['credsStore'] : '',
    };
  } catch (error) {
    if (error instanceof WrongType) return error.message;
    throw error;
  }
}

class WrongType extends Error {}

function toEntry(data: unknown, at: string): AuthEntry {
  const entry = objectAt(data, at);
  return {
    auth: textAt(member(entry, 'auth'), `${at}.auth`),
    identityToken: textAt(member(entry, 'identitytoken'), `${at}.identitytoken`),
    besides: foreign.find((name) => typeof entry[name] === 'string' && entry[name] !== '') ?? '',
  };
}

/** The last member of this name, in whatever case it is spelled. */
function member(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.entries(object).findLast(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

function objectAt(data: unknown, at: string): Readonly<Record<string, unknown>> {
  if (data === undefined || data === null) return {};
  if (typeof data === 'object' && !Array.isArray(data)) return data as Readonly<Record<string, unknown>>; // checked
  throw new WrongType(`${kindOf(data)} at ${at}, where an object belongs`);
}

function textAt(data: unknown, at: string): string {
  if (data === undefined || data === null) return '';
  if (typeof data === 'string') return data;
  throw new WrongType(`${kindOf(data)} at ${at}, where a text belongs`);
}

function kindOf(data: unknown): string {
  if (Array.isArray(data)) return 'a list';
  return data !== null && typeof data === 'object'
    ? 'an object'
    : `a ${typeof data === 'string' ? 'text' : typeof data}`;
}
