/** How a verification looks on a terminal. Pure. */

import type { VerifyProgress } from '../replicator/verify/progress.ts';
import type { RepairCounts } from '../replicator/verify/repair.ts';
import {
  type DatabaseReport,
  differencesIn,
  type Finding,
  type FoundVersion,
  inFlightIn,
  type VerifyReport,
} from '../replicator/verify/report.ts';
import { FINDING_KINDS } from '../replicator/verify/standing.ts';
import { readVersion } from '../store/version.ts';
import { counted, cut, moment, printable, span, table, wrap } from './text.ts';

/** Findings of one database, and fields of one document, that are shown; `--json` has more. */
const SHOWN_MAX = 40;
const FIELDS_SHOWN_MAX = 6;

const KIND_COLUMNS = 11;
const INDENT = ' '.repeat(KIND_COLUMNS + 2);

/** As `--json` prints it. `repaired`, `found`: with `--repair`, what was done, and what was found before it. */
export interface VerifyResult extends VerifyReport {
  readonly repaired: Readonly<Record<string, RepairCounts>> | null;
  readonly found: VerifyReport | null;
}

/** `articles: hashing  120,000 of 1,000,000 documents  35,000/s  25 s left`. */
export function progressText({ database, phase, done, total, docsPerSecond, etaMs }: VerifyProgress): string {
  const parts = [
    `${database}: ${phase}`,
    total === 0 ? '' : `${done.toLocaleString('en')} of ${counted(total, 'document')}`,
    docsPerSecond < 1 ? '' : `${Math.round(docsPerSecond).toLocaleString('en')}/s`,
    etaMs === null || done >= total ? '' : `${span(etaMs)} left`,
  ];
  return parts.filter((part) => part !== '').join('  ');
}

export function verifyText(result: VerifyResult, columns: number): string {
  const { source, destination, databases, found } = result;
  const lines = [`from  ${printable(source.url)}`, `to    ${printable(destination.url)}`, ''];
  if (source.site === destination.site) {
    const same = `Both are the site ${source.site}: one and the same store, or a copied file of it.`;
    lines.push(wrap(same, columns, ''), '');
  }
  for (const report of (found ?? result).databases) lines.push(...findingLines(report, columns));
  lines.push(databaseTable(databases, columns));
  lines.push(...repairLines(result));
  lines.push(wrap(verdictText(result), columns, ''));
  return `${lines.join('\n')}\n`;
}

function databaseTable(databases: readonly DatabaseReport[], columns: number): string {
  const titles = [
    { title: 'database', width: 13 },
    { title: 'from', width: 13, right: true },
    { title: 'to', width: 13, right: true },
    { title: 'differing', width: 13, right: true },
    { title: 'in flight', width: 13, right: true },
  ];
  const rows = databases.map(({ database, docs, counts, inFlight }) => {
    const differing = FINDING_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
    const numbers = [docs.source, docs.destination, differing, inFlight.count];
    return [database, ...numbers.map((n) => n.toLocaleString('en'))];
  });
  return table(titles, rows, columns);
}

function findingLines({ database, findings, counts }: DatabaseReport, columns: number): string[] {
  const total = FINDING_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
  if (total === 0) return [];
  const kinds = FINDING_KINDS.filter((kind) => counts[kind] > 0).map(
    (kind) => `${counts[kind].toLocaleString('en')} ${kind}`,
  );
  const lines = [wrap(`${database}: ${kinds.join(', ')}`, columns, '  ')];
  for (const finding of findings.slice(0, SHOWN_MAX)) lines.push(...linesOf(finding, columns));
  const more = total - Math.min(findings.length, SHOWN_MAX);
  if (more > 0) lines.push(`  and ${counted(more, 'more document')}; --json names up to 1,000 of each kind`);
  return [...lines, ''];
}

/** The id whole, whatever its length: it is there to be copied. */
function linesOf({ id, kind, source, destination, damaged, fields }: Finding, columns: number): string[] {
  const lines = [`  ${kind.padEnd(KIND_COLUMNS)}${printable(id)}`];
  const room = columns - INDENT.length;
  const say = (text: string, indent = ''): void => void lines.push(INDENT + cut(indent + printable(text), room));
  if (damaged.length > 0) say(`what is stored at the ${damaged.join(' and the ')} is not what was written`);
  if (source?.ver === destination?.ver) say(`both: ${versionText(source)}`);
  else {
    say(`from: ${versionText(source)}`);
    say(`to: ${versionText(destination)}`);
  }
  for (const field of fields?.slice(0, FIELDS_SHOWN_MAX) ?? []) {
    say(field.field === '' ? 'content' : field.field);
    say(`from: ${field.source ?? '(not there)'}`, '  ');
    say(`to: ${field.destination ?? '(not there)'}`, '  ');
  }
  if (fields?.length === 0) say(damaged.length > 0 ? 'same content; the stored hash is wrong' : 'same content');
  const more = (fields?.length ?? 0) - FIELDS_SHOWN_MAX;
  if (more > 0) say(`and ${counted(more, 'more field')}`);
  return lines;
}

function versionText(version: FoundVersion | null): string {
  if (version === null) return 'not there';
  const { ms, site } = readVersion(version.ver);
  return `${version.deleted ? 'deleted' : 'written'} ${moment(ms)} by ${site}`;
}

const LEFT_TEXT: Readonly<Record<string, string>> = {
  'only-at-destination': 'only at the destination: decide, then --repair=force or two-way (docs/verify.md)',
  'damaged-source': 'damaged at the source, and no sound copy of that version at the destination',
  'damaged-destination': 'damaged at the destination, and no sound copy of that version at the source',
  'source-remote': 'to be changed at the source, which is behind a receiver: run it there',
  refused: 'refused by the other side',
  changed: 'written meanwhile',
};

function repairLines({ repaired, found }: VerifyResult): string[] {
  if (repaired === null || found?.verdict !== 'differing') return [];
  const lines = Object.entries(repaired).flatMap(([database, { sent, fetched, healed, forced, left }]) => {
    const done = [
      [sent, 'sent to the destination'],
      [fetched, 'fetched from the destination'],
      [healed, 'restored at the source from the destination'],
      [forced, 'overwritten at the destination by a new version of the source'],
    ] as const;
    return [
      ...done.filter(([n]) => n > 0).map(([n, what]) => `  ${database}: ${n.toLocaleString('en')} ${what}`),
      ...Object.entries(left).map(([why, n]) => `  ${database}: ${n?.toLocaleString('en')} left, ${LEFT_TEXT[why]}`),
    ];
  });
  return ['Repaired, and looked again; the table shows what is there now.', ...lines, ''];
}

function verdictText(result: VerifyResult): string {
  const { verdict, deep, ms, databases } = result;
  const unknown = databases.filter(({ checkpoint, counts }) => !checkpoint && counts.missing + counts.older > 0);
  if (verdict === 'equal') return `Equal${deep ? ', every body hashed again' : ''}. It took ${span(ms)}.`;
  if (verdict === 'in-flight') {
    const text = counted(inFlightIn(result), 'document');
    return `Equal but for ${text} in flight: written, and not yet brought by replication. It took ${span(ms)}.`;
  }
  const differing = counted(differencesIn(result), 'document');
  const known =
    unknown.length === 0
      ? ''
      : ` No checkpoint of a replication between the two is known for ${unknown.map(({ database }) => database).join(', ')}, so nothing there counts as in flight.`;
  return `DIFFERING: ${differing}. docs/verify.md tells what each kind means and what to do.${known}`;
}
