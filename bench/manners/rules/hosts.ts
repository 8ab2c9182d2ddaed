/** What a host notices of all its feeds together: how many at once, how close together, and whether it is listened to. */
import { hours, type Offence, offence, type Record, type Verdict } from '../attempts.ts';
import type { Visit } from '../visit.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The busiest minute after a restart may be so many times the busiest of all other hours, and so many requests more. */
const BURST_FACTOR = 2;
const BURST_REQUESTS = 10;

function byHost(record: Record): Map<string, Visit[]> {
  return Map.groupBy(record.visits, ({ address }) => address);
}

export function oneAtATime(record: Record): Verdict {
  const { hostConnections } = record.limits;
  const offences = [...byHost(record).values()].flatMap((visits) =>
    visits.flatMap((visit, i): Offence[] => {
      if (visit.inHand <= hostConnections) return [];
      return [offence(`${visit.inHand} requests at once`, visits.slice(Math.max(0, i - visit.inHand + 1), i + 1))];
    }),
  );
  return { checked: record.visits.length, offences };
}

export function gapBetween(record: Record): Verdict {
  const { hostGapMs } = record.limits;
  const offences = [...byHost(record).values()].flatMap((visits) =>
    visits.flatMap((visit, i): Offence[] => {
      const before = visits[i - 1];
      if (before === undefined || visit.worldMs - before.worldMs >= hostGapMs) return [];
      return [offence(`${visit.worldMs - before.worldMs} ms after another request to the host`, [before, visit])];
    }),
  );
  return { checked: record.visits.length, offences };
}

/** A 429 or 503 with Retry-After means all of the host. */
export function patienceOfHosts(record: Record): Verdict {
  const offences: Offence[] = [];
  let checked = 0;
  for (const visits of byHost(record).values()) {
    let asked: Visit | undefined;
    for (const visit of visits) {
      const until = asked === undefined ? 0 : (asked.endMs ?? 0) + asked.hostAsksMs;
      if (asked !== undefined && visit.worldMs < until && visit.worldMs > (asked.endMs ?? 0)) {
        checked += 1;
        const what = `asked ${hours(until - visit.worldMs)} before the host wants to be asked again`;
        if (visit.publisher !== asked.publisher) offences.push(offence(what, [asked, visit]));
      }
      if (visit.hostAsksMs > 0 && !visit.lost && (visit.endMs ?? 0) + visit.hostAsksMs > until) {
        asked = visit;
        checked += 1;
      }
    }
  }
  return { checked, offences };
}

/** Requests in the busiest minute: in all, to one host, and on average in a minute that has any. */
export interface Busyness {
  readonly inAll: number;
  readonly toOneHost: number;
  readonly mean: number;
}

export function busyness(visits: readonly Visit[]): Busyness {
  const minutes = [...perMinute(visits).values()].map(({ length }) => length);
  const hosts = [...Map.groupBy(visits, ({ address }) => address).values()].flatMap((own) =>
    [...perMinute(own).values()].map(({ length }) => length),
  );
  return {
    inAll: Math.max(0, ...minutes),
    toOneHost: Math.max(0, ...hosts),
    mean: minutes.length === 0 ? 0 : visits.length / minutes.length,
  };
}

function perMinute(visits: readonly Visit[]): Map<number, Visit[]> {
  return Map.groupBy(visits, ({ worldMs }) => Math.floor(worldMs / MINUTE_MS));
}

/** A crawler that comes back asks for no more than it would have. */
export function noBursts(record: Record): Verdict {
  const { incidents, visits, stage } = record;
  const returns = incidents
    .filter(({ kind }) => kind !== 'import' && kind !== 'refresh' && kind !== 'unfollow')
    .map(({ at }) => at);
  const isAfter = (ms: number, times: readonly number[]) => times.some((at) => ms >= at && ms < at + HOUR_MS);
  // New feeds are all due, and come again together once or twice: the first day is not like the others.
  const starts = [stage.options.startMs, stage.middleMs];
  const isSettling = (ms: number) => starts.some((at) => ms >= at && ms < at + 24 * HOUR_MS);
  const usual = busyness(visits.filter(({ worldMs }) => !isAfter(worldMs, returns) && !isSettling(worldMs)));
  const most = usual.inAll * BURST_FACTOR + BURST_REQUESTS;
  const after = perMinute(visits.filter(({ worldMs }) => isAfter(worldMs, returns) && !isSettling(worldMs)));
  const offences = [...after.values()]
    .filter(({ length }) => length > most)
    .map((own) =>
      offence(`${own.length} requests in a minute after a restart; ${usual.inAll} are usual`, own.slice(0, 20)),
    );
  return { checked: after.size, offences };
}
