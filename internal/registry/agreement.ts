import { CommandError, Failure, messageOf } from '../errors/errors.ts';
import type { InspectedImage, InspectedManifest } from './inspect.ts';
import { localImageTrouble } from './local-image.ts';
import { willPass } from './podman-trouble.ts';
import type { InspectOptions, Registry } from './registry.ts';
import { RegistryFailure } from './trouble.ts';

/*
 * Our client reads registries, podman pulls from them, and two programs never agree in everything: each difference either refuses a good
 * site, or is found out when the disk is erased already. So podman's side has the last word on what is accepted; skopeo speaks for it,
 * which asks registries with the same library and settings, and needs no image store.
 *
 * | our client                  | skopeo     | what follows                                              |
 * |-----------------------------|------------|-----------------------------------------------------------|
 * | must not (`reservation`)    | reads      | skopeo carries the image                                   |
 * | fails, and not for a moment | reads      | skopeo carries the image, and a line says why we could not |
 * | fails, and not for a moment | refuses    | our failure: it knows more to advise                       |
 * | reads                       | reads      | our client streams the image                               |
 * | reads                       | refuses    | skopeo's refusal, before the disk is touched               |
 */

export type AgreementOptions = InspectOptions & {
  readonly say: (fact: string) => void;
  readonly warn: (fact: string) => void;
  /** False: no other image will be pulled, so that only what concerns this one is looked at. Default: true. */
  readonly others?: boolean;
};

/**
 * What an image is, where our client and podman's side agree that it can be read.
 *
 * @throws Failure with the reason of whoever refuses it
 */
export async function inspectAgreed(
  registry: Registry,
  given: string,
  options: AgreementOptions,
): Promise<InspectedImage> {
  const { say, warn } = options;
  const image = registry.fullName(given);
  if (image !== given) say(`"${given}" is "${image}" by registries.conf`);
  await registry.checkMirrors(options.others === false ? image : undefined);
  const reservation = registry.reservationAbout(image);
  if (reservation !== undefined) {
    say(`skopeo talks to the registry, because ${reservation.why}`);
    const found = await leftToSkopeo(registry, image, reservation.failure, options);
    if (reservation.bySignature === true) await registry.provePolicy(found.pinned, options);
    return found;
  }
  await using early = proveBeside(registry, image, options);
  let found: InspectedImage;
  try {
    found = await registry.inspect(image, registry.isOnlyLocal(image) ? { ...options, attempts: 1 } : options);
  } catch (ours) {
    if (!isWorthASecondOpinion(ours)) throw ours;
    try {
      found = await registry.inspectWithSkopeo(image, { ...options, attempts: 1 });
    } catch (theirs) {
      say(`skopeo cannot read "${image}" either: ${reasonOf(theirs)}`);
      throw registry.isOnlyLocal(image) ? localImageTrouble(image, 'seed', ours) : ours;
    }
    const why = `${ours.message}${ours.why === undefined ? '' : ` (${ours.why})`}`;
    warn(`continuing with skopeo, which can read "${image}"; our own client cannot: ${why}`);
    registry.leaveToSkopeo(image, why);
    return found;
  }
  await prove(registry, image, options, early.result);
  return found;
}

/**
 * skopeo reads the image while our client does, so that on a thin link the second opinion costs no round trips of its own. `result` fails as
 * the reading does; nobody has to hear it.
 */
function proveBeside(
  registry: Registry,
  image: string,
  options: AgreementOptions,
): AsyncDisposable & { readonly result: Promise<void> } {
  const ending = new AbortController();
  const signal = options.signal === undefined ? ending.signal : AbortSignal.any([options.signal, ending.signal]);
  const result = registry.proveWithSkopeo(image, { ...options, signal });
  result.catch(() => undefined); // told by whoever waits for it
  return {
    result,
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await result.catch(() => undefined);
    },
  };
}

/** The same for the plan of pulls: podman is asked for each of these images anyway, so nothing is to be proved here. */
export async function inspectManifestAgreed(
  registry: Registry,
  given: string,
  options: InspectOptions,
): Promise<InspectedManifest> {
  const image = registry.fullName(given);
  const reservation = registry.reservationAbout(image);
  if (reservation !== undefined) return registry.inspectManifestWithSkopeo(image, { ...options, attempts: 1 });
  try {
    return await registry.inspectManifest(image, registry.isOnlyLocal(image) ? { ...options, attempts: 1 } : options);
  } catch (ours) {
    if (!isWorthASecondOpinion(ours) || options.signal?.aborted === true) throw ours;
    return await registry.inspectManifestWithSkopeo(image, { ...options, attempts: 1 }).catch(() => {
      throw ours;
    });
  }
}

async function leftToSkopeo(
  registry: Registry,
  image: string,
  failure: Failure | undefined,
  options: AgreementOptions,
): Promise<InspectedImage> {
  try {
    return await registry.inspectWithSkopeo(image, failure === undefined ? options : { ...options, attempts: 1 });
  } catch (theirs) {
    if (failure === undefined) throw theirs;
    options.say(`skopeo cannot read "${image}" either: ${reasonOf(theirs)}`);
    throw failure;
  }
}

/** Our client has read it a moment ago: what is not known to pass by itself is podman's answer. The first attempt has begun already. */
async function prove(
  registry: Registry,
  image: string,
  options: AgreementOptions,
  begun: Promise<void>,
): Promise<void> {
  let first: Promise<void> | undefined = begun;
  const attempt = async (): Promise<void> => {
    const reading = first ?? registry.proveWithSkopeo(image, options);
    first = undefined;
    try {
      await reading;
    } catch (error) {
      const isAnswer = error instanceof Failure && !(error instanceof CommandError) && error.exitCode !== 75;
      if (!isAnswer || willPass(error.cause)) throw error;
      throw new RegistryFailure(
        error instanceof RegistryFailure ? error.kind : 'settings',
        `podman will not pull "${image}", although its registry gives it`,
        {
          why: reasonOf(error),
          next: adviceOn(error, registry.skopeoCommand(image)),
          cause: error,
        },
      );
    }
  };
  try {
    await registry.patiently(attempt, options);
  } catch (error) {
    if (!(error instanceof CommandError) || error.end.kind !== 'not-found') throw error;
    options.warn(
      'skopeo is not installed; continuing because whether podman can read the registry shows when it pulls',
    );
  }
}

/** The credentials are good, as our client got in with them: podman was not asked for any when it said who it is. */
function adviceOn(error: Failure, command: string): string {
  if (error instanceof RegistryFailure && error.kind === 'auth' && /unauthorized/i.test(error.why ?? ''))
    return 'let "/v2/" of the registry answer 401 with the challenge: podman gives credentials only when they are asked for there';
  return error.next ?? `see what is wrong with: ${command}`;
}

function isWorthASecondOpinion(error: unknown): error is Failure {
  return error instanceof Failure && error.exitCode !== 75;
}

function reasonOf(error: unknown): string {
  return error instanceof Failure && error.why !== undefined ? error.why : messageOf(error);
}
