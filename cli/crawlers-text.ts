/** How pausing the crawlers looks on a terminal. Pure. */
import type { PauseProof, PauseReport } from '../crawler/pause/pause.ts';
import type { ResumeReport } from '../crawler/pause/resume.ts';
import type { CrawlersStatus } from '../crawler/pause/status.ts';
import type { AwaitedProcess, WaitProgress } from '../crawler/pause/wait.ts';
import { counted, moment, printable, relative, span, table, wrap } from './text.ts';

/** Where the facts of a status begin. */
const INDENT = 11;

/** `waiting for 2 of 3 crawlers: 14 in flight, 3 s of 30 s`. */
export function pauseProgressText({ processes, inFlight, waitedMs, limitMs }: WaitProgress): string {
  const ending = processes.filter(({ answer }) => answer === 'ending').length;
  const who = processes.length === 0 ? 'looking for crawlers' : `waiting for ${ending} of ${processes.length} crawlers`;
  return `${who}: ${inFlight} in flight, ${span(waitedMs)} of ${span(limitMs)}`;
}

export function pauseText({ pause, isAlready, proof }: PauseReport, now: number): string {
  const reason = pause.why === '' ? '' : `: ${printable(pause.why)}`;
  const head = isAlready
    ? `The crawlers were paused already, ${ago(pause.since, now)} by ${printable(pause.by)}${reason}\n`
    : `The crawlers are paused${reason}\n`;
  if (proof === null) {
    const rest = pause.fencedAt === null ? UNPROVEN : `No crawler can write: proven at ${moment(pause.fencedAt)}.\n`;
    return `${head}${rest}`;
  }
  return `${head}${proofText(proof)}No crawler can write until \`feedferry crawlers resume\`.\n`;
}

const UNPROVEN =
  'Nothing is claimed any more, within a second, on any machine; what is in flight ends.\n' +
  'To know that no crawler can write: feedferry crawlers pause --wait\n';

function proofText({ waited, fenced, slots, queue, readOnly }: PauseProof): string {
  // What one had in flight that says nothing may have ended with it long ago.
  const heard = waited.processes.filter(({ answer }) => answer !== 'silent');
  const flights = heard.reduce((sum, { inFlightThen }) => sum + inFlightThen, 0);
  const lines = [
    `waited ${span(waited.ms)} for ${counted(waited.processes.length, 'crawler')} with ${flights} in flight`,
    ...waited.processes.map((one) => `  ${nameOf(one)}: ${answerText(one)}`),
    fenced.length === 0 ? 'writers to fence: none was open' : `fenced ${counted(fenced.length, 'open writer')}`,
    ...fenced.map(
      ({ database, slot, epoch, owner }) => `  ${database} slot ${slot}, epoch ${epoch}: ${printable(owner)}`,
    ),
    'slots now, none of them a crawler’s, and the store leases none to one',
    ...slots.map(({ database, slot, epoch, owner }) => {
      return `  ${database} slot ${slot}, epoch ${epoch}: ${owner === '' ? 'free' : printable(owner)}`;
    }),
  ];
  if (queue !== null) {
    const back = queue.reclaimed === 0 ? '' : `, ${queue.reclaimed} taken back`;
    lines.push(`queue: paused, ${queue.claimed} in flight, ${counted(queue.waiting, 'feed')} waiting${back}`);
  }
  if (readOnly.length > 0) lines.push(`read-only: ${readOnly.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

function nameOf({ command, host, pid }: Pick<AwaitedProcess, 'command' | 'host' | 'pid'>): string {
  return printable(`${command} on ${host} (process ${pid})`);
}

function answerText({ answer, inFlight, inFlightThen, givenBack }: AwaitedProcess): string {
  if (answer === 'silent') return 'said nothing: dead or stopped, and fenced';
  if (answer === 'ending') return `${inFlight} still in flight: fenced`;
  const ended = inFlightThen - givenBack;
  return `stopped, ${ended} ended${givenBack === 0 ? '' : `, ${givenBack} given back`}`;
}

export function resumeText({ ended, readWrite, left, crawling }: ResumeReport, now: number): string {
  if (ended === null) return 'The crawlers were not paused.\n';
  const lines = [`The crawlers go on; they were paused ${ago(ended.since, now)} by ${printable(ended.by)}.`];
  if (readWrite.length > 0) lines.push(`read-write again: ${readWrite.join(', ')}`);
  if (left !== null) lines.push(`left read-only: ${left.databases.join(', ')}, as ${printable(left.why)}`);
  if (crawling !== null) lines.push(...crawling.map((one) => `  ${nameOf(one)}: goes on`));
  return `${lines.join('\n')}\n`;
}

export function statusText(status: CrawlersStatus, columns: number, now: number): string {
  const { sentence, note, processes, inFlight, nextDueAt, modes, writers, queue, queueError, state } = status;
  const facts: [string, string][] = [['State', sentence]];
  if (note !== null) {
    const reason = note.why === '' || state === 'running' ? '' : `: ${printable(note.why)}`;
    facts.push([state === 'running' ? 'Resumed' : 'Since', `${moment(note.since)} by ${printable(note.by)}${reason}`]);
    if (note.fencedAt !== null) facts.push(['Proven', moment(note.fencedAt)]);
  }
  facts.push(
    ['In flight', `${inFlight}`],
    ['Next due', relative(nextDueAt, now)],
    ['Databases', `articles ${modes.articles}, feeds ${modes.feeds}`],
    ['Writers', writers.length === 0 ? 'no crawler holds one' : writers.map(printable).join('; ')],
  );
  if (queue !== null) {
    const paused = queue.isPaused ? 'paused, ' : '';
    facts.push(['Queue', `${paused}${queue.claimed} in flight, ${counted(queue.waiting, 'feed')} waiting`]);
  }
  if (queueError !== null) facts.push(['Queue', printable(`${queueError.code}: ${queueError.message}`)]);
  const head = facts.map(
    ([name, value]) => `${name.padEnd(INDENT)}${wrap(value, columns - INDENT, ' '.repeat(INDENT))}`,
  );
  return `${head.join('\n')}\n${processesText(processes, columns, now)}`;
}

function processesText(processes: CrawlersStatus['processes'], columns: number, now: number): string {
  if (processes.length === 0) return '';
  const rows = processes.map((one) => [
    printable(`${one.command} ${one.host}`),
    `${one.pid}`,
    printable(one.version),
    one.isSeen ? one.state : 'gone?',
    `${one.inFlight}`,
    relative(one.seenAt, now),
  ]);
  const columnsOfTable = [
    { title: 'Crawler' },
    { title: 'Process', width: 8, right: true },
    { title: 'Version', width: 9 },
    { title: 'State', width: 9 },
    { title: 'In flight', width: 9, right: true },
    { title: 'Seen', width: 12 },
  ];
  return `\n${table(columnsOfTable, rows, columns)}`;
}

function ago(at: number, now: number): string {
  return relative(at, now).replace('now', 'just now');
}
