import { DEFAULT_USER, unsubscribe } from '../site/subscriptions.ts';
import type { Store } from '../store/contract.ts';
import type { CommandSpec } from './command.ts';
import { EXIT } from './exit.ts';
import { findFeed } from './find-feed.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { counted, printable } from './text.ts';

const SCAN_SUBSCRIPTIONS = 1000;

export const feedsRemoveCommand: CommandSpec = {
  usage: 'remove <feed>',
  about: 'stop following a feed, and remove it with its articles unless somebody else follows it',
  args: { feed: 'its id, the first letters of the id, or its URL' },
  options: [['--keep-articles', 'leave its articles in the store, so that starred ones can still be read']],
  json: '{id, url, title, removed, articles}; removed is false where somebody else follows it',
  settings: ['store'],
  examples: ['feedferry feeds remove k3v6x2ab', 'feedferry feeds remove https://example.org/feed.xml --keep-articles'],
  async run(invocation) {
    const { io, json, args, options } = invocation;
    const { removeFeed } = await import('../crawler/remove-feed.ts');
    await using store = await openedStore(invocation, { mustExist: true });
    const { id, content } = await findFeed(store.feeds, args[0] ?? '');
    await unfollow(store, id);
    const removed = !(await isFollowed(store, id));
    const keepArticles = options.keepArticles === true;
    const { articles } = removed
      ? await removeFeed({ store, feed: id, keepArticles, owner: 'feeds remove' })
      : { articles: 0 };
    const { url, title } = content;
    const name = printable(title || url);
    const text = removed
      ? `Removed ${name}${keepArticles ? '; its articles stay' : ` and ${counted(articles, 'article')}`}`
      : `You no longer follow ${name}; it stays, because others do`;
    await write(io.stdout, `${json ? JSON.stringify({ id, url, title, removed, articles }) : text}\n`);
    return EXIT.done;
  },
};

async function unfollow(store: Store, feed: string): Promise<void> {
  await using writer = await store.subscriptions.openWriter({ owner: 'feeds remove', durability: 'sync' });
  await unsubscribe(store, writer, DEFAULT_USER, feed);
}

async function isFollowed(store: Store, feed: string): Promise<boolean> {
  let after = '';
  for (;;) {
    const page = await store.subscriptions.scan({ after, limit: SCAN_SUBSCRIPTIONS });
    if (page.some(({ content }) => content.feed === feed)) return true;
    const last = page.at(-1);
    if (last === undefined || page.length < SCAN_SUBSCRIPTIONS) return false;
    after = last.id;
  }
}
