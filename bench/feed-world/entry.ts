import { articleHtml, openDesk } from './article-html.ts';
import type { BodyStyle, WorldFeed } from './feed.ts';
import { escapeMarkup } from './markup.ts';
import type { WorldOptions } from './options.ts';
import { between, chance, pick, randomFor } from './random.ts';
import { publishedAt } from './world.ts';

export interface WorldEntry {
  /** 0 is the oldest of all. */
  readonly number: number;
  readonly guid: string;
  /** Of its page, below the feed's origin. */
  readonly path: string;
  /** Plain text. */
  readonly title: string;
  readonly author: string;
  readonly categories: readonly string[];
  readonly publishedMs: number;
  readonly updatedMs: number;
  readonly html: string;
  /** Plain text. */
  readonly summary: string;
  readonly enclosure: { readonly path: string; readonly type: string; readonly bytes: number } | null;
}

/** Characters of an entry that are not its body: title, link, guid, dates, tags. */
const FRAME_CHARS = 520;

/** How much longer a body becomes by the way it is written down. */
const WRITTEN_FACTOR: Readonly<Record<BodyStyle, number>> = { escaped: 1.07, cdata: 1.01, both: 1.02, xhtml: 1.01 };

/** Pure. `step`: how many entries the feed has published; an edited entry knows by it that it was edited. */
export function makeEntry(
  options: WorldOptions,
  feed: WorldFeed,
  number: number,
  step: number,
  origin: string,
): WorldEntry {
  const random = randomFor(options.seed, 'entry', feed.index, number);
  const desk = openDesk(feed, number, origin, random);
  const title = feed.prose.headline(random, number);
  const author = pick(random, feed.authors);
  const categories = feed.categories.filter(() => chance(random, 0.35));
  const summary = `${desk.sentence()} ${desk.sentence()}`;
  const body = articleHtml(desk, bodyChars(options, feed) * (0.5 + random()));
  const publishedMs = publishedAt(options, feed, number);
  const edited = step >= number + 2 && chance(randomFor(options.seed, 'edit', feed.index, number), options.editShare);
  return {
    number,
    guid: `${feed.idPrefix}${number}`,
    path: `/${feed.slug}/articles/${number}`,
    title,
    author,
    categories,
    publishedMs,
    updatedMs: edited ? publishedAt(options, feed, number + 1) : publishedMs,
    html: edited ? `${body}\n<p><strong>+</strong> ${escapeMarkup(desk.sentence())}</p>` : body,
    summary,
    enclosure: feed.podcast
      ? { path: `/${feed.slug}/sounds/${number}.mp3`, type: 'audio/mpeg', bytes: between(random, 1e6, 9e7) }
      : null,
  };
}

function bodyChars(options: WorldOptions, feed: WorldFeed): number {
  const { bytesPerChar } = feed.prose;
  const summary = feed.style === 'both' || feed.format !== 'rss' ? 130 * bytesPerChar : 0;
  const frame = FRAME_CHARS + (feed.podcast ? 110 : 0) + summary + 40 * bytesPerChar;
  // Half a block is overshot on average; tags are ASCII whatever the tongue.
  const body = options.bytes / options.entries - frame;
  return Math.max(80, body / WRITTEN_FACTOR[feed.style] / (0.25 + 0.75 * bytesPerChar) - 180);
}
