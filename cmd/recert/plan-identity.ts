import type { Outcome } from '../../internal/recert/recert.ts';
import type { Note } from '../../internal/recert/rename/change.ts';
import type { Renaming } from '../../internal/recert/rename/renaming.ts';
import { counted } from './counted.ts';

/** The new identity as a person reads it: by what asks for it, then by document, each value as old → new. */
export function identityLines(
  { renamings, member }: Pick<Outcome, 'renamings' | 'member'>,
  everything: boolean,
): string[] {
  const parts = Map.groupBy(renamings, ({ says, option }) => (option === 'always' ? says : `${says} (${option})`));
  return [
    ...[...parts].flatMap(([title, some]) => ['', `${title}: ${sizeOf(some)}`, ...documentLines(some, everything)]),
    ...(member === undefined
      ? []
      : [
          '',
          'Peer address of the etcd member, changed when everything is written:',
          `  ${member.before.join(', ')} → ${member.after.join(', ')}`,
        ]),
  ];
}

/** `12 etcd values, 3 files, 9 removed`. */
function sizeOf(renamings: readonly Renaming[]): string {
  const count = (some: readonly Renaming[], word: string): string[] => {
    const { size } = new Set(some.map(({ document }) => document));
    return size === 0 ? [] : [word === 'removed' ? `${size} removed` : counted(size, word)];
  };
  const kept = renamings.filter(({ kind }) => kind !== 'removed');
  const inEtcd = ({ document }: Renaming): boolean => document.startsWith('etcd:');
  return [
    ...count(kept.filter(inEtcd), 'etcd value'),
    ...count(
      kept.filter((one) => !inEtcd(one)),
      'file',
    ),
    ...count(
      renamings.filter(({ kind }) => kind === 'removed'),
      'removed',
    ),
  ].join(', ');
}

function documentLines(renamings: readonly Renaming[], everything: boolean): string[] {
  const removed = renamings.filter(({ kind }) => kind === 'removed').map(({ document }) => document);
  const others = Map.groupBy(
    renamings.filter(({ kind }) => kind !== 'removed'),
    ({ document }) => document,
  );
  // Copies of one thing are named one after the other, and what changes in them once.
  const alike = Map.groupBy([...others], ([document, some]) =>
    JSON.stringify([some.map(({ notes, to }) => [notes, to]), everything ? document : '']),
  );
  return [
    ...[...alike.values()].flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const [, some] = first;
      // Who wrote which field is bookkeeping; it follows the field.
      const notes = some
        .flatMap((one) => one.notes)
        .filter(({ path }) => everything || !path.includes('/managedFields/'));
      return [
        ...group.map(
          ([name]) => `  ${name}${some.flatMap(({ to }) => (to === undefined ? [] : [` → ${lastName(to)}`])).join('')}`,
        ),
        ...(everything ? notes : notes.slice(0, most)).map((note) => `    ${noteText(note)}`),
        ...(!everything && notes.length > most ? [`    and ${notes.length - most} more values`] : []),
      ];
    }),
    ...(everything
      ? removed.map((document) => `  ${document}: removed`)
      : [...Map.groupBy(removed, kindOf)].map(([kind, some]) =>
          some.length === 1 ? `  ${some[0] ?? kind}: removed` : `  ${kind}…: ${some.length} removed`,
        )),
  ];
}

const most = 4;

function noteText({ path, before, after }: Note): string {
  const where = path === '' ? '' : `${path}: `;
  if (before === undefined) return `${where}(none) → ${after ?? '(none)'}`;
  return after === undefined ? `${where}${before} → (removed)` : `${where}${before} → ${after}`;
}

const lastName = (document: string): string => document.slice(document.lastIndexOf('/') + 1);
/** `etcd:/kubernetes.io/pods/`, the folder of a kind. */
const kindOf = (document: string): string =>
  /^etcd:\/[^/]+\/(?:[^/]*\.[^/]*\/)?[^/]+\//.exec(document)?.[0] ?? document;
