import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import * as articles from '../../../store/sqlite/articles.ts';
import * as feeds from '../../../store/sqlite/feeds.ts';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { ownFolder } from './folder.ts';

/** How SQLite goes about it, without any statistics, as in a store that was just made. */
const PLANS: [title: string, sql: string, plan: RegExp][] = [
  ['the timeline of all', articles.TIMELINE, /^SEARCH articles USING COVERING INDEX articles_timeline \(/],
  [
    'the timeline of one feed',
    articles.FEED_TIMELINE,
    /^SEARCH articles USING COVERING INDEX articles_feed_timeline \(/,
  ],
  [
    'counting unread',
    articles.COUNT_ABOVE,
    /^SEARCH articles USING COVERING INDEX articles_feed_num \(feed=\? AND num>\?\)$/,
  ],
  ['articles by number', articles.BY_NUM, /^SEARCH articles USING INDEX articles_num \(num=\?\)$/],
  ['known articles', articles.KNOWN, /^SEARCH articles USING INDEX sqlite_autoindex_articles_1 \(_id=\?\)$/],
  ['due feeds', feeds.DUE, /^SEARCH feeds USING COVERING INDEX feeds_due \(/],
  ['the next due feed', feeds.NEXT, /^SEARCH feeds USING COVERING INDEX feeds_due \(state=\?\)$/],
  ['feeds by number', feeds.BY_NUM, /^SEARCH feeds USING (COVERING )?INDEX feeds_num \(num=\?\)$/],
];

t.test('every query of the hot paths enters an index at the right place and sorts nothing', async (t) => {
  const path = join(ownFolder(t), 'x.db');
  await (await openSqlite(`sqlite:${path}`)).close();
  const db = new DatabaseSync(path);
  for (const [title, sql, expected] of PLANS) {
    const plan = db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map((row) => String(row.detail));
    t.equal(plan.length, 1, `${title}: ${plan.join('; ')}`);
    t.match(plan[0], expected, title);
  }
  db.close();
});
