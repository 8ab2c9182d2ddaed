/** The log read as what the crawler did: attempts, each a request with the redirects that it followed. Pure. */
import type { Incident } from './incidents.ts';
import type { Limits } from './limits.ts';
import type { Place } from './publisher.ts';
import type { Publisher, Stage } from './stage.ts';
import { shownVisit, type Visit } from './visit.ts';

/** All that a rule may look at. */
export interface Record {
  readonly stage: Stage;
  readonly limits: Limits;
  readonly visits: readonly Visit[];
  readonly incidents: readonly Incident[];
  /** Where the crawler fetches each feed from in the end; undefined: it has none. */
  readonly urls: ReadonlyMap<number, string | undefined>;
  urlOf(publisher: Publisher, place: Place): string;
}

export interface Attempt {
  readonly publisher: number;
  /** At least one; the redirects that were followed, in order. */
  readonly visits: readonly [Visit, ...Visit[]];
  readonly startMs: number;
  readonly endMs: number;
  /** The answer that counts. */
  readonly last: Visit;
}

export interface Offence {
  readonly kind: string;
  readonly what: string;
  /** Lines of the log. */
  readonly evidence: readonly string[];
}

export interface Verdict {
  /** How many times the rule could have been broken. */
  readonly checked: number;
  readonly offences: readonly Offence[];
}

export function urlOfVisit({ host, path }: Visit): string {
  return `http://${host}${path}`;
}

/** By publisher, in the order of time. */
export function attemptsOf({ visits }: Record): Map<number, Attempt[]> {
  const found = new Map<number, Attempt[]>();
  for (const [publisher, own] of Map.groupBy(visits, ({ publisher }) => publisher)) {
    if (publisher !== null) found.set(publisher, attemptsIn(publisher, own));
  }
  return found;
}

function attemptsIn(publisher: number, visits: readonly Visit[]): Attempt[] {
  const groups: [Visit, ...Visit[]][] = [];
  for (const visit of visits) {
    const before = groups.at(-1)?.at(-1);
    // A loop leads to where it began; who comes there again much later begins anew.
    const follows = before?.location === urlOfVisit(visit) && visit.worldMs - (before.endMs ?? 0) < FOLLOW_MS_MAX;
    if (follows) groups.at(-1)?.push(visit);
    else groups.push([visit]);
  }
  return groups.map((own) => {
    const last = own.at(-1) ?? own[0];
    return { publisher, visits: own, startMs: own[0].worldMs, endMs: last.endMs ?? last.worldMs, last };
  });
}

/** Longer than a crawler waits for a host on its way. */
const FOLLOW_MS_MAX = 5 * 60_000;

export function offence(what: string, visits: readonly Visit[], publisher?: Publisher): Offence {
  return { kind: publisher?.kindName ?? '', what, evidence: visits.map(shownVisit) };
}

/** Of a large host, so many may wait before it. */
const PRESSED_MS_MAX = 5 * 60_000;

/** Was it a reader who asked for this attempt? */
export function wasPressed({ incidents }: Record, { publisher, startMs }: Attempt): boolean {
  return incidents.some(
    (one) =>
      one.kind === 'refresh' &&
      startMs >= one.at &&
      startMs - one.at < PRESSED_MS_MAX &&
      one.publishers.includes(publisher),
  );
}

export function hours(ms: number): string {
  return ms < 120_000 ? `${ms / 1_000} s` : `${(ms / 3_600_000).toFixed(2)} h`;
}
