import { hash } from 'node:crypto';
import { Failure } from '../../errors/errors.ts';
import { objectTree } from '../../wire/object-tree.ts';
import { specOf } from './go-spec.ts';
import { searchAnswers } from './spec-search.ts';
import { specText } from './spec-text.ts';

/**
 * How an operator's manifest differs from the Deployment that the API server made of it: for each default that is also found in the
 * Deployment, the places where the manifest said it itself. Everywhere else it was silent. Plain data: a plan prints it.
 */
export type SpecForm = { readonly said: Readonly<Record<string, 'everywhere' | readonly string[]>> };

const annotation = 'operator.openshift.io/spec-hash';

/** About a second in all. */
const [fewTrials, mostTrials] = [5000, 100_000];

/**
 * The form of the manifest behind a stored Deployment, proved by the hash that its operator noted: the spec without what the API server
 * added hashes to the annotation. Undefined when the Deployment has no such annotation or no form that was tried gives it: then its operator
 * will roll it out once after a rename, and nothing worse.
 */
export function findSpecForm(deployment: Uint8Array): SpecForm | undefined {
  const wanted = objectTree(deployment)?.textAt(['metadata', 'annotations', annotation]);
  const spec = wanted === undefined ? undefined : specOf(deployment);
  if (spec === undefined) return undefined;
  const text = specText(spec);
  const isRight = (isOut: readonly boolean[]): boolean => hash('sha256', text.write(isOut), 'hex') === wanted;
  // A manifest that says little, then one that was copied from a cluster and says nearly all, then ever less likely ones.
  const copied = text.doubts.map(({ rule, place }) => ({
    place,
    rule: rule.isUniform === true ? rule : { ...rule, silent: rule.said + 1, said: 0 },
  }));
  const isOut =
    searchAnswers(text.doubts, fewTrials, isRight) ??
    searchAnswers(copied, fewTrials, isRight) ??
    searchAnswers(text.doubts, mostTrials, isRight);
  if (isOut === undefined) return undefined;
  const byRule = Map.groupBy(text.doubts.keys(), (doubt) => text.doubts[doubt]?.rule.member ?? '');
  const said = [...byRule].map(([member, doubts]): [string, 'everywhere' | readonly string[]] => {
    const places = doubts.filter((doubt) => isOut[doubt] !== true).map((doubt) => text.doubts[doubt]?.place ?? '');
    return [member, places.length === doubts.length ? 'everywhere' : places];
  });
  return { said: Object.fromEntries(said) };
}

/** The hash that an operator will note for a Deployment whose manifest has a known form: SHA-256 of its spec as Go writes it, in lower hex. */
export function specHashOf(deployment: Uint8Array, form: SpecForm): string {
  const spec = specOf(deployment);
  if (spec === undefined)
    throw new Failure('an object is no Deployment of which all fields are known, so that its spec cannot be hashed');
  const text = specText(spec);
  const isOut = text.doubts.map(({ rule, place }) => {
    const said = form.said[rule.member] ?? [];
    return said !== 'everywhere' && !said.includes(place);
  });
  return hash('sha256', text.write(isOut), 'hex');
}
