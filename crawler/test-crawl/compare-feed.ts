/** The articles of one feed, here and at production, a page at a time. */
import type { ArticleRef, Live, Store } from '../../store/contract.ts';
import type { Article, FeedRecord } from '../../store/documents.ts';
import { integerIdMs } from '../../store/ids.ts';
import type { ReadableStore } from '../../store/open-to-read.ts';
import { differencesOf, type FieldDifference } from './article-difference.ts';

/** Why only this side has an article. `docs/test-crawl.md` tells what each means. */
export const ONLY_HERE_REASONS = ['not-fetched-since', 'production-failing', 'not-taken'] as const;
export const ONLY_THERE_REASONS = ['since', 'older', 'missing'] as const;

export type OnlyHereReason = (typeof ONLY_HERE_REASONS)[number];
export type OnlyThereReason = (typeof ONLY_THERE_REASONS)[number];

export interface ArticleFinding {
  readonly id: string;
  readonly feed: string;
  readonly title: string;
  readonly url: string | null;
  readonly at: number;
}

/** `kind`: same text from the publisher (`read`), so that we have read it otherwise; or another one (`sent`). */
export interface DifferingFinding extends ArticleFinding {
  readonly kind: 'sent' | 'read';
  readonly fields: readonly FieldDifference[];
}

export interface FeedComparison {
  readonly same: number;
  /** Another text was sent, and a reader sees no difference. */
  readonly unseen: number;
  readonly differing: readonly DifferingFinding[];
  readonly onlyHere: readonly { readonly reason: OnlyHereReason; readonly finding: ArticleFinding }[];
  readonly onlyThere: readonly { readonly reason: OnlyThereReason; readonly finding: ArticleFinding }[];
  /** Those that are counted without being looked at: they have left the window of the feed. */
  readonly older: number;
}

/** Articles that are read in one go, with their bodies; references in an index. */
const PAGE_ARTICLES = 100;
const PAGE_REFS = 200;
/** References of one feed that are looked at at production. */
const REFS_MAX = 2_000;
/** Findings of one feed that are kept with their titles; the rest is counted. */
export const FINDINGS_MAX = 200;

export interface Side {
  readonly articles: Pick<ReadableStore['articles'], 'scan' | 'getMany' | 'known' | 'timeline'>;
}

export interface FeedPair {
  readonly here: Live<FeedRecord>;
  readonly there: Live<FeedRecord>;
  /** Articles of the feed at production, in all. */
  readonly total: number;
}

/** `here`: the test crawl's store. Reads of production what the test crawl found, and an index of what is newest there. */
export async function compareFeed(here: Pick<Store, 'articles'>, there: Side, pair: FeedPair): Promise<FeedComparison> {
  const found = { same: 0, unseen: 0, common: 0, here: 0, floor: Number.POSITIVE_INFINITY };
  const differing: DifferingFinding[] = [];
  const onlyHere: { reason: OnlyHereReason; finding: ArticleFinding }[] = [];
  const reason = onlyHereReason(pair);
  let floorHere = Number.POSITIVE_INFINITY;
  for await (const page of articlesOf(here, pair.here.id)) {
    const known = await there.articles.getMany(page.map(({ id }) => id));
    for (const article of page) {
      const other = known.get(article.id);
      found.here += 1;
      floorHere = Math.min(floorHere, article.content.at);
      if (other === undefined) onlyHere.push({ reason, finding: findingOf(article) });
      else {
        found.common += 1;
        found.floor = Math.min(found.floor, other.content.at);
        const fields = differencesOf(article.content, other.content);
        const isSameText = article.content.fingerprint === other.content.fingerprint;
        if (fields.length > 0) {
          differing.push({ ...findingOf(article), kind: isSameText ? 'read' : 'sent', fields });
        } else if (isSameText) found.same += 1;
        else found.unseen += 1;
      }
    }
  }
  const floor = found.common === 0 ? floorHere : found.floor;
  const onlyThere = await missingHere(here, there, pair, { ...found, floor });
  const older = Math.max(0, pair.total - found.common - onlyThere.length);
  return { same: found.same, unseen: found.unseen, differing, onlyHere, onlyThere, older };
}

async function* articlesOf(store: Pick<Store, 'articles'>, feed: string): AsyncGenerator<Live<Article>[]> {
  const query = { prefix: `${feed}.`, limit: PAGE_ARTICLES };
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: Live<Article>[] = await store.articles.scan(after === '' ? query : { ...query, after });
    if (page.length > 0) yield page;
    after = page.length < PAGE_ARTICLES ? undefined : page.at(-1)?.id;
  }
}

function onlyHereReason({ here, there }: FeedPair): OnlyHereReason {
  if (there.content.lastError !== null) return 'production-failing';
  return (there.content.succeededAt ?? 0) < fetchedAt(here) ? 'not-fetched-since' : 'not-taken';
}

function fetchedAt({ content }: Live<FeedRecord>): number {
  return content.triedAt ?? 0;
}

/**
 * Production keeps articles that have long left the feed, so only as many of its newest are looked at as the feed has
 * here, and none that is older than all that both have. When an article arrived is in its number (`integerId`).
 */
async function missingHere(
  here: Pick<Store, 'articles'>,
  there: Side,
  pair: FeedPair,
  found: { readonly here: number; readonly common: number; readonly floor: number },
): Promise<FeedComparison['onlyThere']> {
  if (found.here === 0 || pair.total === found.common) return [];
  const missing: { reason: OnlyThereReason; ref: ArticleRef }[] = [];
  let inWindow = 0;
  for await (const refs of newestOf(there, pair.there.id)) {
    const known = await here.articles.known(refs.map(({ id }) => id));
    for (const ref of refs) {
      const since = integerIdMs(ref.num) > fetchedAt(pair.here);
      if (!since && (inWindow >= found.here || ref.at < found.floor)) return withTitles(there, missing);
      if (!since) inWindow += 1;
      if (!known.has(ref.id)) missing.push({ reason: since ? 'since' : 'missing', ref });
    }
  }
  return withTitles(there, missing);
}

async function* newestOf({ articles }: Side, feed: string): AsyncGenerator<ArticleRef[]> {
  let before: { at: number; num: number } | undefined;
  for (let looked = 0; looked < REFS_MAX; looked += PAGE_REFS) {
    const refs = await articles.timeline({ feed, limit: PAGE_REFS, ...(before === undefined ? {} : { before }) });
    yield refs;
    const last = refs.at(-1);
    if (last === undefined || refs.length < PAGE_REFS) return;
    before = { at: last.at, num: last.num };
  }
}

async function withTitles(
  { articles }: Side,
  missing: readonly { reason: OnlyThereReason; ref: ArticleRef }[],
): Promise<FeedComparison['onlyThere']> {
  const named = missing.slice(0, FINDINGS_MAX);
  const found = named.length === 0 ? new Map() : await articles.getMany(named.map(({ ref }) => ref.id));
  return missing.map(({ reason, ref }) => {
    const live: Live<Article> | undefined = found.get(ref.id);
    const { id, feed, at } = ref;
    return { reason, finding: live === undefined ? { id, feed, title: '', url: null, at } : findingOf(live) };
  });
}

function findingOf({ id, content }: Live<Article>): ArticleFinding {
  const { feed, title, url, at } = content;
  return { id, feed, title, url, at };
}
