import type { DueFeed, FeedsDatabase } from '../contract.ts';
import type { FeedRecord } from '../documents.ts';
import { MongodbDatabase } from './database.ts';

/** Tombstones have no `state` and no `num`. */
export class MongodbFeeds extends MongodbDatabase<FeedRecord> implements FeedsDatabase {
  async due(query: { now: number; limit: number; after?: { nextAt: number; id: string } }): Promise<DueFeed[]> {
    const { now, limit, after } = query;
    if (limit <= 0) return [];
    const past = after && {
      $or: [{ nextAt: { $gt: after.nextAt } }, { nextAt: after.nextAt, _id: { $gt: after.id } }],
    };
    const nextAt = { $lte: now, ...(after && { $gte: after.nextAt }) };
    const found = await this.db.patiently(() =>
      this.documents
        .find({ state: 'active', nextAt, ...past }, { projection: { _id: 1, url: 1, nextAt: 1 } })
        .sort({ nextAt: 1, _id: 1 })
        .limit(limit)
        .toArray(),
    );
    return found.map((doc) => ({ id: doc._id, url: doc.url, nextAt: doc.nextAt }));
  }

  async nextDueAt(): Promise<number | null> {
    const [first] = await this.db.patiently(() =>
      this.documents
        .find({ state: 'active' }, { projection: { _id: 0, nextAt: 1 } })
        .sort({ nextAt: 1 })
        .limit(1)
        .toArray(),
    );
    return first?.nextAt ?? null;
  }

  async byUrl(urls: readonly string[]): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    await this.someAtATime(urls, async (some) => {
      const documents = await this.documents
        .find({ state: { $in: ['active', 'gone', 'paused'] }, url: { $in: some } }, { projection: { url: 1 } })
        .hint({ state: 1, nextAt: 1, _id: 1, url: 1 })
        .toArray();
      for (const { _id, url } of documents) found.set(url, [...(found.get(url) ?? []), _id]);
    });
    return found;
  }

  async byNum(nums: readonly number[]): Promise<Map<number, string>> {
    const ids = new Map<number, string>();
    await this.someAtATime(nums, async (some) => {
      for (const doc of await this.documents.find({ num: { $in: some } }, { projection: { num: 1 } }).toArray())
        ids.set(doc.num, doc._id);
    });
    return ids;
  }
}
