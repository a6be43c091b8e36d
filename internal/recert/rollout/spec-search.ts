import type { Doubt } from './spec-text.ts';

/**
 * Looks for the right answers to all doubts, `true` for what is taken out, likely ones first: each family of rules is answered for all
 * its places together (nothing was said, or all of it), or for some containers, probes or volumes, or some members, otherwise than for the
 * rest. What is likely is told by the rules' own weights.
 *
 * @param isRight is given the same array each time
 * @param most how many answers are tried
 * @returns the right answers; undefined when there are none among those tried
 */
export function searchAnswers(
  doubts: readonly Doubt[],
  most: number,
  isRight: (isOut: readonly boolean[]) => boolean,
): readonly boolean[] | undefined {
  const families = [...Map.groupBy(doubts.keys(), (doubt) => doubts[doubt]?.rule.family ?? '').values()].map(
    (members): Family => ({ members, choices: choicesFor(members, doubts) }),
  );
  families.sort((one, other) => extraOf(one, 1) - extraOf(other, 1));
  const isOut = doubts.map(() => true);
  const answer = ({ members, choices }: Family, choice: number): void => {
    for (const doubt of members) isOut[doubt] = true;
    for (const doubt of choices[choice]?.said ?? []) isOut[doubt] = false;
  };
  for (const family of families) answer(family, 0);
  let tried = 0;
  /** Tries what leaves less than a step of the cost that may be spent, families before `from` being answered. */
  const walk = (from: number, left: number): boolean => {
    if (left < costStep) {
      tried += 1;
      if (tried > most || isRight(isOut)) return true;
    }
    for (let at = from; at < families.length; at += 1) {
      const family = families[at];
      if (family === undefined || extraOf(family, 1) > left) break; // those after it cost no less
      for (let choice = 1; extraOf(family, choice) <= left; choice += 1) {
        answer(family, choice);
        if (walk(at + 1, left - extraOf(family, choice))) return true;
      }
      answer(family, 0);
    }
    return false;
  };
  const highest = families.reduce((sum, family) => sum + extraOf(family, family.choices.length - 1), 0);
  for (let high = 0; high < highest + costStep && tried < most; high += costStep)
    if (walk(0, high)) return tried > most ? undefined : isOut;
  return undefined;
}

/** Answers whose costs differ by less than this are tried in any order: no queue is needed. */
const costStep = 0.25;

type Family = { readonly members: readonly number[]; readonly choices: readonly Choice[] };

function extraOf({ choices }: Family, choice: number): number {
  return (choices[choice]?.cost ?? Infinity) - (choices[0]?.cost ?? 0);
}

/** One way to answer a family: the doubts of it that the manifest said itself. */
type Choice = { readonly cost: number; readonly said: readonly number[] };

function choicesFor(members: readonly number[], doubts: readonly Doubt[]): Choice[] {
  const found = new Map<string, Choice>();
  const offer = (cost: number, said: readonly number[]): void => {
    const key = said.join();
    if ((found.get(key)?.cost ?? Infinity) > cost) found.set(key, { cost, said });
  };
  const ruleOf = (doubt: number): Doubt['rule'] | undefined => doubts[doubt]?.rule;
  const mean = (weight: 'silent' | 'said'): number =>
    members.reduce((sum, doubt) => sum + (ruleOf(doubt)?.[weight] ?? 0), 0) / members.length;
  const mixed = 0.6 * (mean('silent') + mean('said'));
  offer(mean('silent'), []);
  offer(mean('said'), members);
  if (ruleOf(members[0] ?? 0)?.isUniform === true)
    return [...found.values()].toSorted((one, other) => one.cost - other.cost);
  // What one hand writes: a container, a volume, a probe, all initial containers; or a member of each. The more of a sort there are, the
  // less likely is each of them.
  const parts = groupsOf(members, (doubt) => partsOf(doubts[doubt]?.place ?? ''));
  const kinds = groupsOf(members, (doubt) => [ruleOf(doubt)?.member ?? '']);
  const [manyParts, manyKinds, many] = [Math.log(parts.length), Math.log(kinds.length), Math.log(members.length)];
  for (const part of parts) {
    offer(
      mixed + 0.8 + manyParts,
      members.filter((doubt) => part.has(doubt)),
    );
    offer(
      mixed + 1 + manyParts,
      members.filter((doubt) => !part.has(doubt)),
    );
    if (kinds.length > 1)
      for (const kind of kinds)
        offer(
          mixed + 1 + manyParts + manyKinds,
          members.filter((doubt) => part.has(doubt) && kind.has(doubt)),
        );
  }
  if (kinds.length > 1)
    for (const kind of kinds) {
      offer(
        mixed + 1 + manyKinds,
        members.filter((doubt) => kind.has(doubt)),
      );
      offer(
        mixed + 1.5 + manyKinds,
        members.filter((doubt) => !kind.has(doubt)),
      );
    }
  for (const one of members) {
    offer(mixed + 1.5 + many, [one]);
    offer(
      mixed + 1.5 + many,
      members.filter((doubt) => doubt !== one),
    );
    for (const other of members) if (one < other) offer(mixed + 2 + 2 * many, [one, other]);
  }
  if (members.length <= fewPlaces)
    for (let bits = 1; bits < 2 ** members.length; bits += 1)
      offer(
        mixed + 2 + members.length * Math.LN2,
        members.filter((_, at) => (bits >> at) % 2 === 1),
      );
  return [...found.values()].toSorted((one, other) => one.cost - other.cost);
}

/** So few places that each combination is tried. */
const fewPlaces = 7;

function groupsOf(members: readonly number[], names: (doubt: number) => readonly string[]): ReadonlySet<number>[] {
  const groups = new Map<string, Set<number>>();
  for (const doubt of members)
    for (const name of names(doubt)) groups.set(name, (groups.get(name) ?? new Set()).add(doubt));
  return [
    ...new Map(
      [...groups.values()].filter((group) => group.size < members.length).map((group) => [[...group].join(), group]),
    ).values(),
  ];
}

/** The words of a place, and its beginnings: what is called alike or stands in one thing. */
function partsOf(place: string): string[] {
  const words = place.split('/').slice(0, -1);
  return words.flatMap((word, at) => [word, words.slice(0, at + 1).join('/')]);
}
