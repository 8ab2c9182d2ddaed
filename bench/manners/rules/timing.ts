/** Never sooner than allowed; later and later after failures, but for ever; never again after 410. */
import {
  type Attempt,
  attemptsOf,
  hours,
  type Offence,
  offence,
  type Record,
  type Verdict,
  wasPressed,
} from '../attempts.ts';
import type { Publisher } from '../stage.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A week at most, and the rest of what skipped days may add. */
const SILENCE_MS_MAX = 8 * DAY_MS;
/** Fetches that were planned when the last reader left, and one in which readers are counted anew. */
const PLANNED_BEFORE = 2;
/** Somebody may want to know whether a feed is gone for good. */
const GONE_GAP_MS = 7 * DAY_MS;
/** Failures whose wait the smallest interval and doubling say; beyond, a week is near. */
const DOUBLINGS_MAX = 9;
/** While the new place of a missing feed is looked for, the wait stays that of so few failures: docs/crawling.md. */
const MISSING_DOUBLINGS_MAX = 4;

interface Own {
  readonly publisher: Publisher;
  readonly attempts: readonly Attempt[];
}

function each(record: Record, judge: (own: Own) => Verdict): Verdict {
  const attempts = attemptsOf(record);
  const verdicts = record.stage.publishers.map((publisher) =>
    judge({ publisher, attempts: attempts.get(publisher.index) ?? [] }),
  );
  return {
    checked: verdicts.reduce((sum, { checked }) => sum + checked, 0),
    offences: verdicts.flatMap(({ offences }) => offences),
  };
}

/** The document was seen whole, so its own wishes are known. */
const wasRead = ({ last }: Attempt) => last.gave !== null && last.status === 200 && !last.unreadable && !last.lost;

const wasLost = ({ visits }: Attempt) => visits.some(({ lost }) => lost);

export function notTooSoon(record: Record): Verdict {
  return each(record, ({ publisher, attempts }) => {
    const offences: Offence[] = [];
    let checked = 0;
    let isRead = false;
    let before: Attempt | undefined;
    for (const attempt of attempts) {
      if (before !== undefined) {
        checked += 1;
        const everyMs = isRead ? (publisher.kind.truth?.everyMs ?? 0) : 0;
        const allowed = Math.max(record.limits.minIntervalMs, before.last.asksMs, everyMs);
        const waited = attempt.startMs - before.endMs;
        if (waited < allowed) {
          const what = `after ${hours(waited)}; ${hours(allowed)} were asked for`;
          offences.push(offence(what, [before.last, attempt.visits[0]], publisher));
        }
      }
      isRead ||= wasRead(attempt);
      // A crawler that was killed does not know what it was told.
      if (!wasLost(attempt)) before = attempt;
    }
    return { checked, offences };
  });
}

export function notWhenSkipped(record: Record): Verdict {
  return each(record, ({ publisher, attempts }) => {
    const { skipHours = [], skipDays = [] } = publisher.kind.truth ?? {};
    if (skipHours.length + skipDays.length === 0) return { checked: 0, offences: [] };
    const first = attempts.findIndex(wasRead);
    const after = first < 0 ? [] : attempts.slice(first + 1);
    const bad = after.filter(({ startMs }) => {
      const at = new Date(startMs);
      return skipHours.includes(at.getUTCHours()) || skipDays.includes(at.getUTCDay());
    });
    return {
      checked: after.length,
      offences: bad.map(({ visits }) => offence('in an hour or on a day that it skips', [visits[0]], publisher)),
    };
  });
}

const isFailure = ({ last }: Attempt) => last.gave === null || last.unreadable;

export function failuresBackOff(record: Record): Verdict {
  return each(record, ({ publisher, attempts }) => {
    const offences: Offence[] = [];
    let checked = 0;
    let failures = 0;
    let before: Attempt | undefined;
    const most = publisher.kind.truth?.foundAt === undefined ? DOUBLINGS_MAX : MISSING_DOUBLINGS_MAX;
    for (const attempt of attempts.filter((one) => !wasLost(one))) {
      // A reader may ask in between; what comes after is counted on from there.
      if (before !== undefined && failures > 0 && !wasPressed(record, attempt)) {
        checked += 1;
        const waited = attempt.startMs - before.endMs;
        const least = record.limits.minIntervalMs * 2 ** Math.min(failures - 1, most);
        if (waited < least) {
          const what = `${hours(waited)} after ${failures} failures in a row: at least ${hours(least)} are due`;
          offences.push(offence(what, [before.last, attempt.visits[0]], publisher));
        }
      }
      // A reader's presses need not make the crawler wait any longer.
      if (!isFailure(attempt)) failures = 0;
      else if (failures === 0 || !wasPressed(record, attempt)) failures += 1;
      if (!isFailure(attempt) || before === undefined || !wasPressed(record, attempt)) before = attempt;
    }
    return { checked, offences };
  });
}

export function neverForgotten(record: Record): Verdict {
  return each(record, ({ publisher, attempts }) => {
    if (isGone(attempts)) return { checked: 0, offences: [] };
    const times = [...attempts.map(({ startMs }) => startMs), record.stage.endMs];
    const offences: Offence[] = attempts.length === 0 ? [offence('it was never fetched', [], publisher)] : [];
    for (const [i, attempt] of attempts.entries()) {
      const silence = (times[i + 1] ?? 0) - attempt.startMs;
      if (silence > SILENCE_MS_MAX)
        offences.push(offence(`nothing for ${hours(silence)}`, [attempt.visits[0]], publisher));
    }
    return { checked: attempts.length, offences };
  });
}

/** Who has lost the last reader is asked at the longest interval, once what was planned before is done. */
export function restedWithoutReaders(record: Record): Verdict {
  return each(record, ({ publisher, attempts }) => {
    const left = record.incidents.find((one) => one.kind === 'unfollow' && one.publishers.includes(publisher.index));
    const after =
      left === undefined ? [] : attempts.filter(({ startMs, visits }) => startMs > left.at && !visits[0].lost);
    // What a reader asked for in between does not move the feed's own turn.
    const own = after.filter((attempt) => !wasPressed(record, attempt));
    const offences: Offence[] = [];
    for (const [i, attempt] of own.entries()) {
      const before = own[i - 1];
      if (before === undefined || i <= PLANNED_BEFORE) continue;
      const waited = attempt.startMs - before.endMs;
      if (waited >= record.limits.maxIntervalMs) continue;
      offences.push(
        offence(`after ${hours(waited)}, although nobody follows it`, [before.last, attempt.visits[0]], publisher),
      );
    }
    return { checked: Math.max(0, own.length - 1 - PLANNED_BEFORE), offences };
  });
}

const isGone = (attempts: readonly Attempt[]) => attempts.some(({ last }) => last.status === 410 && !last.lost);

export function goneIsGone(record: Record): Verdict {
  return each(record, ({ publisher, attempts }) => {
    const at = attempts.findIndex(({ last }) => last.status === 410 && !last.lost);
    const isEarly = (attempt: Attempt, i: number) =>
      !wasPressed(record, attempt) || attempt.startMs - (attempts[at + i]?.endMs ?? 0) < GONE_GAP_MS;
    const after = at < 0 ? [] : attempts.slice(at + 1).filter(isEarly);
    return {
      checked: at < 0 ? 0 : 1,
      offences: after.map(({ visits }) => offence('asked again after 410', [visits[0]], publisher)),
    };
  });
}
