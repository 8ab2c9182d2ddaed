import type { ArticleRef, ArticlesDatabase, KnownArticle, Position } from '../contract.ts';
import type { Article } from '../documents.ts';
import { MongodbDatabase } from './database.ts';
import type { StoredDocument } from './stored-document.ts';

/** Branches of one `$or`, each a range of the index on {feed, num}. */
const MARKS_MAX = 200;

const REF = { _id: 1, feed: 1, num: 1, at: 1 } as const;

/** Tombstones have no `feed`, `at` and `num`, and drop out by the comparisons. */
export class MongodbArticles extends MongodbDatabase<Article> implements ArticlesDatabase {
  async known(ids: readonly string[]): Promise<Map<string, KnownArticle>> {
    const known = new Map<string, KnownArticle>();
    const projection = { ver: 1, num: 1, at: 1, fingerprint: 1 };
    await this.someAtATime(ids, async (some) => {
      for (const doc of await this.documents.find({ _id: { $in: some }, del: false }, { projection }).toArray()) {
        const { _id: id, ver } = doc;
        known.set(id, { id, ver, num: doc.num, at: doc.at, fingerprint: doc.fingerprint });
      }
    });
    return known;
  }

  async timeline(query: { feed?: string; before?: Position; limit: number }): Promise<ArticleRef[]> {
    const { feed, before, limit } = query;
    if (limit <= 0) return [];
    // The first condition bounds the scan of the index, the second looks at its keys.
    const older = before
      ? { at: { $lte: before.at }, $or: [{ at: { $lt: before.at } }, { num: { $lt: before.num } }] }
      : { at: { $lte: Number.MAX_SAFE_INTEGER } };
    const found = await this.db.patiently(() =>
      this.documents
        .find(feed === undefined ? older : { feed, ...older }, { projection: REF })
        .sort({ at: -1, num: -1 })
        .limit(limit)
        .toArray(),
    );
    return found.map(refOf);
  }

  async countAbove(marks: readonly { feed: string; num: number }[]): Promise<Map<string, number>> {
    const counts = new Map(marks.map(({ feed }) => [feed, 0]));
    for (let from = 0; from < marks.length; from += MARKS_MAX) {
      const above = marks.slice(from, from + MARKS_MAX).map(({ feed, num }) => ({ feed, num: { $gt: num } }));
      const group = { _id: '$feed', count: { $sum: 1 } };
      const found = await this.db.patiently(() =>
        this.documents.aggregate([{ $match: { $or: above } }, { $group: group }]).toArray(),
      );
      for (const { _id, count } of found) counts.set(_id, count);
    }
    return counts;
  }

  async byNum(nums: readonly number[]): Promise<Map<number, ArticleRef>> {
    const refs = new Map<number, ArticleRef>();
    await this.someAtATime(nums, async (some) => {
      for (const doc of await this.documents.find({ num: { $in: some } }, { projection: REF }).toArray())
        refs.set(doc.num, refOf(doc));
    });
    return refs;
  }
}

function refOf(doc: StoredDocument): ArticleRef {
  return { id: doc._id, feed: doc.feed, num: doc.num, at: doc.at };
}
