/** A feed's address changes when it has been confirmed, and only then; its site is looked at when it is long missing. */
import { type Attempt, attemptsOf, type Offence, offence, type Record, urlOfVisit, type Verdict } from '../attempts.ts';
import type { Publisher } from '../stage.ts';

const DAY_MS = 24 * 3_600_000;
/** docs/crawling.md: "When a feed moves". */
const CONFIRMATIONS_MIN = 3;
const CONFIRMED_OVER_MS_MIN = 3 * DAY_MS;
const LOOK_AFTER_MS = 7 * DAY_MS;
/** At most so long after it became possible. */
const ADOPTED_WITHIN_MS = 3 * DAY_MS;
const FOUND_WITHIN_MS = 14 * DAY_MS;

export function movesAdopted(record: Record): Verdict {
  const all = attemptsOf(record);
  const offences: Offence[] = [];
  let checked = 0;
  for (const publisher of record.stage.publishers) {
    const attempts = (all.get(publisher.index) ?? []).filter(({ visits }) => visits[0].place !== 'page');
    const found = wrongMove(record, publisher, attempts);
    checked += attempts.length;
    if (found !== undefined) offences.push(found);
  }
  return { checked, offences };
}

function wrongMove(record: Record, publisher: Publisher, attempts: readonly Attempt[]): Offence | undefined {
  const { movesTo, foundAt } = publisher.kind.truth ?? {};
  const at = attempts.findIndex(({ visits }) => visits[0].place !== 'home');
  const away = attempts[at];
  if (away === undefined) {
    if (movesTo === undefined) return undefined;
    const ready = confirmedAt(attempts, record.urlOf(publisher, movesTo));
    if (ready === null || record.stage.endMs - ready < ADOPTED_WITHIN_MS) return undefined;
    return offence('a confirmed permanent redirect was not adopted', [...(attempts.at(-1)?.visits ?? [])], publisher);
  }
  if (foundAt !== undefined && away.visits[0].place === foundAt) return undefined;
  if (movesTo === undefined || away.visits[0].place !== movesTo) {
    return offence('an address that must not be adopted is asked directly', [away.visits[0]], publisher);
  }
  const ready = confirmedAt(attempts.slice(0, at), urlOfVisit(away.visits[0]));
  if (ready !== null) return undefined;
  const before = attempts.slice(Math.max(0, at - 3), at).flatMap(({ visits }) => visits);
  return offence('a permanent redirect was adopted before it was confirmed', [...before, away.visits[0]], publisher);
}

/** When the last so many attempts in a row had led to this URL by permanent redirects alone. */
function confirmedAt(attempts: readonly Attempt[], url: string): number | null {
  let since: number | null = null;
  let times = 0;
  for (const { visits, last, startMs } of attempts) {
    // Failures change nothing.
    if (last.gave === null) continue;
    const isPermanent = visits.slice(0, -1).every(({ status }) => status === 301 || status === 308);
    if (visits.length === 1 || !isPermanent || urlOfVisit(last) !== url) {
      since = null;
      times = 0;
      continue;
    }
    since ??= startMs;
    times += 1;
    if (times >= CONFIRMATIONS_MIN && startMs - since >= CONFIRMED_OVER_MS_MIN) return startMs;
  }
  return null;
}

/** Only where the feed has been missing for a week, and in place of asking for it. */
export function looksAtPages(record: Record): Verdict {
  const all = attemptsOf(record);
  const offences: Offence[] = [];
  let checked = 0;
  for (const publisher of record.stage.publishers) {
    const attempts = all.get(publisher.index) ?? [];
    for (const [i, attempt] of attempts.entries()) {
      if (attempt.visits[0].place !== 'page') continue;
      checked += 1;
      const since = missingSince(attempts.slice(0, i));
      if (since === null || attempt.startMs - since < LOOK_AFTER_MS) {
        offences.push(
          offence('looks at a page although the feed was not missing for a week', attempt.visits, publisher),
        );
      } else if (attempts[i - 1]?.visits[0].place === 'page' && attempts[i - 1]?.last.lost === false) {
        offences.push(offence('looks at a page twice in a row', attempt.visits, publisher));
      }
    }
    const { foundAt } = publisher.kind.truth ?? {};
    const since = missingSince(attempts);
    const isLong = since !== null && record.stage.endMs - since > LOOK_AFTER_MS + FOUND_WITHIN_MS;
    if (foundAt !== undefined && isLong && record.urls.get(publisher.index) !== record.urlOf(publisher, foundAt)) {
      offences.push(offence('it was not found where its page says that it is', [], publisher));
    }
  }
  return { checked, offences };
}

function missingSince(attempts: readonly Attempt[]): number | null {
  const answered = attempts.findLastIndex(({ last }) => last.gave !== null);
  return attempts.slice(answered + 1).find(({ last }) => last.status === 404)?.startMs ?? null;
}
