import { shownOverrides } from '../crawler/overrides.ts';
import { type ShownSubscription, shownSubscription } from '../crawler/websub/websub.ts';
import type { Attempt, FeedRecord } from '../store/documents.ts';
import type { CommandSpec } from './command.ts';
import { EXIT } from './exit.ts';
import { type FeedView, nameOf, viewFeeds } from './feed-view.ts';
import { findFeed } from './find-feed.ts';
import { columnsOf, write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { overridesText } from './overrides-text.ts';
import { bytes, type Column, moment, printable, relative, span, table, wrap } from './text.ts';

const LABEL_COLUMNS = 11;

const HISTORY: readonly Column[] = [
  { title: 'when (UTC)', width: 16 },
  { title: 'outcome' },
  { title: 'took', width: 7, right: true },
  { title: 'bytes', width: 8, right: true },
  { title: 'new', width: 5, right: true },
  { title: 'changed', width: 7, right: true },
];

export const feedsShowCommand: CommandSpec = {
  usage: 'show <feed>',
  about: 'show one feed: what it is, its history, when it is fetched next and why',
  args: { feed: 'its id, the first letters of the id, or its URL' },
  json: 'one object; times in milliseconds since 1970',
  settings: ['store'],
  examples: ['feedferry feeds show k3v6x2ab', 'feedferry feeds show https://example.org/feed.xml --json'],
  async run(invocation) {
    const { io, json, args } = invocation;
    await using store = await openedStore(invocation, { mustExist: true });
    const feed = await findFeed(store.feeds, args[0] ?? '');
    const [view] = await viewFeeds(store, [feed]);
    if (view === undefined) return EXIT.failed;
    const { description, language, etag, lastModified, moved = null, missing = null, history } = feed.content;
    const overrides = shownOverrides(feed.content.overrides);
    const hub = await shownSubscription(store, feed.id);
    const more = { description, language, etag, lastModified, moved, missing, overrides, hub, history };
    const text = json
      ? JSON.stringify({ ...view, ...more })
      : showText(view, feed.content, hub, columnsOf(io.stdout), io.clock());
    await write(io.stdout, `${text}\n`);
    return EXIT.done;
  },
};

function showText(
  view: FeedView,
  feed: FeedRecord,
  hub: ShownSubscription | null,
  columns: number,
  now: number,
): string {
  const facts: [string, string][] = [
    ['id', view.id],
    ['url', view.url],
    ['moves to', movesText(feed)],
    ['missing', missingText(feed)],
    ['site', view.siteUrl ?? '-'],
    ['set', setText(feed)],
    ['followed', followedText(view)],
    ['articles', view.articles.toLocaleString('en')],
    ['health', view.health],
    ['fetched', whenText(view.triedAt, now)],
    ['changed', whenText(view.changedAt, now)],
    ['next', nextText(view, now)],
    ['interval', span(view.intervalMs)],
    ['hub', hubText(feed, hub, now)],
  ];
  if (view.lastError !== null) {
    const { code, message, at, advice } = view.lastError;
    facts.push(['last error', `${code}: ${message} (${relative(at, now)})`], ['', advice]);
  }
  const indent = ' '.repeat(LABEL_COLUMNS + 2);
  const lines = facts
    .filter(([, value]) => value !== '')
    .map(
      ([label, value]) => `  ${label.padEnd(LABEL_COLUMNS)}${wrap(printable(value), columns - indent.length, indent)}`,
    );
  return `${printable(nameOf(view))}\n\n${lines.join('\n')}\n\n${historyText(feed.history, columns)}`.trimEnd();
}

function movesText({ moved }: FeedRecord): string {
  if (!moved) return '';
  if (moved.heldBy !== undefined) return `${moved.to}, which the feed ${moved.heldBy} is fetched from already`;
  return `${moved.to}, by permanent redirects since ${moment(moved.since)}; adopted when they last`;
}

function missingText({ missing }: FeedRecord): string {
  if (!missing) return '';
  const since = `not found (404) since ${moment(missing.since)}`;
  return missing.found === null ? since : `${since}; its site now names ${missing.found.url}, adopted if that lasts`;
}

function hubText({ webSub }: FeedRecord, hub: ShownSubscription | null, now: number): string {
  if (hub === null) return webSub ? `${webSub.hubs.join(', ')}, not subscribed: see docs/websub.md` : '';
  const name = hub.hub ?? '-';
  const last = hub.lastPushAt === null ? 'nothing pushed so far' : `last push ${whenText(hub.lastPushAt, now)}`;
  if (hub.until !== null) return `${name} pushes until ${moment(hub.until)}; ${last}`;
  const why = hub.lastError === null ? '' : `; ${hub.lastError.code}: ${hub.lastError.message}`;
  if (hub.state === 'leaving') return `${name} is being told that its pushes are not wanted any more`;
  const next = hub.retryAt === null || hub.retryAt <= now ? '' : `; asked again ${whenText(hub.retryAt, now)}`;
  return `${name} does not push it at the moment${why}${next}`;
}

function setText({ overrides }: FeedRecord): string {
  const shown = shownOverrides(overrides);
  return shown === null ? '' : overridesText(shown);
}

function followedText(view: FeedView): string {
  if (!view.followed) return 'no';
  return view.folder === null ? 'yes' : `yes, in the folder ${view.folder}`;
}

function whenText(at: number | null, now: number): string {
  return at === null ? 'never' : `${relative(at, now)} (${moment(at)})`;
}

function nextText(view: FeedView, now: number): string {
  if (view.health === 'gone') return 'never: the publisher has taken the feed away';
  if (view.health === 'paused') return 'not while it is paused';
  const when = view.nextAt <= now ? 'due now' : whenText(view.nextAt, now);
  return view.nextWhy === '' ? when : `${when}: ${view.nextWhy}`;
}

function historyText(history: readonly Attempt[], columns: number): string {
  if (history.length === 0) return 'No fetch yet.';
  const rows = history.map((attempt) => [
    moment(attempt.at).slice(0, 16),
    printable(attempt.outcome),
    span(attempt.ms),
    bytes(attempt.bytes),
    String(attempt.added),
    String(attempt.changed),
  ]);
  return table(HISTORY, rows, columns);
}
