import type { Attempt, FeedRecord } from '../../store/documents.ts';
import { siteError } from '../errors.ts';
import { feedIdOf } from '../input.ts';
import type { Scope } from '../reading.ts';
import { headingOf, healthOf, type ShelfFeed } from '../shelf.ts';
import type { HubShown, Site } from '../site.ts';
import type { Page, Visit } from '../visit.ts';
import { folderField } from './add.ts';
import { sizeText } from './article.ts';
import { listBody, listTools } from './articles.ts';
import { feedTimes, feedTrouble } from './feeds.ts';
import { html, NOTHING, type Safe } from './html.ts';
import { ICONS } from './icons.ts';
import { shortUrl, webUrl } from './links.ts';
import { durationText, shortTime } from './time.ts';

/** `/feeds/ID`: one feed's articles, how it does, and what can be done with it. */
export async function feedPage(site: Site, visit: Visit): Promise<Page> {
  const id = feedIdOf(visit.params.id);
  const feed = visit.shelf.byId.get(id);
  const record = await recordOf(site, id, feed !== undefined);
  if (feed === undefined) return notFollowed(visit, id, record);
  const scope: Scope = { kind: 'feed', feed: id };
  const main = html`<div class="head"><h1 dir="auto">${feed.title}</h1>${await listTools(site, visit, scope, feed.unread)}</div>
${about(visit, feed, record, await hubOf(site, id))}
${await listBody(site, visit, scope, feed.unread)}`;
  return { title: feed.title, main, place: null, feed: id };
}

/** Null: there is none. A feed that is followed can be read without it while the store does not answer. */
async function recordOf({ options, reading }: Site, id: string, isFollowed: boolean): Promise<FeedRecord | null> {
  try {
    return (await reading.reads.orDown(options.store.feeds.get(id)))?.content ?? null;
  } catch (error) {
    if (isFollowed && reading.reads.canGoOnAfter(error)) return null;
    throw error;
  }
}

/** Null: none, or it can't be told while the store does not answer. */
async function hubOf({ options, reading }: Site, id: string): Promise<HubShown | null> {
  try {
    return (await reading.reads.orDown(options.hubOf?.(id) ?? Promise.resolve(null))) ?? null;
  } catch (error) {
    if (reading.reads.canGoOnAfter(error)) return null;
    throw error;
  }
}

function notFollowed(visit: Visit, id: string, record: FeedRecord | null): Page {
  if (record === null) throw siteError('SITE_FEED_UNKNOWN', 'There is no such feed.', { input: id });
  const heading = headingOf(record, id);
  const title = record.title === '' ? record.url : record.title;
  const feed = { id, title, ownTitle: null, folder: null, unread: 0, health: healthOf(heading), heading };
  const main = html`<div class="head"><h1 dir="auto">${title}</h1></div>
<p class="feed-times">${addresses(record)}${feedTimes(feed, visit.now)}</p>
<div class="empty"><p>You do not follow this feed.</p>
<form method="post" action="/feeds/${id}/follow"><button class="button button-strong" type="submit">Follow it</button></form></div>`;
  return { title, main, place: null };
}

function about(visit: Visit, feed: ShelfFeed, record: FeedRecord | null, hub: HubShown | null): Safe {
  const refresh = html`<form method="post" action="/feeds/${feed.id}/refresh"><button class="button" type="submit">${ICONS.refresh}Fetch now</button></form>`;
  return html`<section class="about" aria-label="About this feed">
${record === null || record.description === '' ? NOTHING : html`<p class="about-text" dir="auto">${record.description}</p>`}
<p class="feed-times">${record === null ? NOTHING : addresses(record)}${feedTimes(feed, visit.now)}${hubText(hub, visit.now)}</p>
${feedTrouble(feed, visit.now)}
<div class="about-tools">
${record === null ? NOTHING : refresh}
${settings(visit, feed)}
${record === null ? NOTHING : historyTable(record.history, visit.now)}
</div>
</section>`;
}

/** Who tells of new articles before they are looked for. */
function hubText(hub: HubShown | null, now: number): Safe {
  if (hub === null || hub.hub === null || hub.state === 'leaving') return NOTHING;
  const name = URL.canParse(hub.hub) ? new URL(hub.hub).host : hub.hub;
  if (hub.state === 'waiting' || hub.until === null) {
    return html`<span>Not pushed by <span dir="ltr">${name}</span> yet${hub.lastError === null ? NOTHING : html` (<code>${hub.lastError.code}</code>)`}</span>`;
  }
  const last = hub.lastPushAt === null ? 'nothing so far' : html`last ${shortTime(hub.lastPushAt, now)}`;
  return html`<span>Pushed by <span dir="ltr">${name}</span>, ${last}</span>`;
}

function addresses(record: FeedRecord): Safe {
  const site = webUrl(record.siteUrl);
  return html`${site === null ? NOTHING : html`<a class="wrap" dir="ltr" href="${site}" rel="noopener noreferrer">${shortUrl(site)}</a>`}<a href="${record.url}" rel="noopener noreferrer">Feed<span class="vh"> document</span></a>`;
}

/** The reader's own name and folder, and the way out. */
function settings(visit: Visit, feed: ShelfFeed): Safe {
  const folders = visit.shelf.folders.map((folder) => folder.name);
  return html`<details class="menu"><summary class="button">Settings</summary><div class="menu-body">
<form class="form" method="post" action="/feeds/${feed.id}/arrange">
<label for="own-title">Name <span class="muted">(empty: as the feed calls itself)</span></label>
<input id="own-title" name="title" type="text" maxlength="200" autocomplete="off" dir="auto" value="${feed.ownTitle}" placeholder="${feed.heading?.title}">
${folderField('own-folder', feed.folder ?? '', folders)}
<button class="button button-strong" type="submit">Save</button>
</form>
<form method="post" action="/feeds/${feed.id}/unfollow">
<p>Without this feed its articles leave your lists. What you read is remembered in case you follow it again, and starred
articles stay.</p>
<button class="button" type="submit">Stop following</button>
</form></div></details>`;
}

function historyTable(history: readonly Attempt[], now: number): Safe {
  if (history.length === 0) return NOTHING;
  return html`<details class="history"><summary>The last ${history.length === 1 ? 'visit' : `${history.length} visits`}</summary>
<div class="scroller" tabindex="0" role="region" aria-label="Visits"><table>
<thead><tr><th scope="col">When</th><th scope="col">Outcome</th><th scope="col">New</th><th scope="col">Changed</th><th scope="col">Size</th><th scope="col">Took</th></tr></thead>
<tbody>${history.map((one) => html`<tr><td>${shortTime(one.at, now)}</td><td>${outcomeText(one)}</td><td>${one.added}</td><td>${one.changed}</td><td>${sizeText(one.bytes)}</td><td>${one.ms < 1_000 ? `${one.ms} ms` : durationText(one.ms)}</td></tr>`)}</tbody>
</table></div></details>`;
}

function outcomeText({ outcome, message, status }: Attempt): Safe {
  if (outcome === 'ok') return html`fetched`;
  if (outcome === 'not-modified') return html`unchanged`;
  return html`<code>${outcome}</code>${message === '' ? NOTHING : html` ${message}`}${status === null ? NOTHING : html` <span class="muted">(${status})</span>`}`;
}
