import { tellFailure } from '../../internal/cli/failure.ts';
import type { Call } from '../../internal/cli/program.ts';
import { shapeText } from '../../internal/pki/keys.ts';
import { recert, type Outcome } from '../../internal/recert/recert.ts';
import type { Edit } from '../../internal/recert/document.ts';
import type { CertificateRecord, RenewalRecord } from '../../internal/recert/renew/record.ts';
import { withConfiguration } from './configured.ts';
import { counted } from './counted.ts';
import type { ConfigurationValues } from './options.ts';
import { identityLines } from './plan-identity.ts';
import { countsOf, openTelling } from './run.ts';

/** `recert plan`: prints what a run would change. Nothing is written, no summary either. */
export const plan = (call: Call<ConfigurationValues>): Promise<number> =>
  withConfiguration(call, async ({ session, config, level, again }) => {
    const telling = openTelling(session, level === 'debug' ? 'debug' : 'error'); // facts stand in the plan itself
    try {
      const outcome = await recert(session.host, { ...config, dryRun: true, etcdDefrag: false }, telling);
      if (call.json) session.print(`${JSON.stringify(planData(outcome))}\n`);
      else for (const line of planLines(outcome, level === 'debug')) session.print(`${line}\n`);
      return 0;
    } catch (error) {
      return tellFailure(call, session.log, { at: telling.at(), error, again, leaves: 'nothing was changed' }).exitCode;
    }
  });

function planLines(outcome: Outcome, everyPlace: boolean): string[] {
  const {
    renewal: { record, edits },
    facts,
  } = outcome;
  const { what, keys, files } = countsOf(outcome);
  const loose = record.keys.filter(
    ({ publicAfter, public: key }) =>
      publicAfter !== undefined && !record.certificates.some(({ before }) => before.publicKey?.id === key.id),
  );
  const tokens = record.tokens.filter(({ after }) => after !== undefined);
  return [
    `A run would renew ${what}, in ${keys} etcd values and ${files} files.`,
    '',
    'Certificates, each below its signer (key, end now → end then, places):',
    ...certificateTree(record).map((line) => `  ${line}`),
    ...(loose.length === 0
      ? []
      : [
          '',
          'Keys without certificate:',
          ...loose.map(
            ({ public: { shape }, privatePlaces, publicPlaces }) =>
              `  ${shapeText(shape)}, ${counted(privatePlaces.length + publicPlaces.length, 'place')}: ${[
                ...privatePlaces,
                ...publicPlaces,
              ]
                .map(({ document }) => document)
                .slice(0, 2)
                .join(', ')}`,
          ),
        ]),
    ...(tokens.length === 0
      ? []
      : [
          '',
          `Tokens, signed anew: ${tokens.length}, in ${counted(tokens.flatMap(({ places }) => places).length, 'place')}`,
        ]),
    ...identityLines(outcome, everyPlace),
    ...(facts.length === 0 ? [] : ['', 'Left alone:', ...facts.map((fact) => `  ${fact}`)]),
    '',
    ...(everyPlace
      ? ['Every place:', ...edits.map((edit) => `  ${placeText(edit)}: ${edit.reason}`)]
      : [`${edits.length} places change; recert plan -v lists them.`]),
  ];
}

/** Roots first, what they signed indented below; each with key, end, and number of places. */
function certificateTree({ certificates }: RenewalRecord): string[] {
  const renewed = certificates.filter(({ after }) => after !== undefined);
  const known = new Set(renewed.map(({ before }) => before.digest));
  const lineOf = ({ before, after, places }: CertificateRecord, depth: number): string => {
    const ends = [before, ...(after === undefined ? [] : [after])].map(({ validity }) =>
      validity.notAfter.toISOString().slice(0, 16).replace('T', ' '),
    );
    const name =
      after === undefined || after.subjectText === before.subjectText
        ? before.subjectText
        : `${before.subjectText} → ${after.subjectText}`;
    return `${'  '.repeat(depth)}${name}  (${before.publicKey === undefined ? 'key of another kind' : shapeText(before.publicKey.shape)}, until ${[...new Set(ends)].join(' → ')}, ${counted(places.length, 'place')})`;
  };
  const below = (signer: string | undefined, depth: number): string[] =>
    renewed
      .filter(
        (certificate) =>
          (certificate.signer !== undefined && known.has(certificate.signer) ? certificate.signer : undefined) ===
          signer,
      )
      .sort((a, b) => (a.before.subjectText < b.before.subjectText ? -1 : 1))
      .flatMap((certificate) => [lineOf(certificate, depth), ...below(certificate.before.digest, depth + 1)]);
  return below(undefined, 0);
}

function planData(outcome: Outcome): object {
  const {
    renewal: { record, edits },
    facts,
  } = outcome;
  const { numbers, keys, files } = countsOf(outcome);
  const subjects = new Map(record.certificates.map(({ before }) => [before.digest, before.subjectText]));
  return {
    ...numbers,
    keys,
    files,
    facts,
    plan: record.certificates.map(({ before, after, signer, places }) => ({
      subject: before.subjectText,
      issuer: before.issuerText,
      key: before.publicKey === undefined ? null : shapeText(before.publicKey.shape),
      signer: signer === undefined ? null : (subjects.get(signer) ?? null),
      renewed: after !== undefined,
      notAfter: before.validity.notAfter,
      newSubject: after?.subjectText,
      newNotBefore: after?.validity.notBefore,
      newNotAfter: after?.validity.notAfter,
      places: places.map(({ document, field }) => [document, ...field].join(' ')),
    })),
    renamings: outcome.renamings,
    member: outcome.member ?? null,
    edits: edits.map((edit) => ({ place: placeText(edit), reason: edit.reason })),
  };
}

const placeText = ({ place: { document, field } }: Edit): string =>
  field.length === 0 ? document : `${document} ${field.join('/')}`;
