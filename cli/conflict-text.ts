/** How the losing sides of conflicts look on a terminal. Pure. */
import type { Conflict, ConflictPage } from '../replicator/applying/conflicts.ts';
import type { Versioned } from '../store/contract.ts';
import { canonicalJson } from '../store/envelope.ts';
import { readVersion } from '../store/version.ts';
import { counted, cut, moment, printable, relative } from './text.ts';

/** What people type and paste: the note's own id without what all of them begin with. */
const PREFIX = 'conflict/';

export function shownKey(key: string): string {
  return key.slice(PREFIX.length);
}

export function keyFrom(shown: string): string {
  return shown.startsWith(PREFIX) ? shown : PREFIX + shown;
}

/** What a person would call it; empty: nothing. */
export function titleOf(content: unknown): string {
  const { title, name, url, kind, feed } = (content ?? {}) as Record<string, unknown>;
  for (const word of [title, name, url]) if (typeof word === 'string' && word !== '') return word;
  return kind === 'mark' ? `read mark of ${String(feed)}` : kind === 'star' ? `star in ${String(feed)}` : '';
}

/** The keys stand whole, to be copied; everything else is cut to the columns. */
export function listText(
  { conflicts, next }: ConflictPage,
  counts: Readonly<Record<string, number>>,
  columns: number,
  now: number,
): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (total === 0) return 'No conflicts to settle.\n';
  const each = Object.entries(counts).map(([database, count]) => `${count} in ${database}`);
  const blocks = conflicts.map(({ key, loser, at }) => {
    const what = loser.content === null ? 'a deletion' : printable(titleOf(loser.content)) || 'no title';
    const { ms, site } = readVersion(loser.ver);
    return `${shownKey(key)}\n  ${cut(`${what}  (written ${moment(ms)} at ${site}, met ${relative(at, now)})`, columns - 2)}`;
  });
  const more = next === null ? '' : `\nMore: feedferry replicate conflicts list --after '${shownKey(next)}'\n`;
  return `${counted(total, 'conflict')} to settle: ${each.join(', ')}.\n\n${blocks.join('\n')}\n${more}
Look at one: feedferry replicate conflicts show KEY
Settle it:   feedferry replicate conflicts resolve KEY --keep | --restore
`;
}

/** Field by field, where the two differ. */
export function showText(
  conflict: Conflict,
  there: Versioned<unknown> | undefined,
  columns: number,
  now: number,
): string {
  const { database, id, loser, at } = conflict;
  const { ms, site } = readVersion(loser.ver);
  const lines = [
    `${database} ${printable(id)}`,
    `  lost       ${loser.ver}, written ${moment(ms)} at ${site}`,
    `  there now  ${there === undefined ? 'nothing' : `${there.ver}, written ${moment(readVersion(there.ver).ms)}`}`,
    `  met        ${relative(at, now)}`,
    '',
    ...differing(loser.content, there?.content ?? null, columns),
  ];
  return `${lines.join('\n')}\n`;
}

function differing(lost: unknown, there: unknown, columns: number): string[] {
  const [a, b] = [fieldsOf(lost), fieldsOf(there)];
  if (a === null || b === null)
    return [`  lost   ${a === null ? 'deleted' : 'there'}`, `  there  ${b === null ? 'deleted' : 'there'}`];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  const lines = names.flatMap((name) => {
    const [mine, theirs] = [textOf(a[name]), textOf(b[name])];
    if (mine === theirs) return [];
    return [printable(name), cut(`  lost   ${mine}`, columns), cut(`  there  ${theirs}`, columns)];
  });
  return lines.length > 0 ? lines : ['Both say the same now.'];
}

function fieldsOf(content: unknown): Record<string, unknown> | null {
  return content === null ? null : (content as Record<string, unknown>);
}

function textOf(value: unknown): string {
  return value === undefined ? 'none' : printable(canonicalJson(value));
}
