import assert from 'node:assert/strict';
import { join } from 'node:path';
import { CommandError, Failure } from '../errors/errors.ts';
import { inspectAgreed } from './agreement.ts';
import { openEgress } from './egress.ts';
import type { EgressPaths } from './egress-paths.ts';
import { openRegistry } from './registry.ts';
import type { Surroundings } from './test-surroundings.ts';

/** One question to both sides, in the same surroundings. */
export type Question = {
  readonly image: string;
  /** Beside HOME, which is the folder of the surroundings: `.config/containers` there is read by both sides. */
  readonly env?: Readonly<Record<string, string>>;
  readonly authFile?: string;
  /** Where our side looks, if it must be told. */
  readonly paths?: Partial<EgressPaths>;
  /** False: no other image will be pulled. */
  readonly others?: boolean;
  /** Let podman pull, too. Default: skopeo alone is the judge; a refused pull takes podman some seconds. */
  readonly podman?: boolean;
};

/** What came of it; undefined: it can be read. */
export type Verdicts = {
  /** Our client, by itself. */
  readonly alone: Failure | undefined;
  /** What an installation makes of it. */
  readonly agreed: Failure | undefined;
  /** Last words of `skopeo inspect --raw`. */
  readonly skopeo: string | undefined;
  readonly podman: string | undefined;
  /** What was said meanwhile. */
  readonly said: readonly string[];
  /** The sentence why skopeo carries the image. */
  readonly carriedBySkopeo: string | undefined;
};

const once = { attempts: 1 };

/** Asks our client and podman's side about an image. */
export async function verdictsOn(at: Surroundings, question: Question): Promise<Verdicts> {
  const { image, authFile } = question;
  const host = at.hostWith(question.env ?? {});
  const said: string[] = [];
  const say = (text: string): void => {
    said.push(text);
  };
  let alone: Failure | undefined;
  let agreed: Failure | undefined;
  let carriedBySkopeo: string | undefined;
  try {
    const { paths = {}, others = true } = question;
    const egress = await openEgress(host, { paths, ...(authFile === undefined ? {} : { authFile }) });
    egress.warnings.forEach(say);
    using registry = openRegistry(host, egress);
    alone = await failureOf(() => registry.inspect(image, once));
    agreed = await failureOf(() => inspectAgreed(registry, image, { ...once, others, say, warn: say }));
    carriedBySkopeo = registry.whyNotStreamed(image);
  } catch (error) {
    // The settings were refused as a whole.
    assert.ok(error instanceof Failure, String(error));
    alone = agreed = error;
  }
  const conf = question.env?.['CONTAINERS_REGISTRIES_CONF'];
  const auth = authFile === undefined ? [] : ['--authfile', authFile];
  const named = conf === undefined ? [] : ['--registries-conf', conf];
  const words = (program: string, args: readonly string[]): Promise<string | undefined> =>
    host.run(program, args).then(
      () => undefined,
      (error: unknown) => (error instanceof CommandError ? error.stderrTail : assert.fail(String(error))),
    );
  const store = ['--root', join(at.folder, 'store/storage'), '--runroot', join(at.folder, 'store/run')];
  return {
    alone,
    agreed,
    skopeo: await words('skopeo', ['inspect', ...named, ...auth, '--raw', `docker://${image}`]),
    podman: question.podman === true ? await words('podman', [...store, 'pull', ...auth, image]) : undefined,
    said,
    carriedBySkopeo,
  };
}

async function failureOf(attempt: () => Promise<unknown>): Promise<Failure | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** What is expected of both sides. */
export type Expected = {
  /** Absent: both read it. The three lines of a person: what, why, next. */
  readonly refused?: readonly (string | undefined)[];
  /** Where our client alone says otherwise: "reads", or what its failure says. */
  readonly alone?: string;
};

/** The verdicts are the same, and told in these words; `names` stands for what differs from run to run. */
export function assertSame(
  found: Verdicts,
  { refused, alone }: Expected,
  names: Readonly<Record<string, string>>,
  judge: 'skopeo' | 'podman' = 'skopeo',
): void {
  assert.equal(found[judge] === undefined, refused === undefined, `${judge}: ${found[judge] ?? 'reads it'}`);
  assert.deepEqual(found.agreed && Object.values(linesOf(found.agreed, names)), refused);
  const own = found.alone === undefined ? 'reads' : linesOf(found.alone, names)['what'];
  assert.equal(own, alone ?? refused?.[0] ?? 'reads', 'our client alone');
  // Who carries it is told, with the reason.
  if (refused !== undefined || alone === undefined || alone === 'reads') return;
  assert.ok(found.carriedBySkopeo !== undefined && found.said.length > 0);
}

/** The three lines that a person sees of a failure, with `names` put for what differs from run to run. */
export function linesOf(failure: Failure, names: Readonly<Record<string, string>>): Record<string, string | undefined> {
  const clean = (text: string | undefined): string | undefined =>
    text === undefined
      ? undefined
      : Object.entries(names)
          .reduce((rest, [name, value]) => rest.replaceAll(value, name), text)
          .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
  return { what: clean(failure.message), why: clean(failure.why), next: clean(failure.next) };
}
