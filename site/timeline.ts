import type { ArticleRef, ArticlesDatabase, Position } from '../store/contract.ts';

/** Up to so many feeds are read one by one and merged; more of them are picked out of the timeline of all feeds. */
const MERGED_FEEDS_MAX = 32;
/** References looked at for one page; then the page ends with a link that looks further back. */
export const LOOKED_AT_MAX = 20_000;
const FIRST_READ = 64;
const LATER_READ = 1_000;

export interface SliceQuery {
  readonly feeds: readonly string[];
  readonly before: Position | null;
  readonly limit: number;
  readonly accept: (ref: ArticleRef) => boolean;
  /** There are no more than this many to find, so that nothing is looked for in vain. */
  readonly atMost?: number;
  readonly lookedAtMax?: number;
}

export interface Slice {
  readonly refs: ArticleRef[];
  /** Where the next page starts (its articles are older than this); null: there is none. */
  readonly next: Position | null;
  /** True where the page ended because it had looked at enough, not because it was full. */
  readonly cutShort: boolean;
}

/** One page of a reading list, newest first, with a bounded number of references read. */
export async function slice(articles: ArticlesDatabase, query: SliceQuery): Promise<Slice> {
  const wanted = new Set(query.feeds);
  if (wanted.size === 0) return { refs: [], next: null, cutShort: false };
  const source = sourceOf(articles, wanted, query.before);
  const refs: ArticleRef[] = [];
  const lookedAtMax = query.lookedAtMax ?? LOOKED_AT_MAX;
  const atMost = query.atMost ?? Number.POSITIVE_INFINITY;
  for (let lookedAt = 0; refs.length < atMost; lookedAt += 1) {
    const ref = await source();
    if (ref === undefined) break;
    const accepted = wanted.has(ref.feed) && query.accept(ref);
    if (accepted && refs.length === query.limit) return { refs, next: positionOf(refs.at(-1)), cutShort: false };
    if (accepted) refs.push(ref);
    if (lookedAt + 1 >= lookedAtMax) return { refs, next: positionOf(ref), cutShort: true };
  }
  return { refs, next: null, cutShort: false };
}

type Source = () => Promise<ArticleRef | undefined>;

function sourceOf(articles: ArticlesDatabase, feeds: ReadonlySet<string>, before: Position | null): Source {
  if (feeds.size > MERGED_FEEDS_MAX) return timelineOf(articles, undefined, before);
  return merged([...feeds].map((feed) => timelineOf(articles, feed, before)));
}

/** One timeline, read in pages that grow. */
function timelineOf(articles: ArticlesDatabase, feed: string | undefined, before: Position | null): Source {
  let page: ArticleRef[] = [];
  let at = 0;
  let limit = 0;
  let last = before;
  return async () => {
    if (at === page.length) {
      if (page.length < limit) return undefined;
      limit = limit === 0 ? FIRST_READ : LATER_READ;
      const scope = feed === undefined ? {} : { feed };
      page = await articles.timeline({ ...scope, ...(last === null ? {} : { before: last }), limit });
      at = 0;
    }
    const ref = page[at];
    at += 1;
    last = ref === undefined ? last : { at: ref.at, num: ref.num };
    return ref;
  };
}

function merged(sources: readonly Source[]): Source {
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only;
  let heads: (ArticleRef | undefined)[] | undefined;
  return async () => {
    heads ??= await Promise.all(sources.map((source) => source()));
    let newest = -1;
    for (const [i, head] of heads.entries()) {
      const best = heads[newest];
      if (head !== undefined && (best === undefined || isNewer(head, best))) newest = i;
    }
    const ref = heads[newest];
    if (ref !== undefined) heads[newest] = await sources[newest]?.();
    return ref;
  };
}

/** The order of reading lists. */
export function isNewer(a: Position, b: Position): boolean {
  return a.at > b.at || (a.at === b.at && a.num > b.num);
}

function positionOf(ref: Position | undefined): Position | null {
  return ref === undefined ? null : { at: ref.at, num: ref.num };
}
