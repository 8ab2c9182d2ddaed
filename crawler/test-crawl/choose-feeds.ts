/** Which feeds of the source a test crawl takes: all that are crawled there, the first so many, or a random sample. */
import { hash } from 'node:crypto';
import type { FeedSource, SourceFeed } from './feed-source.ts';

export interface FeedChoice {
  /** The first so many in the order of the source. Null: no limit. */
  readonly max: number | null;
  /** So many at random. Null: no sample. */
  readonly sample: number | null;
  /** Of the sample: the same seed picks the same feeds, as far as they are still there. */
  readonly seed: string;
}

export interface ChosenCounts {
  inSource: number;
  /** Gone or paused there: left out. */
  notActive: number;
  chosen: number;
  /** Of those: with a User-Agent of their own there, in whose place the test crawl sends its own. */
  ownUserAgent: number;
}

const PAGE_SIZE = 500;

/** A sample is sorted and cut when it has so many times its size. */
const SAMPLE_SLACK = 2;

/** A page at a time; `counts` is complete when the last page was taken. */
export async function* chosenFeeds(
  source: Pick<FeedSource, 'feeds'>,
  choice: FeedChoice,
  counts: ChosenCounts,
): AsyncGenerator<readonly SourceFeed[]> {
  const pages = choice.sample === null ? firstOf(source, choice.max, counts) : sampleOf(source, choice, counts);
  for await (const page of pages) {
    counts.chosen += page.length;
    counts.ownUserAgent += page.filter(({ overrides }) => overrides?.userAgent !== undefined).length;
    yield page;
  }
}

async function* firstOf(
  source: Pick<FeedSource, 'feeds'>,
  max: number | null,
  counts: ChosenCounts,
): AsyncGenerator<SourceFeed[]> {
  let left = max ?? Number.POSITIVE_INFINITY;
  for await (const page of activeOf(source, counts)) {
    // The rest is read too: the report says how many there are.
    const taken = page.slice(0, left);
    left -= taken.length;
    if (taken.length > 0) yield taken;
  }
}

/** Those whose hash with the seed is lowest: which ones does not depend on the order, nor on feeds that come and go. */
async function* sampleOf(
  source: Pick<FeedSource, 'feeds'>,
  { sample, seed }: FeedChoice,
  counts: ChosenCounts,
): AsyncGenerator<SourceFeed[]> {
  const size = sample ?? 0;
  let drawn: { key: string; feed: SourceFeed }[] = [];
  const cut = () => {
    drawn = drawn.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, size);
  };
  for await (const page of activeOf(source, counts)) {
    for (const feed of page) drawn.push({ key: hash('sha256', `${seed} ${feed.id}`), feed });
    if (drawn.length > size * SAMPLE_SLACK + PAGE_SIZE) cut();
  }
  cut();
  for (let from = 0; from < drawn.length; from += PAGE_SIZE) {
    yield drawn.slice(from, from + PAGE_SIZE).map(({ feed }) => feed);
  }
}

async function* activeOf(source: Pick<FeedSource, 'feeds'>, counts: ChosenCounts): AsyncGenerator<SourceFeed[]> {
  for await (const page of source.feeds()) {
    const active = page.filter((feed) => feed.active);
    counts.inSource += page.length;
    counts.notActive += page.length - active.length;
    yield active;
  }
}
