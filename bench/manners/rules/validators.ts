/** One unconditional request a feed; validators come back as they were given, the latest, to where they came from. */
import { type Offence, offence, type Record, urlOfVisit, type Verdict } from '../attempts.ts';
import type { Visit } from '../visit.ts';

interface Pair {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

/** What a polite crawler knows of a feed. */
interface Known extends Pair {
  readonly url: string;
  readonly host: string;
  /** Where the last answer was no feed, its validators may be taken or left. */
  readonly or: Pair | null;
}

type Judged = 'fine' | 'unconditional' | 'made-up' | 'stale' | 'half' | 'elsewhere';

const WORDS: Readonly<{ [Name in Exclude<Judged, 'fine'>]: string }> = {
  unconditional: 'asks without validators although it was given some',
  'made-up': 'a validator that nobody ever gave',
  stale: 'a validator that was given, but not with the latest answer',
  half: 'only one of the two validators that it was given',
  elsewhere: 'a validator that another host gave',
};

/** `unconditional` alone, or all the others. */
export function validators(record: Record, which: 'unconditional' | 'others'): Verdict {
  let checked = 0;
  const offences: Offence[] = [];
  for (const publisher of record.stage.publishers) {
    const visits = record.visits.filter(({ feed, place }) => feed === publisher.index && place !== null);
    let known: Known | null = null;
    let from: Visit | undefined;
    const given: { host: string; pair: Pair }[] = [];
    for (const visit of visits) {
      const judged = judge(visit, known, given);
      const isUnconditional = sentBy(visit).etag === null && sentBy(visit).lastModified === null;
      if (isUnconditional === (which === 'unconditional')) checked += 1;
      if (judged !== 'fine' && (judged === 'unconditional') === (which === 'unconditional')) {
        offences.push(offence(WORDS[judged], from === undefined ? [visit] : [from, visit], publisher));
      }
      if (visit.gave !== null) given.push({ host: visit.host, pair: visit.gave });
      const after: Known | null = knownAfter(visit, known);
      if (after !== known) from = visit;
      known = after;
    }
  }
  return { checked, offences };
}

function judge(visit: Visit, known: Known | null, given: readonly { host: string; pair: Pair }[]): Judged {
  const sent = sentBy(visit);
  const none = sent.etag === null && sent.lastModified === null;
  const here = known?.host === visit.host ? known : null;
  if (here !== null && (isSame(sent, here) || (here.or !== null && isSame(sent, here.or)))) return 'fine';
  const had = here !== null && (here.etag !== null || here.lastModified !== null);
  // Another URL of the same host never gave any itself: with those of the feed, or without.
  if (none) return had && here.url === urlOfVisit(visit) ? 'unconditional' : 'fine';
  const isHalf = (value: string | null, of: string | null | undefined) => value === null || value === of;
  if (isHalf(sent.etag, here?.etag) && isHalf(sent.lastModified, here?.lastModified)) return 'half';
  const wasGiven = (hosts: (host: string) => boolean) =>
    (sent.etag === null || given.some(({ host, pair }) => hosts(host) && pair.etag === sent.etag)) &&
    (sent.lastModified === null ||
      given.some(({ host, pair }) => hosts(host) && pair.lastModified === sent.lastModified));
  if (wasGiven((host) => host === visit.host)) return 'stale';
  return wasGiven(() => true) ? 'elsewhere' : 'made-up';
}

function sentBy({ headers }: Visit): Pair {
  return { etag: headers['if-none-match'] ?? null, lastModified: headers['if-modified-since'] ?? null };
}

function isSame(a: Pair, b: Pair): boolean {
  return a.etag === b.etag && a.lastModified === b.lastModified;
}

function knownAfter(visit: Visit, known: Known | null): Known | null {
  const { gave, status, host, lost } = visit;
  if (gave === null || lost) return known;
  const url = urlOfVisit(visit);
  if (visit.unreadable)
    return known === null ? { url, host, etag: null, lastModified: null, or: gave } : { ...known, or: gave };
  if (status !== 304) return { url, host, ...gave, or: null };
  // It freshens what it names (RFC 9111 section 4.3.4).
  const kept = {
    etag: gave.etag ?? known?.etag ?? null,
    lastModified: gave.lastModified ?? known?.lastModified ?? null,
  };
  return { url, host, ...kept, or: null };
}
