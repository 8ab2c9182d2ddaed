import type { DatabaseName, Indexed } from '../documents.ts';

type Value = string | number | null;

/** A field of the content that queries need, copied out of the body into a column of its own. NULL in a tombstone. */
interface Extracted<C> {
  readonly column: string;
  readonly of: (content: C) => Value;
}

type Columns = { readonly [N in DatabaseName]: readonly Extracted<Indexed[N]>[] };

const COLUMNS: Columns = {
  articles: [
    { column: 'feed', of: (article) => article.feed },
    { column: 'num', of: (article) => article.num },
    { column: 'at', of: (article) => article.at },
    { column: 'fp', of: (article) => article.fingerprint },
  ],
  feeds: [
    { column: 'num', of: (feed) => feed.num },
    { column: 'nextAt', of: (feed) => feed.nextAt },
    { column: 'state', of: (feed) => feed.state },
    { column: 'url', of: (feed) => feed.url },
  ],
  users: [{ column: 'num', of: (user) => user.num }],
  subscriptions: [],
  states: [],
};

export function extracted(name: DatabaseName): readonly Extracted<unknown>[] {
  return COLUMNS[name] as readonly Extracted<unknown>[];
}
