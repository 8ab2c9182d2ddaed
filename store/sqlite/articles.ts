import type { ArticleRef, ArticlesDatabase, KnownArticle, Position, Version } from '../contract.ts';
import type { Article } from '../documents.ts';
import { plain, SqliteDatabase } from './database.ts';

const NEWEST: Position = { at: Number.MAX_SAFE_INTEGER, num: Number.MAX_SAFE_INTEGER };

export const KNOWN = 'SELECT ver, num, at, fp FROM articles WHERE _id = ? AND del = 0';
/** Tombstones have no time, and drop out by the comparison. */
export const TIMELINE = `
  SELECT _id AS id, feed, at, num FROM articles
  WHERE (at, num) < (?, ?) ORDER BY at DESC, num DESC LIMIT ?`;
export const FEED_TIMELINE = `
  SELECT _id AS id, feed, at, num FROM articles
  WHERE feed = ? AND (at, num) < (?, ?) ORDER BY at DESC, num DESC LIMIT ?`;
export const COUNT_ABOVE = 'SELECT count(*) AS count FROM articles WHERE feed = ? AND num > ?';
export const BY_NUM = 'SELECT _id AS id, feed, at, num FROM articles WHERE num = ?';

export class SqliteArticles extends SqliteDatabase<Article> implements ArticlesDatabase {
  async known(ids: readonly string[]): Promise<Map<string, KnownArticle>> {
    return await this.db.read(() => {
      const found = new Map<string, KnownArticle>();
      const statement = this.db.statement(KNOWN);
      for (const id of ids) {
        const row = statement.get(id);
        if (!row) continue;
        const { ver, num, at, fp } = row;
        found.set(id, { id, ver: ver as Version, num: num as number, at: at as number, fingerprint: fp as string });
      }
      return found;
    });
  }

  async timeline(query: { feed?: string; before?: Position; limit: number }): Promise<ArticleRef[]> {
    const { feed, before = NEWEST, limit } = query;
    return await this.db.read(() => {
      const rows =
        feed === undefined
          ? this.db.statement(TIMELINE).all(before.at, before.num, limit)
          : this.db.statement(FEED_TIMELINE).all(feed, before.at, before.num, limit);
      return rows.map(plain<ArticleRef>);
    });
  }

  async countAbove(marks: readonly { feed: string; num: number }[]): Promise<Map<string, number>> {
    return await this.db.read(() => {
      const statement = this.db.statement(COUNT_ABOVE);
      return new Map(marks.map(({ feed, num }) => [feed, Number(statement.get(feed, num)?.count)]));
    });
  }

  async byNum(nums: readonly number[]): Promise<Map<number, ArticleRef>> {
    return await this.db.read(() => {
      const found = new Map<number, ArticleRef>();
      const statement = this.db.statement(BY_NUM);
      for (const num of nums) {
        const row = statement.get(num);
        if (row) found.set(num, plain<ArticleRef>(row));
      }
      return found;
    });
  }
}
