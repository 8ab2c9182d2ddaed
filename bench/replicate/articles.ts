import type { Store, Writer } from '../../store/contract.ts';
import type { Article } from '../../store/documents.ts';
import { articleId, feedId } from '../../store/ids.ts';
import { entriesAt } from '../feed-world/render.ts';
import { makeWorld } from '../feed-world/world.ts';

const ENTRIES = 30;
/** Of a feed: about 2 kB for an article. */
const BYTES = 60_000;
const ORIGIN = 'http://127.16.0.1:8088';
const EDITS = 500;

export interface NewArticle {
  readonly id: string;
  readonly content: Article;
}

/** As many articles as asked for, as a crawl of the feed world would store them; always the same for a seed. */
export function* articlesOf(count: number, seed: number): Generator<NewArticle> {
  const world = makeWorld({ feeds: Math.ceil(count / ENTRIES), entries: ENTRIES, bytes: BYTES, seed });
  let left = count;
  for (const each of world.feeds) {
    const feed = feedId(`${ORIGIN}/${each.slug}`);
    for (const entry of entriesAt(world.options, each, world.step(each), ORIGIN)) {
      if (left === 0) return;
      left -= 1;
      const content: Article = {
        ...{ feed, num: 0, guid: entry.guid, url: `${ORIGIN}${entry.path}`, title: entry.title },
        ...{ authors: [entry.author], html: entry.html, summary: entry.summary.slice(0, 300) },
        ...{
          published: entry.publishedMs,
          updated: entry.updatedMs,
          arrived: entry.publishedMs,
          at: entry.publishedMs,
        },
        ...{ categories: [...entry.categories], enclosures: [], fingerprint: entry.guid },
      };
      yield { id: articleId(feed, entry.guid), content };
    }
  }
}

/** Fills an empty store. */
export async function fill(store: Store, count: number, seed: number): Promise<void> {
  await using writer = await store.articles.openWriter({ owner: 'bench', durability: 'lazy', bulk: true });
  let edits: NewArticle[] = [];
  for (const article of articlesOf(count, seed)) {
    edits.push(article);
    if (edits.length === EDITS) edits = await flush(writer, edits);
  }
  await flush(writer, edits);
}

async function flush(writer: Writer<Article>, edits: NewArticle[]): Promise<NewArticle[]> {
  if (edits.length > 0) await writer.edit(edits);
  return [];
}
