import type { Position } from '../../store/contract.ts';
import type { Article, Enclosure } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import { articleIdOf, type Fields, scopeOf } from '../input.ts';
import { articlePath, type Origin, originPath } from '../paths.ts';
import { feedOfArticle, placeOfStar } from '../reader-states.ts';
import type { Shelf } from '../shelf.ts';
import type { Site } from '../site.ts';
import { isNewer } from '../timeline.ts';
import type { Page, Visit } from '../visit.ts';
import { titleOf, toggle } from './article-list.ts';
import { attribute, html, NOTHING, type Safe, trusted } from './html.ts';
import { ICONS } from './icons.ts';
import { languageTag, webUrl } from './links.ts';
import { fullTime } from './time.ts';

/** Enclosures shown of one article. */
const ENCLOSURES_MAX = 20;

/**
 * `/articles/ID`. A click on a page of this site marks the article read; a prefetch, a bookmark or another site's link
 * does not, so that no GET from elsewhere changes anything (`guard.ts`).
 */
export async function articlePage(site: Site, visit: Visit): Promise<Page> {
  const id = articleIdOf(visit.params.id);
  const article = withWebLinks((await site.reading.article(id)).content);
  const origin = originOf(visit.query, id);
  const warning = await open(site, visit, id, article.num);
  const shelf = await site.reading.shelf();
  const feed = shelf.byId.get(article.feed) ?? null;
  const isRead = site.reading.states.isRead(article.feed, article.num);
  const next = await nextPath(site, shelf, origin, article);
  const language = attribute('lang', languageTag(feed?.heading?.language ?? null));
  const main = html`<article class="article" data-row data-read="${isRead ? 1 : 0}">
<header class="article-head">
<p class="article-from">${feed === null ? html`<a href="/feeds/${article.feed}">A feed that you do not follow</a>` : html`<a href="/feeds/${feed.id}" dir="auto">${feed.title}</a>`}</p>
<h1${language} dir="auto">${titleOf(article)}</h1>
<p class="article-meta">${article.authors.length === 0 ? NOTHING : html`<span class="article-authors" dir="auto">${article.authors.join(', ')}</span>`}${
    article.published === null
      ? html`<span>Arrived ${fullTime(article.arrived, visit.now)}</span>`
      : fullTime(article.published, visit.now)
  }</p>
${articleTools(visit, id, article, origin, { isRead, isStarred: site.reading.states.isStarred(id) })}
</header>
<div class="article-body"${language} dir="auto">${bodyOf(article)}</div>
${enclosures(article.enclosures)}
${article.categories.length === 0 ? NOTHING : html`<ul class="tags" aria-label="Categories">${article.categories.map((category) => html`<li dir="auto">${category}</li>`)}</ul>`}
</article>
<nav class="pager" aria-label="Articles"><a class="button" href="${originPath(origin)}" data-back>Back to the list</a>
${next === null ? NOTHING : html`<a class="button button-strong" href="${next}" data-next rel="next">${origin.kind === 'starred' ? 'Next' : 'Next unread'}</a>`}</nav>`;
  const page: Page = { title: titleOf(article), main, place: placeOf(origin), feed: article.feed, shelf };
  return warning === null ? page : { ...page, warning };
}

/** Only links that lead to the web. */
function withWebLinks(article: Article): Article {
  const enclosures = article.enclosures.filter((enclosure) => webUrl(enclosure.url) !== null);
  return { ...article, url: webUrl(article.url), enclosures };
}

/** Marks it read; returns what went wrong in words, as reading goes on even where nothing can be written. */
async function open(site: Site, visit: Visit, id: string, num: number): Promise<string | null> {
  site.metrics.articlesOpened += 1;
  if (!visit.isOwnNavigation || site.reading.states.isRead(feedOfArticle(id), num)) return null;
  // The page says so already.
  if (!site.reading.reads.primaryAnswers) return null;
  try {
    await site.reading.states.setRead(id, true);
    return null;
  } catch (error) {
    if (codeOf(error) === 'DATABASE_READ_ONLY') {
      return 'This site is read-only for the moment: the article stays unread.';
    }
    site.options.log.error({ err: error, code: codeOf(error), article: id }, 'an opened article was not marked read');
    return `The article could not be marked as read (${codeOf(error)}).`;
  }
}

