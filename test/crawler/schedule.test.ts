import fc from 'fast-check';
import t from 'tap';
import {
  ASKED_MS_MAX,
  duration,
  type Happened,
  JITTER,
  nextFetch,
  type ScheduleInput,
} from '../../crawler/schedule.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
/** A Monday. */
const NOW = Date.UTC(2026, 0, 5, 12);

function next(more: Partial<ScheduleInput> = {}) {
  const result = nextFetch({
    now: NOW,
    happened: { kind: 'unchanged' },
    intervalMs: HOUR,
    hints: undefined,
    freshMs: null,
    retryAfterMs: null,
    limits: { minIntervalMs: 15 * MINUTE, maxIntervalMs: DAY },
    random: () => 0,
    ...more,
  });
  return { ...result, waitMs: result.nextAt - NOW };
}

const failed = (errors: number, status: number | null = null): Happened => ({ kind: 'failed', status, errors });
const hints = (more: object) => ({ ttlMs: null, skipHours: [], skipDays: [], updatePeriodMs: null, ...more });

t.test('the largest wish decides, and gives the reason', (t) => {
  const cases: [string, Partial<ScheduleInput>, number, RegExp][] = [
    ['nothing asked: how often it changes', {}, 1.25 * HOUR, /^every 75 min, by how often it changes$/],
    ['max-age', { freshMs: 2 * HOUR }, 2 * HOUR, /^max-age of 2 h$/],
    ['a shorter max-age changes nothing', { freshMs: MINUTE }, 1.25 * HOUR, /how often/],
    ['Retry-After', { freshMs: 2 * HOUR, retryAfterMs: 3 * HOUR }, 3 * HOUR, /^Retry-After of 3 h$/],
    ['ttl', { hints: hints({ ttlMs: 4 * HOUR }) }, 4 * HOUR, /^ttl of 4 h$/],
    ['sy', { hints: hints({ updatePeriodMs: 2 * DAY }) }, 2 * DAY, /^sy:updatePeriod of 2 d$/],
    ['the minimum', { intervalMs: 1, happened: { kind: 'stored', added: 1, changed: 0 } }, 15 * MINUTE, /15 min/],
    ['a year is cut to a week', { freshMs: 365 * DAY }, ASKED_MS_MAX, /^max-age of 365 d, of which a week is granted$/],
    ['also after a failure', { happened: failed(1), retryAfterMs: 5 * HOUR }, 5 * HOUR, /^Retry-After/],
  ];
  for (const [name, input, waitMs, why] of cases) {
    const result = next(input);
    t.equal(result.waitMs, waitMs, name);
    t.match(result.nextWhy, why, name);
  }
  t.end();
});

t.test('the interval follows how often the feed changes', (t) => {
  t.equal(next({ happened: { kind: 'stored', added: 3, changed: 0 } }).intervalMs, HOUR / 2);
  t.equal(next({ happened: { kind: 'stored', added: 0, changed: 1 } }).intervalMs, 0.75 * HOUR);
  t.equal(next({ happened: { kind: 'stored', added: 0, changed: 0 } }).intervalMs, 1.25 * HOUR);
  t.equal(next({ happened: { kind: 'unchanged' }, intervalMs: DAY }).intervalMs, DAY, 'up to the maximum');
  t.equal(next({ happened: failed(3) }).intervalMs, HOUR, 'a failure says nothing about it');
  t.end();
});

t.test('a feed with an article every day settles at a few fetches a day', (t) => {
  let now = NOW;
  let intervalMs = HOUR;
  let fetches = 0;
  let worstDelay = 0;
  for (let seen = 0, day = 1; day < 60; fetches += 1) {
    const published = Math.floor((now - NOW) / DAY);
    if (published > seen) worstDelay = Math.max(worstDelay, (now - NOW) % DAY);
    const happened: Happened =
      published > seen ? { kind: 'stored', added: published - seen, changed: 0 } : { kind: 'unchanged' };
    seen = published;
    const result = next({ now, happened, intervalMs });
    intervalMs = result.intervalMs;
    now = result.nextAt;
    day = (now - NOW) / DAY;
  }
  t.ok(fetches / 60 > 2 && fetches / 60 < 8, `${fetches / 60} fetches a day`);
  t.ok(worstDelay < 16 * HOUR, `${worstDelay / HOUR} h late at most`);
  t.end();
});

t.test('the first estimate comes from the dates of the entries', (t) => {
  const first = (...ages: number[]) =>
    next({ happened: { kind: 'first', dates: ages.map((age) => NOW - age) } }).intervalMs;
  t.equal(first(0, 8 * HOUR, 16 * HOUR), 2 * HOUR, 'one every 8 h');
  t.equal(first(8 * HOUR, 9 * HOUR, 10 * HOUR), 2 * HOUR, 'one an hour, but silent for 8 h');
  t.equal(first(400 * DAY, 500 * DAY), DAY, 'long silent: the maximum');
  t.equal(first(0, 1, 2), 15 * MINUTE, 'busy: the minimum');
  t.equal(first(), HOUR, 'no dates');
  t.equal(first(-DAY), HOUR, 'only dates from the future');
  t.end();
});

