import type { CommandSpec } from './command.ts';
import { EXIT } from './exit.ts';
import { FETCH_SETTINGS, fetcherOptions } from './fetcher-options.ts';
import { SHORT_ID_LETTERS } from './find-feed.ts';
import { followFeeds, moveToFolder } from './follow.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { counted, printable } from './text.ts';

export const feedsAddCommand: CommandSpec = {
  usage: 'add <url>',
  about: 'fetch a feed, keep its articles and follow it; the address of a site will do',
  args: { url: 'of a feed, or of a page that names its feed' },
  options: [['--folder <NAME>', 'put it into this folder']],
  json: '{id, url, title, created, articles (new ones), waits (crawlers are paused)}; the error has candidates where a page names several feeds',
  settings: ['store', ...FETCH_SETTINGS],
  examples: [
    'feedferry feeds add https://example.org/',
    'feedferry feeds add https://example.org/feed.xml --folder News',
  ],
  async run(invocation) {
    const { io, json, args, options } = invocation;
    const [{ addFeed }, { openFetcher }] = await Promise.all([
      import('../crawler/add-feed.ts'),
      import('../crawler/fetch.ts'),
    ]);
    const settings = invocation.settings();
    const limits = { minIntervalMs: settings.minInterval, maxIntervalMs: settings.maxInterval };
    await using store = await openedStore(invocation, { mustExist: false });
    await using fetcher = openFetcher(fetcherOptions(settings, store, io.clock));
    const added = await addFeed({ store, fetcher, clock: io.clock, random: io.random, limits, input: args[0] ?? '' });
    const folder = (options.folder as string | undefined) ?? null;
    const followed = await followFeeds(store, io.clock, 'feeds add', [{ feed: added.id, title: null, folder }]);
    if (followed === 0 && folder !== null) await moveToFolder(store, 'feeds add', added.id, folder);
    const { id, url, title, created, articles, waits } = added;
    const name = `${printable(title || url)} (${id.slice(0, SHORT_ID_LETTERS)})`;
    const later = waits ? ': the crawlers are paused, it is fetched when they go on' : '';
    const text = created ? `Added ${name}${later || `, ${counted(articles, 'article')}`}` : `Already there: ${name}`;
    await write(io.stdout, `${json ? JSON.stringify({ id, url, title, created, articles, waits }) : text}\n`);
    return EXIT.done;
  },
};
