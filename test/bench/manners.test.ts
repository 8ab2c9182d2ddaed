/** The scorer can see: a crawler that is bad in one way is caught by the rule against it. And the real one is not. */
import t from 'tap';
import type { Record } from '../../bench/manners/attempts.ts';
import { KIND_NAMES, type KindName } from '../../bench/manners/cast.ts';
import { LIMITS } from '../../bench/manners/limits.ts';
import { type PlayOptions, play } from '../../bench/manners/play.ts';
import { type RuleName, score } from '../../bench/manners/score.ts';
import { offencesText, scoreTable } from '../../bench/manners/score-table.ts';
import type { Fetcher, FetchRequest } from '../../crawler/fetch.ts';
import { testSeed } from '../contract/random.ts';

const START_MS = Date.UTC(2026, 0, 5);

function small(more: Partial<PlayOptions> = {}): PlayOptions {
  return { seed: 7, feeds: 54, days: 2, startMs: START_MS, ...more };
}

/** Rules that were broken, with how often. */
function broken(record: Record): Partial<{ [Name in RuleName]: number }> {
  const found = score(record).rules.filter(({ offences }) => offences.length > 0);
  return Object.fromEntries(found.map(({ rule, offences }) => [rule, offences.length]));
}

t.test('a crawler that has manners breaks no rule', async (t) => {
  const record = await play(small({ seed: testSeed() }));
  const scored = score(record);
  t.equal(scored.offences, 0, offencesText(scored));
  t.ok(scored.requests > 300 && scored.notModified > 100, `${scored.requests} requests`);
  t.ok(scored.lost > 0, 'it was killed in the middle of something');
  const kinds = new Set(record.incidents.map(({ kind }) => kind));
  t.strictSame([...kinds].sort(), ['import', 'kill', 'kill-after-answer', 'refresh', 'restart', 'unfollow']);
  for (const line of scoreTable(scored).split('\n')) t.ok(line.length <= 80, line);
});

/** What a request of a feed of this kind becomes. */
type Mischief = (request: FetchRequest, real: Fetcher) => ReturnType<Fetcher['fetch']>;

const withHeader =
  (name: string, value: string): Mischief =>
  (request, real) => {
    const overrides = { ...request.overrides, headers: { [name]: value }, origin: new URL(request.url).origin };
    return real.fetch({ ...request, overrides });
  };

const MISCHIEF: { readonly [Kind in KindName]?: Mischief } = {
  cookies: withHeader('cookie', 'id=1'),
  'max-age': withHeader('referer', 'http://reader.example/'),
  'etag-only': (request, real) => real.fetch({ ...request, etag: null }),
  'weak-etag': (request, real) => real.fetch({ ...request, etag: request.etag?.replace('W/', '') ?? null }),
  'both-validators': (request, real) => real.fetch({ ...request, lastModified: null }),
  'date-only': (request, real) => real.fetch({ ...request, lastModified: new Date(START_MS).toUTCString() }),
  'no-validators': (request, real) => real.fetch({ ...request, url: `${request.url}?t=1` }),
  gone: async (request, real) => {
    const result = await real.fetch(request);
    return result.kind === 'failed' && result.status === 410 ? { ...result, status: 500 } : result;
  },
  // Expires is not looked at.
  expires: async (request, real) => {
    const result = await real.fetch(request);
    return { ...result, headers: {} };
  },
};

t.test('a crawler that is bad in many ways is caught in each of them', async (t) => {
  const kindOf = (url: string) => KIND_NAMES[Number(/\/s(\d+)\//.exec(url)?.[1])] ?? 'slow';
  const record = await play(
    small({
      wrapFetcher: (real) => ({
        fetch: (request) => (MISCHIEF[kindOf(request.url)] ?? ((one) => real.fetch(one)))(request, real),
        [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
      }),
    }),
  );
  const { rules } = score(record);
  const offences = (rule: RuleName) => rules.find((one) => one.rule === rule)?.offences ?? [];
  const kinds = (rule: RuleName) => [...new Set(offences(rule).map(({ kind }) => kind))].sort();
  const words = (rule: RuleName) => offences(rule).map(({ what }) => what);
  t.strictSame(kinds('unconditional'), ['etag-only']);
  t.strictSame(kinds('validators'), ['both-validators', 'date-only', 'weak-etag']);
  t.match(words('validators').join('; '), /only one of the two[\s\S]*nobody ever gave/);
  t.strictSame([...new Set(words('nothing-told'))].sort(), ['sends cookie', 'sends referer']);
  t.ok(offences('nothing-else').length > 0, 'a parameter was added');
  t.strictSame(kinds('gone'), ['gone']);
  t.strictSame(kinds('too-soon'), ['expires']);
  t.match(offences('nothing-told')[0]?.evidence[0], /cookie: id=1|referer: http/, 'with the lines of the log');
});

t.test('a crawler that goes by no limits is caught', async (t) => {
  const wrapLimits = () => ({ ...LIMITS, hostConnections: 8, hostGapMs: 0 });
  const found = broken(await play(small({ days: 1, wrapLimits })));
  t.ok((found['one-at-a-time'] ?? 0) > 0 && (found.gap ?? 0) > 0, JSON.stringify(found));
});
