import { Parser } from 'htmlparser2';
import { DISCOVERED_MAX, ELEMENTS_DEPTH_MAX, LABEL_CHARS_MAX, PAGE_CHARS_MAX } from './limits.ts';
import { line } from './text.ts';
import { absoluteUrl } from './url.ts';

export interface DiscoveredFeed {
  url: string;
  /** As the page names it; may be empty. */
  title: string;
  /** The declared media type; empty for a mere link. */
  type: string;
}

type Candidate = DiscoveredFeed & { rank: number };

/** Lower is better. `application/json` is used for so much else that it counts only where it is called a feed. */
const TYPE_RANKS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    'application/atom+xml': 0,
    'application/rss+xml': 0,
    'application/feed+json': 1,
    'application/rdf+xml': 2,
    'application/x.atom+xml': 2,
    'application/x-atom+xml': 2,
    'text/rss+xml': 2,
    'text/rss': 2,
    'application/xml': 3,
    'text/xml': 3,
    'application/json': 4,
  }),
);
const COMMENTS = /comment|kommentar|commentaire|comentario|reacties/i;
const COMMENTS_RANK = 100;
const LINK_RANK = 10;
const FEED_PATH =
  /(?:\.(?:rss|atom|rdf)|\/(?:feed|feeds|rss|atom)(?:\.(?:xml|json))?\/?|\/(?:index|feed|rss|atom)\.(?:xml|rdf)|feed=(?:rss2?|atom|rdf))$/i;
const WEAK_PATH = /\.xml$/i;
const FEED_WORD = /\b(?:rss|atom|feed)\b/i;

/**
 * The feeds that a web page offers, best first: declared ones (`link rel=alternate`,
 * https://html.spec.whatwg.org/multipage/links.html#rel-alternate) in the order of the page, those of comments last;
 * where none is declared, links that look like feeds. At most DISCOVERED_MAX. Pure.
 */
export function discoverFeeds(html: string, baseUrl: string): DiscoveredFeed[] {
  const page = new Page(baseUrl);
  scan(html.slice(0, PAGE_CHARS_MAX), page);
  return page.feeds();
}

const TOO_DEEP = Symbol('elements nested too deep');

function scan(html: string, page: Page): void {
  let depth = 0;
  const parser = new Parser({
    onopentag(name, attributes) {
      depth += 1;
      if (depth > ELEMENTS_DEPTH_MAX) throw TOO_DEEP;
      page.open(name, attributes);
    },
    ontext: (text) => page.text(text),
    onclosetag(name) {
      depth -= 1;
      page.close(name);
    },
  });
  try {
    parser.write(html);
    parser.end();
  } catch (error) {
    // Feeds are declared in the head: what was found up to here counts.
    if (error !== TOO_DEEP) throw error;
  }
}

class Page {
  readonly #declared: Candidate[] = [];
  readonly #linked: Candidate[] = [];
  #base: string;
  #baseSeen = false;
  /** The `<a>` that is open and may be a feed: its text is its title. */
  #open: Candidate | null = null;

  constructor(baseUrl: string) {
    this.#base = baseUrl;
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (name === 'base') this.#setBase(attributes.href ?? '');
    else if (name === 'link') this.#link(attributes);
    else if (name === 'a') this.#anchor(attributes);
  }

  text(text: string): void {
    if (this.#open !== null && this.#open.title.length < LABEL_CHARS_MAX) this.#open.title += text;
  }

  close(name: string): void {
    if (name !== 'a' || this.#open === null) return;
    const found = this.#open;
    this.#open = null;
    found.title = line(found.title, LABEL_CHARS_MAX);
    if (found.rank > LINK_RANK && !FEED_WORD.test(`${found.title} ${found.url}`)) return;
    this.#keep(this.#linked, found);
  }

  feeds(): DiscoveredFeed[] {
    const found = this.#declared.length > 0 ? this.#declared : this.#linked;
    return found
      .toSorted((a, b) => a.rank - b.rank)
      .slice(0, DISCOVERED_MAX)
      .map(({ url, title, type }) => ({ url, title, type }));
  }

  #setBase(href: string): void {
    if (this.#baseSeen) return;
    this.#baseSeen = true;
    this.#base = absoluteUrl(href, this.#base) ?? this.#base;
  }

  #link(attributes: Readonly<Record<string, string>>): void {
    const rels = (attributes.rel ?? '').toLowerCase().split(/\s+/);
    if (!rels.includes('alternate') && !rels.includes('feed')) return;
    const type = (attributes.type ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
    const url = this.#absolute(attributes.href);
    if (url === null) return;
    const title = line(attributes.title ?? '', LABEL_CHARS_MAX);
    let rank = TYPE_RANKS.get(type);
    if (type === '' && (rels.includes('feed') || FEED_PATH.test(url))) rank = 3;
    if (type === 'application/json' && !FEED_WORD.test(`${title} ${url}`)) return;
    if (rank === undefined) return;
    if (COMMENTS.test(`${title} ${url}`)) rank += COMMENTS_RANK;
    this.#keep(this.#declared, { url, title, type, rank });
  }

  #anchor(attributes: Readonly<Record<string, string>>): void {
    this.#open = null;
    const url = this.#absolute(attributes.href);
    if (url === null) return;
    const path = url.replace(/[#].*$/, '');
    const strong = FEED_PATH.test(path);
    if (!strong && !WEAK_PATH.test(path)) return;
    const rank = LINK_RANK + (strong ? 0 : 1) + (COMMENTS.test(url) ? COMMENTS_RANK : 0);
    this.#open = { url, title: '', type: '', rank };
  }

  #absolute(href: string | undefined): string | null {
    return absoluteUrl(
      (href ?? '')
        .trim()
        .replace(/^feed:(?:\/\/)?(?=https?:)/i, '')
        .replace(/^feed:/i, 'http:'),
      this.#base,
    );
  }

  #keep(list: Candidate[], found: Candidate): void {
    if (list.length < DISCOVERED_MAX * 5 && !list.some((known) => known.url === found.url)) list.push(found);
  }
}
