/** Everybody who plays: publishers that use HTTP well, oddly and badly. A row is a kind; docs/manners.md lists them. */
import type { Ask, PublisherKind, Reply } from './publisher.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A wish beyond this is no wish for a feed: docs/crawling.md. */
const ASKED_MS_MAX = 7 * DAY_MS;

type Document = Extract<Reply, { kind: 'document' }>;

const etag = ({ step }: Ask) => `"step-${step}"`;
const date = ({ modifiedMs }: Ask) => httpDate(modifiedMs);

function well(ask: Ask, more: Partial<Document> = {}): Document {
  return { kind: 'document', etag: etag(ask), lastModified: date(ask), ...more };
}

function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

const status = (code: number, more: Partial<Reply> = {}): Reply => ({ kind: 'status', status: code, ...more }) as Reply;

/** In trouble for so many hours of every third day. */
const isBadHour = ({ day, hour }: Ask, from: number, hours: number) =>
  Math.floor(day) % 3 === 1 && hour >= from && hour < from + hours;

const steady = (about: string, more: (ask: Ask) => Partial<Document>): PublisherKind => ({
  about,
  answer: (ask) => well(ask, more(ask)),
});

const asking = (about: string, asksMs: number, headers: (ask: Ask) => Record<string, string>): PublisherKind =>
  steady(about, (ask) => ({ asksMs: Math.min(asksMs, ASKED_MS_MAX), headers: headers(ask) }));

const moving = (about: string, truth: PublisherKind['truth'], answer: PublisherKind['answer']): PublisherKind => ({
  about,
  answer,
  ...(truth === undefined ? {} : { truth }),
});

