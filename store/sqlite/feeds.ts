import type { DueFeed, FeedsDatabase } from '../contract.ts';
import type { FeedRecord } from '../documents.ts';
import { plain, SqliteDatabase } from './database.ts';

export const DUE = `
  SELECT _id AS id, url, nextAt FROM feeds
  WHERE state = 'active' AND nextAt <= ? AND (nextAt, _id) > (?, ?) ORDER BY nextAt, _id LIMIT ?`;
export const NEXT = "SELECT min(nextAt) AS nextAt FROM feeds WHERE state = 'active'";
export const BY_URL = `
  SELECT _id AS id, url FROM feeds INDEXED BY feeds_due WHERE url IN (SELECT value FROM json_each(?))`;
export const BY_NUM = 'SELECT _id AS id FROM feeds WHERE num = ?';

const FIRST = { nextAt: Number.MIN_SAFE_INTEGER, id: '' };

export class SqliteFeeds extends SqliteDatabase<FeedRecord> implements FeedsDatabase {
  async due(query: { now: number; limit: number; after?: { nextAt: number; id: string } }): Promise<DueFeed[]> {
    const { now, limit, after = FIRST } = query;
    return await this.db.read(() =>
      this.db
        .statement(DUE)
        .all(now, after.nextAt, after.id, limit)
        .map(plain<DueFeed>),
    );
  }

  async nextDueAt(): Promise<number | null> {
    return await this.db.read(() => (this.db.statement(NEXT).get()?.nextAt as number | null | undefined) ?? null);
  }

  async byUrl(urls: readonly string[]): Promise<Map<string, string[]>> {
    return await this.db.read(() => {
      const found = new Map<string, string[]>();
      for (const { id, url } of this.db.statement(BY_URL).all(JSON.stringify(urls))) {
        found.set(String(url), [...(found.get(String(url)) ?? []), String(id)]);
      }
      return found;
    });
  }

  async byNum(nums: readonly number[]): Promise<Map<number, string>> {
    return await this.db.read(() => {
      const found = new Map<number, string>();
      const statement = this.db.statement(BY_NUM);
      for (const num of nums) {
        const row = statement.get(num);
        if (row) found.set(num, String(row.id));
      }
      return found;
    });
  }
}
