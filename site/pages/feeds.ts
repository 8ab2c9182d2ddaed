import { adviceFor } from '../advice.ts';
import { listPath } from '../paths.ts';
import type { ShelfFeed } from '../shelf.ts';
import type { Page, Visit } from '../visit.ts';
import { html, NOTHING, type Safe } from './html.ts';
import { ICONS } from './icons.ts';
import { count } from './layout.ts';
import { shortUrl } from './links.ts';
import { relativeTime, shortTime } from './time.ts';

const PAGE_FEEDS = 100;

/** `/feeds`: what is followed, by folders, and how it does. `?show=trouble` leaves only what could not be fetched. */
export function feedsPage(visit: Visit): Page {
  const { shelf, query, now } = visit;
  const trouble = shelf.feeds.filter(isInTrouble);
  const isTroubleOnly = query.text('show') === 'trouble';
  const all = [
    ...shelf.folders.flatMap((folder) => folder.feeds),
    ...shelf.feeds.filter((feed) => feed.folder === null),
  ];
  const shown = isTroubleOnly ? all.filter(isInTrouble) : all;
  const after = query.text('after');
  const from = after === '' ? 0 : shown.findIndex((feed) => feed.id === after) + 1;
  const page = shown.slice(from, from + PAGE_FEEDS);
  const last = page.at(-1);
  const isMore = last !== undefined && from + page.length < shown.length;
  const show = isTroubleOnly ? 'show=trouble&' : '';
  const main = html`<div class="head"><h1>Feeds</h1>
<div class="tools">${
    shelf.feeds.length === 0
      ? NOTHING
      : html`<nav class="choice" aria-label="Which feeds"><a href="/feeds"${isTroubleOnly ? NOTHING : html` aria-current="true"`}>All ${shelf.feeds.length.toLocaleString('en-GB')}</a><a href="/feeds?show=trouble"${isTroubleOnly ? html` aria-current="true"` : NOTHING}>With trouble ${trouble.length.toLocaleString('en-GB')}</a></nav>`
  }<a class="button" href="/add">${ICONS.add}Add a feed</a></div></div>
${shelf.feeds.length === 0 ? html`<div class="empty"><p><strong>Nothing is followed yet.</strong></p><p><a href="/add">Add a feed</a> or <a href="/opml">import an OPML file</a>.</p></div>` : NOTHING}
${isTroubleOnly && shown.length === 0 && shelf.feeds.length > 0 ? html`<div class="empty"><p><strong>No trouble.</strong></p><p>Every feed could be fetched the last time.</p></div>` : NOTHING}
${grouped(page).map(({ name, feeds }) => group(name, feeds, shelf.folders.length > 0, now))}
${
  from > 0 || isMore
    ? html`<nav class="pager" aria-label="Pages">${from > 0 ? html`<a class="button" href="/feeds?${show}">First</a>` : NOTHING}${isMore ? html`<a class="button" rel="next" href="/feeds?${show}after=${last.id}">More feeds</a>` : NOTHING}</nav>`
    : NOTHING
}`;
  return { title: 'Feeds', main, place: 'feeds' };
}

export function isInTrouble(feed: ShelfFeed): boolean {
  return feed.health === 'failing' || feed.health === 'gone' || feed.health === 'missing';
}

function grouped(feeds: readonly ShelfFeed[]): { name: string | null; feeds: ShelfFeed[] }[] {
  return [...Map.groupBy(feeds, (feed) => feed.folder)].map(([name, inside]) => ({ name, feeds: inside }));
}

function group(name: string | null, feeds: readonly ShelfFeed[], hasFolders: boolean, now: number): Safe {
  const heading =
    name === null
      ? html`<h2 class="${hasFolders ? 'group' : 'vh'}">${hasFolders ? 'Without a folder' : 'All feeds'}</h2>`
      : html`<h2 class="group" dir="auto"><a href="${listPath({ kind: 'folder', folder: name })}">${name}</a></h2>`;
  return html`${heading}<ul class="feeds" role="list">${feeds.map((feed) => feedRow(feed, now))}</ul>`;
}

function feedRow(feed: ShelfFeed, now: number): Safe {
  const { heading } = feed;
  return html`<li class="feed">
<div class="feed-name"><h3><a href="/feeds/${feed.id}" dir="auto">${feed.title}</a></h3>${count(`feed:${feed.id}`, feed.unread, 'unread')}</div>
<p class="feed-times">${heading === null ? NOTHING : html`<span class="wrap" dir="ltr">${shortUrl(heading.siteUrl ?? heading.url)}</span>`}${feedTimes(feed, now)}</p>
${feedTrouble(feed, now)}
</li>`;
}

/** When it was fetched, when it will be, and why then. */
export function feedTimes({ heading }: ShelfFeed, now: number): Safe {
  if (heading === null) return html`<span>No record of this feed is left.</span>`;
  const fetched =
    heading.triedAt === null
      ? html`<span>Not fetched yet</span>`
      : html`<span>Fetched ${shortTime(heading.triedAt, now)}</span>`;
  if (heading.state === 'gone') return html`${fetched}<span>Not fetched any more</span>`;
  if (heading.state === 'paused') return html`${fetched}<span>Paused</span>`;
  const why = heading.nextWhy === '' ? '' : ` (${heading.nextWhy})`;
  if (heading.nextAt <= now) return html`${fetched}<span>Due now${why}</span>`;
  return html`${fetched}<span>Next ${shortTime(heading.nextAt, now)}${why}</span>`;
}

/** The last error, in plain words and with its code. */
export function feedTrouble(feed: ShelfFeed, now: number): Safe {
  const { heading } = feed;
  if (heading === null)
    return html`<p class="feed-trouble">${ICONS.warning}<span>Its record was removed from the store; add it again, or stop following it.</span></p>`;
  const { lastError, errors, succeededAt } = heading;
  if (!isInTrouble(feed) || lastError === null) return NOTHING;
  const advice = adviceFor(lastError.code);
  return html`<div class="feed-trouble">${ICONS.warning}<p>${advice === null ? NOTHING : html`${advice} `}<span class="muted">${
    errors > 1 ? `Failed ${errors} times in a row. ` : ''
  }${succeededAt === null ? 'It never worked so far. ' : `It last worked ${relativeTime(succeededAt, now)}. `}<span class="wrap">${lastError.message}</span> <code>${lastError.code}</code></span></p></div>`;
}
