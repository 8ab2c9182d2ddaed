import type { Live } from '../store/contract.ts';
import type { FeedRecord } from '../store/documents.ts';
import type { CommandSpec } from './command.ts';
import { EXIT } from './exit.ts';
import { type FeedView, nameOf, viewFeeds } from './feed-view.ts';
import { allFeeds, SHORT_ID_LETTERS } from './find-feed.ts';
import { columnsOf, write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { type Column, counted, printable, relative, table } from './text.ts';

const VIEW_BATCH = 200;

const COLUMNS: readonly Column[] = [
  { title: 'id', width: SHORT_ID_LETTERS },
  { title: 'title' },
  { title: 'articles', width: 8, right: true },
  { title: 'health', width: 10 },
  { title: 'fetched', width: 10 },
  { title: 'next', width: 9 },
];

/** `--failing`: what is wrong instead of what is there. */
const COLUMNS_FAILING: readonly Column[] = [
  { title: 'id', width: SHORT_ID_LETTERS },
  { title: 'title' },
  { title: 'failures', width: 8, right: true },
  { title: 'last error', width: 24 },
  { title: 'next', width: 9 },
];

export const feedsListCommand: CommandSpec = {
  usage: 'list',
  about: 'list the feeds',
  options: [['--failing', 'only those whose last fetch failed']],
  json: 'an array of feeds; times in milliseconds since 1970',
  settings: ['store'],
  examples: ['feedferry feeds list', "feedferry feeds list --failing --json | jq -r '.[].url'"],
  async run(invocation) {
    const { io, json, options } = invocation;
    const failing = options.failing === true;
    await using store = await openedStore(invocation, { mustExist: true });
    const views: FeedView[] = [];
    let batch: Live<FeedRecord>[] = [];
    for await (const feed of allFeeds(store.feeds)) {
      if (failing && feed.content.errors === 0 && feed.content.state !== 'gone') continue;
      batch.push(feed);
      if (batch.length < VIEW_BATCH) continue;
      views.push(...(await viewFeeds(store, batch)));
      batch = [];
    }
    views.push(...(await viewFeeds(store, batch)));
    const byName = new Intl.Collator('en', { sensitivity: 'base', numeric: true });
    views.sort((a, b) => byName.compare(nameOf(a), nameOf(b)) || (a.id < b.id ? -1 : 1));
    await write(
      io.stdout,
      json ? `${JSON.stringify(views)}\n` : listText(views, failing, columnsOf(io.stdout), io.clock()),
    );
    return EXIT.done;
  },
};

function listText(views: readonly FeedView[], failingOnly: boolean, columns: number, now: number): string {
  if (views.length === 0)
    return failingOnly ? 'No feed is failing.\n' : 'No feeds. Add one: feedferry feeds add https://example.org/\n';
  if (failingOnly) {
    const rows = views.map((view) => failingRow(view, now));
    const more = 'What to do about one of them: feedferry feeds show ID';
    return `${table(COLUMNS_FAILING, rows, columns)}\n${counted(views.length, 'feed')}. ${more}\n`;
  }
  const failing = views.filter((view) => view.errors > 0).length;
  const rows = views.map((view) => row(view, now));
  const sum = `${counted(views.length, 'feed')}${failing === 0 ? '' : `, ${failing} failing`}`;
  return `${table(COLUMNS, rows, columns)}\n${sum}\n`;
}

function row(view: FeedView, now: number): string[] {
  const { id, articles, health, errors, triedAt } = view;
  return [
    id.slice(0, SHORT_ID_LETTERS),
    printable(nameOf(view)),
    articles.toLocaleString('en'),
    health === 'failing' ? `failing ${errors}` : health,
    relative(triedAt, now),
    nextText(view, now),
  ];
}

function failingRow(view: FeedView, now: number): string[] {
  const { id, errors, lastError } = view;
  const code = printable(lastError?.code ?? '');
  return [id.slice(0, SHORT_ID_LETTERS), printable(nameOf(view)), String(errors), code, nextText(view, now)];
}

function nextText(view: FeedView, now: number): string {
  if (view.health === 'gone' || view.health === 'paused') return 'never';
  return view.nextAt <= now ? 'due' : relative(view.nextAt, now);
}
