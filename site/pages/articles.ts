import { listPath } from '../paths.ts';
import { feedsOf, type Scope } from '../reading.ts';
import type { Site } from '../site.ts';
import type { Page, Visit } from '../visit.ts';
import { articleList } from './article-list.ts';
import { html, type Safe } from './html.ts';
import { markAll, unreadOrAll } from './mark-all.ts';
import { relativeTime } from './time.ts';
import { welcomePage } from './welcome.ts';

/** `/` and `/?folder=NAME`: what is unread, or all, of everything or of one folder. */
export async function articlesPage(site: Site, visit: Visit): Promise<Page> {
  if (visit.shelf.feeds.length === 0) return welcomePage(visit);
  const folder = visit.query.text('folder');
  const scope: Scope = folder === '' ? { kind: 'all' } : { kind: 'folder', folder };
  const title = folder === '' ? 'Articles' : folder;
  const unread = feedsOf(visit.shelf, scope).reduce((sum, feed) => sum + feed.unread, 0);
  const main = html`<div class="head"><h1 dir="auto">${title}</h1>${await listTools(site, visit, scope, unread)}</div>
${await listBody(site, visit, scope, unread)}`;
  return folder === '' ? { title, main, place: 'all' } : { title, main, place: null, folder };
}

/** The choice and the button above a list. */
export async function listTools(site: Site, visit: Visit, scope: Scope, unread: number): Promise<Safe> {
  const showAll = isShowingAll(visit);
  // Before the list is read: an article that arrives in between is then above the bound.
  const bound = unread > 0 ? await site.reading.markBound(visit.shelf, scope) : null;
  return html`<div class="tools">${unreadOrAll(showAll, listPath(scope), listPath(scope, { showAll: true }))}
${markAll(scope, unread, bound, listPath(scope, { showAll }))}</div>`;
}

/** The rows, or what to do where there are none. */
export async function listBody(site: Site, visit: Visit, scope: Scope, unread: number): Promise<Safe> {
  const showAll = isShowingAll(visit);
  const before = visit.query.cursor('before');
  const list = await site.reading.list(visit.shelf, { scope, unreadOnly: !showAll, before });
  const rows = articleList({
    visit,
    list,
    origin: scope,
    namesFeeds: scope.kind !== 'feed',
    olderPath: list.next === null ? null : listPath(scope, { showAll, before: list.next }),
    newestPath: before === null ? null : listPath(scope, { showAll }),
  });
  if (list.items.length > 0) return rows;
  return html`${emptyList(visit, scope, showAll, unread)}${rows}`;
}

function isShowingAll(visit: Visit): boolean {
  return visit.query.text('show') === 'all';
}

function emptyList(visit: Visit, scope: Scope, showAll: boolean, unread: number): Safe {
  if (unread > 0) return html`<p class="empty">Nothing unread here; look further back.</p>`;
  const feeds = feedsOf(visit.shelf, scope);
  // What never brought anything has nothing to be read.
  if (showAll || feeds.every(({ heading }) => heading?.changedAt == null))
    return html`<div class="empty"><p><strong>No articles yet.</strong></p><p>${nextFetch(visit, scope)}</p></div>`;
  return html`<div class="empty"><p><strong>All read.</strong></p>
<p>${nextFetch(visit, scope)} <a href="${listPath(scope, { showAll: true })}">Show all articles</a></p></div>`;
}

function nextFetch(visit: Visit, scope: Scope): string {
  const times = feedsOf(visit.shelf, scope)
    .filter((feed) => feed.heading?.state === 'active')
    .map((feed) => feed.heading?.nextAt ?? 0);
  const isOne = scope.kind === 'feed';
  if (times.length === 0) return isOne ? 'It is not fetched at present.' : 'No feed is fetched here at present.';
  const soonest = times.reduce((a, b) => Math.min(a, b));
  const which = isOne ? 'It' : 'The next feed';
  // Whether anybody fetches it now is not known here: the crawlers may be paused, or run elsewhere.
  return soonest <= visit.now ? `${which} is due now.` : `${which} is fetched ${relativeTime(soonest, visit.now)}.`;
}
