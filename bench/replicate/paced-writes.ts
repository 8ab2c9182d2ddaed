import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../../store/contract.ts';
import { articlesOf, type NewArticle } from './articles.ts';

const TICK_MS = 10;

export interface Written {
  readonly count: number;
  /** Of each write, in ms. */
  readonly latencies: readonly number[];
  /** When each was acknowledged, of `performance.now`. */
  readonly acknowledgedAt: ReadonlyMap<string, number>;
}

/** Single-document writes at an even rate, each waited for as a crawler does; no faster than the store takes them. */
export async function writeAtRate(store: Store, perSecond: number, seconds: number, seed: number): Promise<Written> {
  await using writer = await store.articles.openWriter({ owner: 'bench', durability: 'lazy' });
  const articles = [...articlesOf(Math.ceil(perSecond * seconds), seed)];
  const latencies: number[] = [];
  const acknowledgedAt = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  const began = performance.now();
  const write = async (article: NewArticle): Promise<void> => {
    const asked = performance.now();
    await writer.edit([article]);
    acknowledgedAt.set(article.id, performance.now());
    latencies.push(performance.now() - asked);
  };
  for (let next = 0; next < articles.length; ) {
    const due = Math.min(articles.length, Math.floor(((performance.now() - began) / 1000) * perSecond));
    for (; next < due; next += 1) {
      const article = articles[next];
      if (!article) break;
      const writing = write(article).finally(() => underWay.delete(writing));
      underWay.add(writing);
    }
    await delay(TICK_MS);
  }
  await Promise.all(underWay);
  return { count: latencies.length, latencies, acknowledgedAt };
}
