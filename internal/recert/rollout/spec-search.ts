import type { DefaultRule } from './spec-defaults.ts';
import type { Doubt } from './spec-text.ts';

/**
 * Answers to all doubts, likely ones first: each rule is answered for all its places together (nothing was said, or all of it), or for
 * some containers, probes or volumes otherwise than for the rest. What is likely is told by the rules' own weights.
 */
export function* answersTo(doubts: readonly Doubt[], most: number): Generator<readonly boolean[]> {
  const choices = [...Map.groupBy(doubts.keys(), (doubt) => doubts[doubt]?.rule)].flatMap(([rule, places]) => (rule === undefined ? [] : [choicesFor(rule, places, doubts)]));
  // Cheap second choices first, so that what follows a state is never cheaper than it.
  choices.sort((one, other) => extra(one, 1) - extra(other, 1));
  const answer = doubts.map(() => true);
  const apply = (picks: Uint8Array): readonly boolean[] => {
    picks.forEach((pick, at) => choices[at]?.[pick]?.said.forEach((said, doubt) => { answer[doubt] = !said; }));
    return answer;
  };
  const queue = new Queue();
  queue.push({ cost: 0, picks: new Uint8Array(choices.length), last: -1 });
  for (let count = 0; count < most; count += 1) {
    const state = queue.pop();
    if (state === undefined) return;
    yield apply(state.picks);
    for (const next of followers(state, choices)) queue.push(next);
  }
}

/** One way to answer a rule: which of its doubts the manifest said itself. */
type Choice = { readonly cost: number; readonly said: ReadonlyMap<number, boolean> };

function choicesFor(rule: DefaultRule, places: readonly number[], doubts: readonly Doubt[]): Choice[] {
  const choice = (cost: number, isSaid: (doubt: number) => boolean): Choice => ({ cost, said: new Map(places.map((doubt) => [doubt, isSaid(doubt)])) });
  const found = new Map<string, Choice>();
  const offer = (offered: Choice): void => {
    const key = [...offered.said.values()].map(Number).join('');
    const known = found.get(key);
    if (known === undefined || known.cost > offered.cost) found.set(key, offered);
  };
  const [low, high] = [Math.min(rule.silent, rule.said), Math.max(rule.silent, rule.said)];
  offer(choice(rule.silent, () => false));
  offer(choice(rule.said, () => true));
  // Parts of the Deployment that are written by one hand: a container, a kind of probe, the initial containers.
  const parts = Map.groupBy(places.flatMap((doubt) => partsOf(doubts[doubt]?.place ?? '').map((part) => ({ doubt, part }))), ({ part }) => part);
  for (const members of parts.values()) {
    const inside = new Set(members.map(({ doubt }) => doubt));
    offer(choice(low + 1.5, (doubt) => inside.has(doubt)));
    offer(choice(high + 1.5, (doubt) => !inside.has(doubt)));
  }
  if (places.length <= fewPlaces) {
    for (let bits = 1; bits < 2 ** places.length - 1; bits += 1) offer(choice(high + 2.5, (doubt) => (bits >> places.indexOf(doubt)) % 2 === 1));
  } else {
    for (const one of places) {
      offer(choice(high + 2, (doubt) => doubt === one));
      offer(choice(high + 2, (doubt) => doubt !== one));
    }
  }
  return [...found.values()].toSorted((one, other) => one.cost - other.cost);
}

/** So few places that each combination is tried. */
const fewPlaces = 6;

function partsOf(place: string): string[] {
  const words = place.split('/');
  return words.slice(1).flatMap((word, at) => [word, words.slice(0, at + 2).join('/')]);
}

type State = { readonly cost: number; readonly picks: Uint8Array; readonly last: number };

function extra(choices: readonly Choice[], pick: number): number {
  const chosen = choices[pick];
  return chosen === undefined ? Infinity : chosen.cost - (choices[0]?.cost ?? 0);
}

/**
 * The states that come after one, so that each is reached once: the last rule that deviates goes on to its next choice, the next rule
 * begins to deviate, or does so in its stead.
 */
function* followers({ cost, picks, last }: State, choices: readonly (readonly Choice[])[]): Generator<State> {
  const moved = (changes: readonly (readonly [number, number])[], at: number): State | undefined => {
    const fresh = Uint8Array.from(picks);
    let total = cost;
    for (const [index, pick] of changes) {
      const rule = choices[index] ?? [];
      total += extra(rule, pick) - extra(rule, fresh[index] ?? 0);
      fresh[index] = pick;
    }
    return Number.isFinite(total) ? { cost: total, picks: fresh, last: at } : undefined;
  };
  const pick = picks[last] ?? 0;
  const next = [last >= 0 ? moved([[last, pick + 1]], last) : undefined, moved([[last + 1, 1]], last + 1), pick === 1 ? moved([[last, 0], [last + 1, 1]], last + 1) : undefined];
  for (const state of next) if (state !== undefined) yield state;
}

/** A heap: the cheapest state comes out first. */
class Queue {
  readonly #states: State[] = [];

  push(state: State): void {
    let at = this.#states.push(state) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#cost(above) <= state.cost) break;
      this.#swap(at, above);
      at = above;
    }
  }

  pop(): State | undefined {
    const [first] = this.#states;
    const last = this.#states.pop();
    if (last !== undefined && this.#states.length > 0) {
      this.#states[0] = last;
      for (let at = 0;;) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        const least = this.#cost(right) < this.#cost(left) ? right : left;
        if (this.#cost(least) >= this.#cost(at)) break;
        this.#swap(at, least);
        at = least;
      }
    }
    return first;
  }

  #cost(at: number): number {
    return this.#states[at]?.cost ?? Infinity;
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#states[one], this.#states[other]];
    if (a === undefined || b === undefined) return;
    this.#states[one] = b;
    this.#states[other] = a;
  }
}
