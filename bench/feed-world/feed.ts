import type { FeedFormat, FeedKind } from './kinds.ts';
import type { CastFeed, WorldOptions } from './options.ts';
import type { Prose } from './prose.ts';
import { between, chance, pick, type Random, randomFor } from './random.ts';
import { capital, type TongueName } from './tongues.ts';

/**
 * How a feed writes its bodies down. RSS: `escaped` in `description`; `cdata` there; `both`: a short `description` and
 * `content:encoded`. Atom: escaped `html`, `cdata`, `xhtml`; `both`: `summary` and `content`. JSON: `content_html`.
 */
export type BodyStyle = 'escaped' | 'cdata' | 'both' | 'xhtml';

/** One feed of the world, with all that never changes about it. */
export interface WorldFeed {
  readonly index: number;
  readonly host: number;
  readonly kind: FeedKind;
  readonly format: FeedFormat;
  /** First part of all its paths. */
  readonly slug: string;
  /** Where the feed is; what a redirecting feed is listed under is `listedPath`. */
  readonly path: string;
  readonly listedPath: string;
  readonly title: string;
  readonly description: string;
  /** In the list of subscriptions; null: none. */
  readonly folder: string | null;
  readonly colour: string;
  readonly prose: Prose;
  readonly authors: readonly string[];
  readonly categories: readonly string[];
  readonly style: BodyStyle;
  /** Tag soup: unclosed paragraphs, scripts, inline styles, tracking pixels. */
  readonly messy: boolean;
  /** Every entry has a sound file enclosed. */
  readonly podcast: boolean;
  /** Ids of its entries start so; they hold no address, so that they are the same wherever the world is served. */
  readonly idPrefix: string;
  readonly sends: { readonly etag: boolean; readonly lastModified: boolean };
  readonly intervalMs: number;
  /** It publishes for the first time so long before its first interval is over. */
  readonly phaseMs: number;
}

/** What is dealt out over all feeds at once, so that shares are met exactly. */
export interface Lot {
  readonly kind: FeedKind;
  readonly format: FeedFormat;
}

const PATHS: Readonly<Record<FeedFormat, readonly string[]>> = {
  rss: ['feed.xml', 'rss.xml', 'index.rdf.xml', 'rss'],
  atom: ['atom.xml', 'feed.atom', 'atom'],
  json: ['feed.json', 'index.json'],
};

const STYLES: Readonly<Record<FeedFormat, readonly BodyStyle[]>> = {
  rss: ['escaped', 'cdata', 'cdata', 'both', 'both'],
  atom: ['escaped', 'escaped', 'cdata', 'xhtml', 'both'],
  json: ['escaped', 'both'],
};

const REDIRECTING: ReadonlySet<FeedKind> = new Set<FeedKind>(['moved', 'moved-for-now', 'redirect-loop']);

/** Pure: of the options, the index and the lot. */
export function makeFeed(
  options: WorldOptions,
  index: number,
  lot: Lot,
  shelf: (tongue: TongueName) => Prose,
): WorldFeed {
  const cast = options.cast[index];
  const random = randomFor(options.seed, 'feed', index);
  const prose = cast?.prose ?? shelf(pickTongue(random));
  const format = cast?.format ?? lot.format;
  const slug = cast?.slug ?? `s${index}`;
  const path = `/${slug}/${cast ? PATHS[format][0] : pick(random, PATHS[format])}`;
  return {
    index,
    host: index % options.hosts,
    kind: lot.kind,
    format,
    slug,
    path,
    listedPath: REDIRECTING.has(lot.kind) ? `/${slug}/old-feed` : path,
    ...called(cast, prose, random),
    prose,
    authors: different(between(random, 1, 3), () => prose.name(random)),
    categories: different(between(random, 4, 9), () => prose.tag(random)),
    style: cast ? 'both' : pick(random, STYLES[format]),
    messy: !cast && chance(random, 0.2),
    podcast: !cast && chance(random, 0.05),
    idPrefix: `tag:${slug}.feed-world.example,2026:`,
    ...rhythm(options, random),
  };
}

/** So many draws; what is drawn twice counts once. */
function different(draws: number, draw: () => string): string[] {
  return [...new Set(Array.from({ length: draws }, draw))];
}

function called(cast: CastFeed | undefined, prose: Prose, random: Random): Named {
  if (cast) return { title: cast.title, description: cast.description, folder: cast.folder, colour: cast.colour };
  return {
    folder: null,
    title: `${capital(prose.tag(random))} ${prose.tag(random)}`,
    description: prose.sentences(random)(),
    colour: `hsl(${between(random, 0, 359)} 55% 45%)`,
  };
}

type Named = Pick<WorldFeed, 'title' | 'description' | 'folder' | 'colour'>;

function rhythm(options: WorldOptions, random: Random): Pick<WorldFeed, 'sends' | 'intervalMs' | 'phaseMs'> {
  const etag = !chance(random, options.withoutEtagShare);
  const lastModified = !etag || !chance(random, options.withoutLastModifiedShare);
  const intervalMs = between(random, options.intervalMinMs, options.intervalMaxMs);
  return { sends: { etag, lastModified }, intervalMs, phaseMs: between(random, 0, intervalMs - 1) };
}

function pickTongue(random: Random): TongueName {
  const at = random();
  if (at < 0.7) return 'plain';
  if (at < 0.88) return 'accented';
  return at < 0.96 ? 'cyrillic' : 'han';
}