export const CAST = {
  'both-validators': steady('ETag and Last-Modified', () => ({})),
  'etag-only': steady('an ETag alone', () => ({ lastModified: null })),
  'date-only': steady('Last-Modified alone', () => ({ etag: null })),
  'weak-etag': steady('a weak ETag', (ask) => ({ etag: `W/"${ask.step}"`, lastModified: null })),
  'odd-etag': steady('an ETag with bytes beyond ASCII, commas, no quotes', (ask) => ({
    etag: `caf\u00e9:;/=, \u00ff${ask.step}`,
    lastModified: null,
  })),
  'odd-date': steady('a Last-Modified that is no date', (ask) => ({ etag: null, lastModified: `step ${ask.step}` })),
  'restless-etag': steady('another ETag at every answer, for equal content', (ask) => ({
    etag: `"${ask.step}-${ask.nth}"`,
    lastModified: null,
    deaf: true,
  })),
  'no-validators': steady('no validators at all', () => ({ etag: null, lastModified: null })),
  'vanishing-validators': steady('validators on even days, none on odd ones', (ask) =>
    Math.floor(ask.day) % 2 === 0 ? {} : { etag: null, lastModified: null, deaf: true },
  ),
  'bare-304': steady('304s that carry no validators', () => ({ bare304: true })),
  'renewing-304': steady('a 304 brings a new ETag', (ask) => ({
    etag: `W/"at-${ask.nth}"`,
    lastModified: null,
    renews: true,
  })),
  cookies: steady('offers cookies', () => ({
    headers: { 'set-cookie': ['id=1; Path=/', 'track=2; Max-Age=99999999'] },
  })),
  'max-age': asking('max-age of 2 h', 2 * HOUR_MS, () => ({ 'cache-control': 'public, max-age=7200' })),
  'max-age-year': asking('max-age of a year, of which a week is granted', 365 * DAY_MS, () => ({
    'cache-control': 'max-age=31536000, immutable',
  })),
  aged: asking('max-age of 4 h, of which a cache used up 1', 3 * HOUR_MS, () => ({
    ...{ 'cache-control': 'max-age=14400', age: '3600' },
  })),
  expires: asking('Expires in 3 h', 3 * HOUR_MS, ({ now }) => ({
    ...{ expires: httpDate(now + 3 * HOUR_MS), date: httpDate(now) },
  })),
  'skewed-clock': asking('Expires in 3 h, by a clock three days off', 3 * HOUR_MS, ({ now }) => ({
    ...{ expires: httpDate(now - 3 * DAY_MS + 3 * HOUR_MS), date: httpDate(now - 3 * DAY_MS) },
  })),
  ttl: {
    ...steady('a ttl of 3 h', () => ({ channel: '<ttl>180</ttl>' })),
    truth: { everyMs: 3 * HOUR_MS },
  },
  'skip-hours': {
    ...steady('skips the hours 0 to 6', () => ({
      channel: `<skipHours>${[0, 1, 2, 3, 4, 5, 6].map((hour) => `<hour>${hour}</hour>`).join('')}</skipHours>`,
    })),
    truth: { skipHours: [0, 1, 2, 3, 4, 5, 6] },
  },
  'skip-days': {
    ...steady('skips Saturday and Sunday', () => ({
      channel: '<skipDays><day>Saturday</day><day>Sunday</day></skipDays>',
    })),
    truth: { skipDays: [0, 6] },
  },
  'update-period': {
    ...steady('sy: twice a day', () => ({
      channel:
        '<sy:updatePeriod xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">daily</sy:updatePeriod>' +
        '<sy:updateFrequency xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">2</sy:updateFrequency>',
    })),
    truth: { everyMs: 12 * HOUR_MS },
  },
  'too-many-seconds': moving('429 with Retry-After in seconds, at times', {}, (ask) =>
    isBadHour(ask, 3, 6)
      ? status(429, { headers: { 'retry-after': '9000' }, asksMs: 9_000_000, hostAsksMs: 9_000_000 })
      : well(ask),
  ),
  'too-many-date': moving('429 with Retry-After as a date, by a clock that is off', {}, (ask) =>
    isBadHour(ask, 9, 6)
      ? status(429, {
          headers: { 'retry-after': httpDate(ask.now - DAY_MS + 2 * HOUR_MS), date: httpDate(ask.now - DAY_MS) },
          ...{ asksMs: 2 * HOUR_MS - SECOND_MS, hostAsksMs: 2 * HOUR_MS - SECOND_MS },
        })
      : well(ask),
  ),
  'too-many': moving('429 without a word, at times', {}, (ask) => (isBadHour(ask, 5, 9) ? status(429) : well(ask))),
  'unavailable-after': moving('503 with Retry-After, at times', {}, (ask) =>
    isBadHour(ask, 0, 12)
      ? status(503, { headers: { 'retry-after': '3600' }, asksMs: HOUR_MS, hostAsksMs: HOUR_MS })
      : well(ask),
  ),
  unavailable: moving('503 without a word, at times', {}, (ask) => (isBadHour(ask, 0, 20) ? status(503) : well(ask))),
  'failing-hours': moving('500 at times, with validators of the error page', {}, (ask) =>
    isBadHour(ask, 0, 16)
      ? status(500, { headers: { etag: '"error"', 'last-modified': httpDate(ask.now) } })
      : well(ask),
  ),
  'failing-for-ever': moving('500 from a sixth of the play on', {}, (ask) =>
    ask.part > 1 / 6 ? status(500, { headers: { etag: '"error"' } }) : well(ask),
  ),
  silent: moving('no answer at times', {}, (ask) => (isBadHour(ask, 0, 8) ? { kind: 'silence' } : well(ask))),
  breaking: moving('connections that break in the body at times', {}, (ask) =>
    isBadHour(ask, 0, 12) ? well(ask, { breaks: true, etag: '"broken"', deaf: true }) : well(ask),
  ),
  parked: moving('a web page in place of the feed at times', {}, (ask) =>
    isBadHour(ask, 0, 12)
      ? well(ask, { unreadable: true, etag: '"parked"', lastModified: null, deaf: true })
      : well(ask),
  ),
  slow: steady('takes 8 s to answer', () => ({ takesMs: 8 * SECOND_MS })),
  gone: moving('410 from a third of the play on', {}, (ask) => (ask.part > 1 / 3 ? status(410) : well(ask))),
  'moved-on-host': moving('301 on its own host', { movesTo: 'beside' }, (ask) =>
    ask.at === 'home' && ask.part > 0.1 ? { kind: 'redirect', status: 301, to: 'beside' } : well(ask),
  ),
  'moved-away': moving('308 to another host', { movesTo: 'away' }, (ask) =>
    ask.at === 'home' && ask.part > 0.1 ? { kind: 'redirect', status: 308, to: 'away' } : well(ask),
  ),
  'moved-chain': moving('301, then 308 over a third host, to a host that many share', { movesTo: 'hub' }, (ask) => {
    if (ask.at === 'home') return { kind: 'redirect', status: 301, to: 'away' };
    return ask.at === 'away' ? { kind: 'redirect', status: 308, to: 'hub' } : well(ask);
  }),
  'for-now': moving('302 to a host that many share, for ever', { staysHome: true }, (ask) =>
    ask.at === 'home' ? { kind: 'redirect', status: 302, to: 'hub' } : well(ask, { takesMs: 3 * SECOND_MS }),
  ),
  'for-now-307': moving('307 to another host, for ever', { staysHome: true }, (ask) =>
    ask.at === 'home' ? { kind: 'redirect', status: 307, to: 'away' } : well(ask),
  ),
  'mixed-chain': moving('301, then 302: nothing to adopt', { staysHome: true }, (ask) => {
    if (ask.at === 'home') return { kind: 'redirect', status: 301, to: 'beside' };
    return ask.at === 'beside' ? { kind: 'redirect', status: 302, to: 'hub' } : well(ask);
  }),
  'moved-for-a-day': moving('301 elsewhere for a day: nothing to adopt', { staysHome: true }, (ask) =>
    ask.at === 'home' && ask.day >= 2 && ask.day < 3 ? { kind: 'redirect', status: 301, to: 'away' } : well(ask),
  ),
  'wandering-target': moving(
    '302, every day to another host with validators of its own',
    { staysHome: true },
    (ask) => {
      const to = Math.floor(ask.day) % 2 === 0 ? 'away' : 'hub';
      if (ask.at === 'home') return { kind: 'redirect', status: 302, to };
      return well(ask, { etag: `"${ask.at}-${ask.step}"` });
    },
  ),
  'redirect-loop': moving('302 to itself at times', { staysHome: true }, (ask) =>
    isBadHour(ask, 0, 8) ? { kind: 'redirect', status: 302, to: 'home' } : well(ask),
  ),
  'missing-moved': moving('404 from a tenth of the play on; its page names where it is', { foundAt: 'away' }, (ask) => {
    if (ask.at === 'page') return { kind: 'page', feed: ask.part > 0.1 ? 'away' : 'home' };
    return ask.at === 'home' && ask.part > 0.1 ? status(404) : well(ask);
  }),
  'missing-for-good': moving('404 from a tenth of the play on, and no page', {}, (ask) =>
    ask.at === 'home' && ask.part <= 0.1 ? well(ask) : status(404),
  ),
} as const satisfies Record<string, PublisherKind>;

export type KindName = keyof typeof CAST;

export const KIND_NAMES = Object.keys(CAST) as KindName[];

/** One of a large site: slow, and at times the whole host asks for patience. */
export const CROWD: PublisherKind = {
  about: 'one of many on a host that takes 3 s for an answer; at times its 429 means all of them',
  answer: (ask) =>
    isBadHour(ask, 6, 2)
      ? status(429, { headers: { 'retry-after': '1800' }, asksMs: 1_800_000, hostAsksMs: 1_800_000 })
      : well(ask, { takesMs: 3 * SECOND_MS }),
};
