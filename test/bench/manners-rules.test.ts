/** Rules that take weeks to be broken, on logs that are written by hand: each line right but for one. */
import t from 'tap';
import type { Record } from '../../bench/manners/attempts.ts';
import { KIND_NAMES, type KindName } from '../../bench/manners/cast.ts';
import type { Incident } from '../../bench/manners/incidents.ts';
import { LIMITS } from '../../bench/manners/limits.ts';
import type { Place } from '../../bench/manners/publisher.ts';
import { RULES, type RuleName } from '../../bench/manners/score.ts';
import { hostOfPlace, makeStage, pathOfPlace } from '../../bench/manners/stage.ts';
import type { Visit } from '../../bench/manners/visit.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START_MS = Date.UTC(2026, 0, 5);
const stage = makeStage({ seed: 1, feeds: 54, days: 30, startMs: START_MS });
const CROWD = stage.publishers.filter(({ kindName }) => kindName === 'crowd').map(({ index }) => index);

interface Line {
  readonly feed: KindName | number;
  readonly at?: Place;
  /** ms after the beginning. */
  readonly ms: number;
  /** Default 304. */
  readonly status?: number | null;
  readonly to?: Place;
  readonly hostAsksMs?: number;
}

const urlOf: Record['urlOf'] = (publisher, place) =>
  `http://host${hostOfPlace(publisher, place)}${pathOfPlace(publisher, place)}`;

function visit({ feed, at = 'home', ms, status = 304, to, hostAsksMs = 0 }: Line, seq: number): Visit {
  const index = typeof feed === 'number' ? feed : KIND_NAMES.indexOf(feed);
  const publisher = stage.publishers[index];
  if (publisher === undefined) throw new Error(`no feed ${feed}`);
  const host = `host${hostOfPlace(publisher, at)}`;
  return {
    ...{ seq, at: 0, worldMs: START_MS + ms, endMs: START_MS + ms, host, address: host, inHand: 1 },
    ...{ publisher: index, feed: at === 'page' ? null : index, place: at, path: pathOfPlace(publisher, at) },
    ...{ method: 'GET', headers: {}, status, bytes: 0, unreadable: false, lost: false },
    location: to === undefined ? null : urlOf(publisher, to),
    gave: (status === 200 || status === 304) && at !== 'page' ? { etag: null, lastModified: null } : null,
    ...{ asksMs: hostAsksMs, hostAsksMs },
  };
}

/** What the rule says of these lines. */
function judged(rule: RuleName, lines: readonly Line[], incidents: readonly Incident[] = []): string[] {
  const visits = lines.map(visit).sort((a, b) => a.worldMs - b.worldMs);
  const record: Record = { stage, limits: LIMITS, visits, incidents, urls: new Map(), urlOf };
  return RULES[rule].judge(record).offences.map(({ kind, what }) => `${kind}: ${what}`);
}

const failing = (...hours: number[]): Line[] =>
  hours.map((hour) => ({ feed: 'failing-for-ever', ms: hour * HOUR, status: 500 }));

t.test('failures must be further and further apart', async (t) => {
  t.strictSame(judged('back-off', failing(0, 1, 3, 7)), []);
  t.match(judged('back-off', failing(0, 1, 1.3, 3)), [/0\.30 h after 2 failures in a row: at least 0\.50 h are due/]);
  const pressed: Incident = {
    kind: 'refresh',
    at: START_MS + 1.3 * HOUR,
    publishers: [KIND_NAMES.indexOf('failing-for-ever')],
  };
  t.strictSame(judged('back-off', failing(0, 1, 1.3, 3), [pressed]), [], 'but a reader may ask');
});

t.test('a feed that fails must not be forgotten, nor any other', async (t) => {
  const ofFailing = (lines: Line[]) =>
    judged('never-forgotten', lines).filter((text) => text.startsWith('failing-for'));
  t.strictSame(ofFailing(failing(0, 100, 250, 400, 560)), []);
  t.match(ofFailing(failing(0, 100, 350, 500, 600)), [/nothing for 250\.00 h/]);
  t.match(ofFailing(failing(0, 100, 250, 400)), [/nothing for 320\.00 h/], 'at the end');
  t.match(ofFailing([]), [/it was never fetched/]);
});

t.test('a feed that nobody follows any more is asked once a day', async (t) => {
  const left: Incident = { kind: 'unfollow', at: START_MS + DAY, publishers: [KIND_NAMES.indexOf('slow')] };
  const at = (...days: number[]) => days.map((day): Line => ({ feed: 'slow', ms: day * DAY }));
  t.strictSame(judged('no-readers', at(0.9, 1.1, 1.2, 1.3, 2.4, 3.5), [left]), []);
  t.match(judged('no-readers', at(0.9, 1.1, 1.2, 1.3, 2.2), [left]), [/after 21\.60 h, although nobody follows it/]);
});

