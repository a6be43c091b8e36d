import { proseOf, type Found, type Prose, type Source } from './prose.ts';

/*
 * References to papers that are not in the repository. They are known by how papers are cited: sections, rows, letters with numbers, dotted
 * numbers at the head of a comment or test name, alone in brackets or in lists. Dotted numbers elsewhere are versions and measurements.
 */

const number = String.raw`(?:[1-9]|1\d)\.\d{1,2}(?:\.\d{1,2})?`;
/** Releases of OpenShift and Kubernetes stand for themselves. */
const release = String.raw`(?:4\.(?:9|1\d|2\d)|1\.[1-4]\d)(?:\.\d+)?(?!\d)`;
/** Behind it, a number is a measure. */
const measure = String.raw`\s?(?:[%×→]|(?:µs|ms|s|min|h|kB|MB|GB|TB|KiB|MiB|GiB|TiB|[KMGT]|Mbit|bytes?|seconds?|minutes?|hours?|times|of its|to)\b)`;
const cited = String.raw`(?!${release})${number}(?![\d.]*\d)(?!${measure})`;

type Rule = { readonly says: string; readonly pattern: RegExp; readonly where?: (prose: Prose) => boolean };
const begins =
  (kind: Prose['kind']) =>
  (prose: Prose): boolean =>
    prose.begins && prose.kind === kind;

const rules: readonly Rule[] = [
  {
    says: 'a section of a paper',
    pattern: /(?<!RFC \d+,? )\b[Ss]ections?\s+(?:[A-I]\.)?\d[\d.]*|(?<!RFC \d+,? )§\s*[A-Z\d][\d.]*/g,
  },
  {
    says: 'a part of a paper',
    pattern: /(?<![\w./+=-])[A-I]\.\d{1,2}(?:\.\d{1,2})?(?![\w/+=]|-(?![A-I]\.\d))|\b[Pp]arts? [A-H](?![\w'.-])/g,
  },
  { says: 'a supplement of a paper', pattern: /\b[Aa]ppendi(?:x|ces)\b/g },
  { says: 'a place in the reference', pattern: /\breference(?:'s)?,? (?:section|paper|sheet|chapter|row)s?\b/g },
  { says: 'a place in the reference', pattern: /\(reference,? [A-I\d]\S*/g },
  { says: 'a row of a table by its number', pattern: /\b[Rr]ows? \d+/g },
  { says: 'a page that is not here', pattern: /\bdesign (?:page|card|paper)\b/g },
  {
    says: 'a folder beside the repository',
    pattern: /(?<![\w-])shared\/[\w.-]*|(?:\.\.\/)+shared\b|(?<![\w.}-])\/work\/\w[\w./-]*/g,
  },
  {
    says: 'a numbered place',
    pattern: new RegExp(String.raw`(?<=(?:^|[^\w'"\`])\()${cited}(?=\)|[,;:-]| [a-z])`, 'g'),
    where: ({ kind }) => kind !== 'text',
  },
  { says: 'a numbered place', pattern: new RegExp(String.raw`(?<=\s\()${cited}(?=\)|, | [a-z])`, 'g') },
  {
    says: 'a numbered place',
    pattern: new RegExp(String.raw`^${cited}(?=$|[,:]|\s+["'(a-z]|-\d)`, 'g'),
    where: begins('comment'),
  },
  {
    says: 'a numbered place',
    pattern: new RegExp(String.raw`^${cited}(?=:? [A-Za-z"(])`, 'g'),
    where: begins('text'),
  },
  {
    says: 'a numbered place',
    pattern: new RegExp(String.raw`(?<=\b(?:of|see) )${cited}(?= [a-z]|[,.;:]\s|[.;]?$)`, 'g'),
    where: ({ kind }) => kind !== 'text',
  },
  {
    says: 'a place by its number',
    pattern: /^\d{1,2}(?:, \d{1,2})*: (?=[a-z])/g,
    where: begins('comment'),
  },
  {
    says: 'numbered places',
    pattern: new RegExp(
      String.raw`(?<![\w.,~:-]|\b[Vv]ersions? |\b[Rr]eleases? |\b[A-Z]\w+ )${cited}(?:, |-)${cited}`,
      'g',
    ),
    where: ({ kind }) => kind !== 'text',
  },
];

/** What everybody can open. */
const publicPage = /https?:\/\/\S+/g;

/** Every line that cites a paper which no reader of the repository can open. */
export function outsidePapers(source: Source): Found[] {
  return proseOf(source).flatMap((prose) => {
    const found = rules
      .filter(({ where }) => where?.(prose) !== false)
      .flatMap(({ says, pattern }) =>
        [...prose.text.replace(publicPage, '').matchAll(pattern)].map(([text]) => ({ says, text })),
      );
    // Several rules may find the same words.
    return [...new Map(found.map((one) => [one.text, one])).values()].map(({ says, text }) => ({
      line: prose.line,
      what: `"${text.replace(/^\(/, '')}" is ${says}: state the fact in a README and name its id`,
    }));
  });
}