function articleTools(
  visit: Visit,
  id: string,
  article: Article,
  origin: Origin,
  state: { readonly isRead: boolean; readonly isStarred: boolean },
): Safe {
  const button = (what: 'read' | 'star', on: boolean, returnTo: string, icon: Safe, text: string) =>
    html`<form method="post" action="/articles/${id}/${what}"><input type="hidden" name="return" value="${returnTo}"><input type="hidden" name="on" value="${on ? 1 : 0}"><button class="button" type="submit" data-do="${what}">${icon}${text}</button></form>`;
  return html`<div class="article-tools">
${article.url === null ? NOTHING : html`<a class="button" href="${article.url}" rel="noopener noreferrer" data-original>Original<span class="vh"> page</span>${ICONS.out}</a>`}
${toggle('star', id, state.isStarred, visit.path, state.isStarred ? 'Take the star away' : 'Star', 'Star', ICONS.star)}
${state.isRead ? button('read', false, originPath(origin), ICONS.dot, 'Mark as unread') : button('read', true, visit.path, ICONS.check, 'Mark as read')}
</div>`;
}

function bodyOf(article: Article): Safe {
  if (article.html !== '') return trusted(article.html);
  if (article.summary !== '') return html`<p>${article.summary}</p>`;
  return html`<p class="muted">The feed carries no text of this article.${article.url === null ? NOTHING : html` <a href="${article.url}" rel="noopener noreferrer">Read the original</a>.`}</p>`;
}

function enclosures(all: readonly Enclosure[]): Safe {
  if (all.length === 0) return NOTHING;
  return html`<section class="enclosures" aria-label="Attachments"><h2>Attachments</h2><ul>${all.slice(0, ENCLOSURES_MAX).map((one) => html`<li>${player(one)}<a href="${one.url}" rel="noopener noreferrer">${fileName(one.url)}</a> <span class="muted">${[one.type, one.length === null || one.length <= 0 ? null : sizeText(one.length)].filter((part) => part !== null).join(', ')}</span></li>`)}</ul></section>`;
}

function player({ url, type }: Enclosure): Safe {
  if (type?.startsWith('audio/')) return html`<audio controls preload="none" src="${url}"></audio>`;
  if (type?.startsWith('video/')) return html`<video controls preload="none" src="${url}"></video>`;
  return NOTHING;
}

function fileName(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : url;
  return decodeSafely(path.split('/').findLast((part) => part !== '') ?? url);
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  let size = bytes / 1024;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

function originOf(query: Fields, id: string): Origin {
  const kind = query.text('in');
  if (kind === 'starred') return { kind };
  return kind === 'feed' ? { kind, feed: feedOfArticle(id) } : scopeOf(query);
}

function placeOf(origin: Origin): Page['place'] {
  return origin.kind === 'starred' ? 'starred' : origin.kind === 'all' ? 'all' : null;
}

/** The next older unread article of the list it was opened from; after the last one, the newest; null: all are read. */
async function nextPath(site: Site, shelf: Shelf, origin: Origin, here: Position): Promise<string | null> {
  if (origin.kind === 'starred') {
    const star = site.reading.states.stars().find((one) => isNewer(here, placeOfStar(one)));
    return star === undefined ? null : articlePath(star.article, origin);
  }
  for (const before of [{ at: here.at, num: here.num }, null]) {
    const { items } = await site.reading.list(shelf, { scope: origin, unreadOnly: true, before, limit: 1 });
    const [item] = items;
    if (item !== undefined) return articlePath(item.id, origin);
  }
  return null;
}