t.test('what skips an hour is not asked in it once that is known', async (t) => {
  const at = (hour: number, status = 304): Line => ({ feed: 'skip-hours', ms: hour * HOUR, status });
  t.strictSame(judged('skipped-hours', [at(2, 200), at(8), at(31)]), []);
  t.match(judged('skipped-hours', [at(2, 200), at(8), at(29)]), [/in an hour or on a day that it skips/]);
  const weekend: Line[] = [
    { feed: 'skip-days', ms: HOUR, status: 200 },
    { feed: 'skip-days', ms: 5.5 * DAY },
  ];
  t.match(judged('skipped-hours', weekend), [/skip-days/]);
});

t.test('a host that wants patience gets it from all its feeds', async (t) => {
  const [one = 0, two = 0] = CROWD;
  const told: Line = { feed: one, ms: 0, status: 429, hostAsksMs: 2 * HOUR };
  t.strictSame(judged('host-patience', [told, { feed: two, ms: 2 * HOUR }]), []);
  t.match(judged('host-patience', [told, { feed: two, ms: HOUR }]), [/1\.00 h before the host wants/]);
  t.strictSame(judged('host-patience', [told, { feed: 'slow', ms: HOUR }]), [], 'another host');
});

t.test('a restart must be followed by no more than is usual', async (t) => {
  const restart: Incident = { kind: 'restart', at: START_MS + 3 * DAY };
  const burst = (count: number): Line[] =>
    Array.from({ length: count }, (_, i) => ({ feed: i % 40, ms: 3 * DAY + 60_000 + i }));
  const usual: Line[] = Array.from({ length: 200 }, (_, i) => ({ feed: i % 40, ms: 2 * DAY + i * 60_000 }));
  t.strictSame(judged('bursts', [...usual, ...burst(10)], [restart]), []);
  t.match(judged('bursts', [...usual, ...burst(40)], [restart]), [/40 requests in a minute after a restart/]);
});

const moving = (feed: KindName, status: number, to: Place, ...days: number[]): Line[] =>
  days.flatMap((day) => [
    { feed, ms: day * DAY, status, to },
    { feed, at: to, ms: day * DAY + 2_000 },
  ]);

t.test('a permanent redirect must be adopted, and not before it is confirmed', async (t) => {
  const direct = (day: number): Line => ({ feed: 'moved-away', at: 'away', ms: day * DAY });
  const moved = (...days: number[]) => moving('moved-away', 308, 'away', ...days);
  t.strictSame(judged('moves', [...moved(3, 4, 6), direct(7)]), []);
  t.match(judged('moves', [...moved(3, 4, 5), direct(6)]), [/adopted before it was confirmed/], 'two days');
  t.match(judged('moves', [...moved(3, 7), direct(8)]), [/adopted before it was confirmed/], 'two times');
  t.match(judged('moves', moved(3, 5, 7, 9, 11, 13)), [/was not adopted/]);
  const forNow = [...moving('for-now-307', 307, 'away', 1, 3, 5, 7), { feed: 'for-now-307', at: 'away', ms: 9 * DAY }];
  t.match(judged('moves', forNow as Line[]), [/must not be adopted is asked directly/]);
});

t.test('a page is looked at when its feed was missing for a week, and not twice in a row', async (t) => {
  const missing = (day: number): Line => ({ feed: 'missing-for-good', ms: day * DAY, status: 404 });
  const look = (day: number): Line => ({ feed: 'missing-for-good', at: 'page', ms: day * DAY, status: 404 });
  t.strictSame(judged('looks', [missing(4), missing(8), look(12), missing(14), look(16)]), []);
  t.match(judged('looks', [missing(4), missing(8), look(10)]), [/was not missing for a week/]);
  t.match(judged('looks', [missing(4), look(12), look(14)]), [/twice in a row/]);
  const found: Line[] = [{ feed: 'missing-moved', ms: 3 * DAY, status: 404 }];
  t.match(judged('looks', found), [/not found where its page says/]);
});

t.test('nobody asks for what no feed is at, with another method, or again after 410', async (t) => {
  const line = visit({ feed: 'slow', ms: 0 }, 0);
  const odd = [
    { ...line, publisher: null, path: '/robots.txt' },
    { ...line, method: 'HEAD' },
  ];
  const record: Record = { stage, limits: LIMITS, visits: odd, incidents: [], urls: new Map(), urlOf };
  t.equal(RULES['nothing-else'].judge(record).offences.length, 2);
  const gone = (day: number): Line => ({ feed: 'gone', ms: day * DAY, status: 410 });
  t.strictSame(judged('gone', [gone(10)]), []);
  t.match(judged('gone', [gone(10), gone(20)]), [/asked again after 410/]);
  const reader: Incident = { kind: 'refresh', at: START_MS + 20 * DAY, publishers: [KIND_NAMES.indexOf('gone')] };
  t.strictSame(judged('gone', [gone(10), gone(20)], [reader]), []);
  t.match(judged('gone', [gone(10), gone(15), gone(20)], [reader]), [/again after 410/, /again after 410/]);
});
