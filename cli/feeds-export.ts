import type { OpmlFeed } from '../crawler/parse/opml.ts';
import { DEFAULT_USER, subscriptionId } from '../site/subscriptions.ts';
import type { Store } from '../store/contract.ts';
import type { CommandSpec } from './command.ts';
import { EXIT } from './exit.ts';
import { writeOutput } from './files.ts';
import { allFeeds } from './find-feed.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { counted } from './text.ts';

const TITLE = 'Feedferry subscriptions';

export const feedsExportCommand: CommandSpec = {
  usage: 'export [file]',
  about: 'write all feeds as OPML, with the folders of the reader',
  args: { file: 'replaced if it is there; - or nothing writes to standard output' },
  json: 'an array of {url, title, siteUrl, folder} in place of OPML',
  settings: ['store'],
  examples: ['feedferry feeds export subscriptions.opml', 'feedferry feeds export > subscriptions.opml'],
  async run(invocation) {
    const { io, json, args } = invocation;
    const path = args[0] ?? '-';
    const { writeOpml } = await import('../crawler/parse/opml.ts');
    await using store = await openedStore(invocation, { mustExist: true });
    const feeds = await exportedFeeds(store);
    await writeOutput(path, io, json ? `${JSON.stringify(feeds)}\n` : writeOpml(feeds, TITLE, new Date(io.clock())));
    if (path !== '-') await write(io.stderr, `Wrote ${counted(feeds.length, 'feed')} to ${path}\n`);
    return EXIT.done;
  },
};

async function exportedFeeds(store: Store): Promise<OpmlFeed[]> {
  const feeds: OpmlFeed[] = [];
  for await (const { id, content } of allFeeds(store.feeds)) {
    const subscription = (await store.subscriptions.get(subscriptionId(DEFAULT_USER, id)))?.content;
    const title = subscription?.title ?? (content.title || content.url);
    feeds.push({ url: content.url, title, siteUrl: content.siteUrl, folder: subscription?.folder ?? null });
  }
  return feeds;
}