t.test('failures wait twice as long each time, up to a week, and never stop', (t) => {
  t.equal(next({ happened: failed(1) }).waitMs, HOUR);
  t.equal(next({ happened: failed(2) }).waitMs, 2 * HOUR);
  t.equal(next({ happened: failed(3) }).waitMs, 4 * HOUR);
  t.match(next({ happened: failed(3) }).nextWhy, '4 h after 3 failures in a row');
  for (const errors of [10, 100, 100_000]) {
    const { waitMs } = next({ happened: failed(errors), random: () => 1 });
    t.ok(waitMs <= WEEK && waitMs > 6 * DAY, `${errors} failures: ${waitMs / DAY} days`);
  }
  t.equal(next({ happened: failed(1, 429) }).waitMs, 4 * HOUR, '429 without a Retry-After waits longer');
  t.equal(next({ happened: failed(1, 503) }).waitMs, 4 * HOUR);
  t.equal(next({ happened: failed(1), intervalMs: 20 * MINUTE }).waitMs, 20 * MINUTE, 'a busy feed is back soon');
  t.end();
});

t.test('skipped hours and days are gone past', (t) => {
  const hoursAt = (at: number) => new Date(at).getUTCHours();
  const noon = next({ hints: hints({ skipHours: [13, 14, 15] }) });
  t.equal(hoursAt(noon.nextAt), 16);
  t.match(noon.nextWhy, 'then past the hours and days that the feed skips');
  const monday = next({ hints: hints({ skipDays: [1, 2] }) });
  t.equal(new Date(monday.nextAt).getUTCDay(), 3);
  const weekend = next({ now: Date.UTC(2026, 0, 9, 23, 30), hints: hints({ skipDays: [6, 0], skipHours: [0, 1] }) });
  t.equal(new Date(weekend.nextAt).toISOString().slice(0, 13), '2026-01-12T02');
  const everything = next({ hints: hints({ skipDays: [0, 1, 2, 3, 4, 5, 6] }) });
  t.equal(everything.waitMs, 1.25 * HOUR, 'a feed that skips every day is not taken at its word');
  t.end();
});

t.test('never sooner than asked, never in a skipped hour, and jitter only adds', (t) => {
  const wish = fc.option(fc.integer({ min: 0, max: 2 * WEEK }), { nil: null });
  const happened = fc.oneof(
    fc.constant<Happened>({ kind: 'unchanged' }),
    fc.record({ kind: fc.constant('stored' as const), added: fc.nat(5), changed: fc.nat(5) }),
    fc.record({
      kind: fc.constant('failed' as const),
      status: fc.constantFrom(null, 404, 429, 500, 503),
      errors: fc.integer({ min: 1, max: 2_000 }),
    }),
    fc.record({ kind: fc.constant('first' as const), dates: fc.array(fc.integer({ min: 0, max: NOW * 2 })) }),
  );
  const input = fc.record({
    happened,
    intervalMs: fc.integer({ min: 0, max: WEEK }),
    freshMs: wish,
    retryAfterMs: wish,
    ttlMs: wish,
    skipHours: fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { maxLength: 23 }),
    skipDays: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 6 }),
    random: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(input, ({ ttlMs, skipHours, skipDays, random, ...rest }) => {
      const limits = { minIntervalMs: 10 * MINUTE, maxIntervalMs: DAY };
      const result = next({ ...rest, limits, hints: hints({ ttlMs, skipHours, skipDays }), random: () => random });
      const asked = Math.max(limits.minIntervalMs, ...[rest.freshMs, rest.retryAfterMs, ttlMs].map((ms) => ms ?? 0));
      const date = new Date(result.nextAt);
      return (
        result.waitMs >= Math.min(asked, ASKED_MS_MAX) &&
        result.waitMs <= WEEK * (1 + JITTER) + 8 * DAY &&
        !skipHours.includes(date.getUTCHours()) &&
        !skipDays.includes(date.getUTCDay()) &&
        result.intervalMs >= limits.minIntervalMs &&
        result.intervalMs <= limits.maxIntervalMs &&
        result.nextWhy !== ''
      );
    }),
  );
  t.end();
});

t.test('durations are said as people say them', (t) => {
  const cases: [number, string][] = [
    [45_000, '45 s'],
    [90_000, '90 s'],
    [90 * MINUTE, '90 min'],
    [6 * HOUR, '6 h'],
    [2.5 * HOUR, '2.5 h'],
    [2 * DAY, '2 d'],
  ];
  for (const [ms, text] of cases) t.equal(duration(ms), text);
  t.end();
});
