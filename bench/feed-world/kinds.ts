/** How a feed of the world behaves. A world is told which share of its feeds is of which kind. */
export interface Kind {
  /** For the README and `--help`. */
  readonly about: string;
  /** Whether a crawler gets articles out of it; `if mended`: a forgiving parser may. */
  readonly articles: 'always' | 'if mended' | 'never';
  /** Whether new entries come out as time goes on. */
  readonly publishes: boolean;
}

const fine = (about: string): Kind => ({ about, articles: 'always', publishes: true });
const mendable = (about: string): Kind => ({ about, articles: 'if mended', publishes: true });
const broken = (about: string): Kind => ({ about, articles: 'never', publishes: false });

export const KINDS = {
  steady: fine('answers well, publishes at its own rate'),
  quiet: { about: 'answers well, never publishes anything new', articles: 'always', publishes: false },
  slow: fine('answers well, after a wait of `slowMs`'),
  moved: fine('301 to its new address, which answers well'),
  'moved-for-now': fine('302 to another address, which answers well'),
  'redirect-loop': broken('302 to itself, for ever'),
  'not-found': broken('404'),
  gone: broken('410'),
  'server-error': broken('500'),
  'too-many': broken('429 with Retry-After'),
  timeout: broken('takes the request and never answers'),
  reset: broken('resets the connection in the middle of the body'),
  'short-body': broken('closes the connection before the promised Content-Length'),
  'truncated-gzip': broken('gzip that ends in the middle'),
  oversized: broken('a body of `oversizedBytes`, most of it padding'),
  truncated: mendable('XML or JSON cut off in the middle of an entry'),
  html: broken('a web page where the feed should be'),
  empty: broken('200 with no byte in the body'),
  'broken-markup': mendable('tags that do not match and bare ampersands (JSON: a missing brace)'),
  'bad-encoding': mendable('says UTF-8, and its text holds bytes of Latin-1'),
  junk: broken('random bytes called a feed'),
} as const satisfies Record<string, Kind>;

export type FeedKind = keyof typeof KINDS;

export const FEED_KINDS = Object.keys(KINDS) as FeedKind[];

export function isFeedKind(name: string): name is FeedKind {
  return Object.hasOwn(KINDS, name);
}

export type FeedFormat = 'rss' | 'atom' | 'json';

export const FEED_FORMATS: readonly FeedFormat[] = ['rss', 'atom', 'json'];
