/** How replication looks on a terminal. Pure. */
import type { ShownStatus } from '../replicator/configuration.ts';
import type { DestinationStatus } from '../replicator/status.ts';
import { bytes, counted, cut, printable, relative, span, wrap } from './text.ts';

/** A status that was not renewed for so long was left by a process that is gone. */
export const STATUS_MS_MAX = 5000;
/** `serve` takes one up again sooner that stopped because somebody else worked on it. */
const STOPPED_MS_MAX = 30_000;

/** Fits 80 columns: `backfilling  120,000 docs  62%  18,000 docs/s  36 MB/s  4 s left`. */
export function progressText(status: DestinationStatus): string {
  const { state, docs, docsToDo, docsPerSecond, bytesPerSecond, etaMs, lagMs, why } = status;
  if (state === 'waiting' || state === 'fenced' || state === 'paused') return `${state}: ${printable(why)}`;
  const parts = [
    state,
    counted(docs, 'document'),
    docsToDo === 0 ? '' : `${Math.floor(100 * shareOf(status))}%`,
    docsPerSecond < 1 ? '' : `${Math.round(docsPerSecond).toLocaleString('en')} docs/s`,
    bytesPerSecond < 1 ? '' : `${bytes(bytesPerSecond)}/s`,
    etaMs === null || docsToDo === 0 ? '' : `${span(etaMs)} left`,
    state === 'tailing' && lagMs !== null ? `lag ${span(lagMs.p50)}` : '',
  ];
  return parts.filter((part) => part !== '').join('  ');
}

/** 0 to 1, over all databases. */
function shareOf({ docs, docsToDo, databases }: DestinationStatus): number {
  const known = databases.filter(({ docsToDo: left, docs: done }) => left + done > 0);
  if (known.length === 1) return known[0]?.share ?? 1;
  return docs + docsToDo === 0 ? 1 : Math.min(1, docs / (docs + docsToDo));
}

/** A block of lines for each destination, with its databases under it. */
export function statusText(
  shown: readonly ShownStatus[],
  columns: number,
  now: number,
  /** Names of those that `serve` keeps supplied. */
  kept: ReadonlySet<string>,
): string {
  if (shown.length === 0) {
    return 'No destinations. Add one: feedferry replicate add --to sqlite:/backup/feedferry.db\n';
  }
  return `${shown.map((one) => blockOf(one, columns, now, kept.has(one.status.name))).join('\n')}`;
}

function blockOf({ status, process, at }: ShownStatus, columns: number, now: number, isKept: boolean): string {
  const isStopped = status.state === 'stopped';
  const isGone = (!isStopped || isKept) && now - at > (isStopped ? STOPPED_MS_MAX : STATUS_MS_MAX);
  const state = isGone ? `nobody works on it (${status.state} ${relative(at, now)})` : status.state;
  const arrow = status.direction === 'two-way' ? '<->' : '->';
  const rows: [string, string][] = [
    ['why', isGone ? idleText(status, isKept) : printable(status.why)],
    ['behind', behindText(status)],
    [
      'lag',
      status.lagMs === null ? 'not known yet' : `${span(status.lagMs.p50)}, one in a hundred ${span(status.lagMs.p99)}`,
    ],
    ['sent', `${counted(status.docs, 'document')}, ${bytes(status.bytes)} since it started`],
    ['rate', rateText(status)],
  ];
  if (status.throttle !== '' && status.throttle !== 'nothing') rows.push(['held back', printable(status.throttle)]);
  if (status.conflicts > 0)
    rows.push(['conflicts', `${counted(status.conflicts, 'conflict')}: feedferry replicate conflicts`]);
  if (status.lastError !== null) {
    rows.push([
      'last error',
      `${status.lastError.code} ${relative(status.lastError.at, now)}: ${printable(status.lastError.message)}`,
    ]);
  }
  const lines = rows.map(([label, text]) => `  ${label.padEnd(12)}${wrap(text, columns - 15, ' '.repeat(14))}`);
  const head = cut(`${status.name}  ${arrow} ${printable(status.url)}  ${state}`, columns);
  return `${[head, ...lines, `  ${'process'.padEnd(12)}${process.pid} on ${process.host}`].join('\n')}\n`;
}

/** What makes somebody work on it. */
function idleText({ name }: DestinationStatus, isKept: boolean): string {
  if (isKept) return 'start `feedferry serve`';
  return `run the same \`feedferry replicate\` again, or forget it: \`feedferry replicate remove ${name}\``;
}

/** A destination that was not reached yet may lack anything. */
function behindText({ state, docs, behindMs, docsToDo, lastError }: DestinationStatus): string {
  if (behindMs > 0) return `${counted(docsToDo, 'document')}, ${span(behindMs)}`;
  const isUnknown = docs === 0 && docsToDo === 0 && (state === 'connecting' || lastError !== null);
  if (isUnknown && state !== 'tailing') return 'not known yet';
  return `${counted(docsToDo, 'document')}${docsToDo === 0 ? ', up to date' : ''}`;
}

function rateText({ docsPerSecond, bytesPerSecond, etaMs, docsToDo }: DestinationStatus): string {
  const rate = `${Math.round(docsPerSecond).toLocaleString('en')} documents/s, ${bytes(bytesPerSecond)}/s`;
  const left = etaMs === null || docsToDo === 0 ? '' : `, ${span(etaMs)} left`;
  return rate + left;
}
