import { articlePath, type Origin } from '../paths.ts';
import type { ArticleList, ListedArticle } from '../reading.ts';
import { LOOKED_AT_MAX } from '../timeline.ts';
import type { Visit } from '../visit.ts';
import { attribute, html, NOTHING, type Safe } from './html.ts';
import { ICONS } from './icons.ts';
import { languageTag, webUrl } from './links.ts';
import { shortTime } from './time.ts';

/** Characters of a summary that stands in for a missing title. */
const TITLE_FROM_SUMMARY = 80;

export interface ListModel {
  readonly visit: Visit;
  readonly list: ArticleList;
  readonly origin: Origin;
  /** Lists of one feed need not name it in every row. */
  readonly namesFeeds: boolean;
  /** Where what is older stands; the list has a next page. */
  readonly olderPath: string | null;
  /** This is not the first page. */
  readonly newestPath: string | null;
}

/** The rows of a list, and the way to its other pages. */
export function articleList(model: ListModel): Safe {
  const { items } = model.list;
  return html`${
    items.length === 0
      ? NOTHING
      : html`<ol class="rows" role="list">${items.map((item, i) => row(model, item, items[i - 1] ?? items[i + 1]))}</ol>`
  }${pager(model)}`;
}

function pager({ list, olderPath, newestPath }: ListModel): Safe {
  if (olderPath === null && newestPath === null) return NOTHING;
  return html`<nav class="pager" aria-label="Pages">
${list.cutShort ? html`<p>${LOOKED_AT_MAX.toLocaleString('en-GB')} articles were looked through for this page.</p>` : NOTHING}
${newestPath === null ? NOTHING : html`<a class="button" href="${newestPath}">Newest</a>`}
${olderPath === null ? NOTHING : html`<a class="button" rel="next" href="${olderPath}">${list.cutShort ? 'Look further back' : 'Older'}</a>`}
</nav>`;
}

/** `neighbour`: where the page goes back to when this row leaves the list. */
function row(model: ListModel, item: ListedArticle, neighbour: ListedArticle | undefined): Safe {
  const { visit, origin } = model;
  const { id, article, feed, read, starred } = item;
  const here = `${visit.path}#${anchor(item)}`;
  if (article === null) return goneRow(item, here);
  const language = languageTag(feed?.heading?.language ?? null);
  const original = webUrl(article.url);
  const away = `${visit.path}${neighbour === undefined ? '' : `#${anchor(neighbour)}`}`;
  return html`<li class="row" id="${anchor(item)}" data-row data-read="${read ? 1 : 0}" data-starred="${starred ? 1 : 0}">
${toggle('read', id, read, away, read ? 'Mark as unread' : 'Mark as read', 'Read', ICONS.dot)}
<div class="row-text">
<h2 class="row-title"${attribute('lang', language)} dir="auto"><a href="${articlePath(id, origin)}" data-open>${titleOf(article)}</a></h2>
<p class="row-meta">${model.namesFeeds && feed !== null ? html`<a class="row-feed" href="/feeds/${feed.id}" dir="auto">${feed.title}</a>` : NOTHING}${
    model.namesFeeds || article.authors.length === 0
      ? NOTHING
      : html`<span dir="auto">${article.authors.join(', ')}</span>`
  }${shortTime(item.position.at, visit.now)}${
    original === null
      ? NOTHING
      : html`<a class="row-original" href="${original}" rel="noopener noreferrer" data-original>Original${ICONS.out}<span class="vh"> of ${titleOf(article)}</span></a>`
  }</p>
${article.summary === '' ? NOTHING : html`<p class="row-summary"${attribute('lang', language)} dir="auto">${article.summary}</p>`}
</div>
${toggle('star', id, starred, here, starred ? 'Take the star away' : 'Star', 'Star', ICONS.star)}
</li>`;
}

function goneRow(item: ListedArticle, here: string): Safe {
  return html`<li class="row" id="${anchor(item)}" data-read="1" data-starred="1">
<span></span>
<div class="row-text"><h2 class="row-title">An article that is no longer stored</h2>
<p class="row-summary">It was removed together with its feed. The star button takes it from this list.</p></div>
${toggle('star', item.id, true, here, 'Take the star away', 'Star', ICONS.star)}
</li>`;
}

/** A button that is on or off. `label` stays the same in both states, as `aria-pressed` tells them apart. */
export function toggle(
  what: 'read' | 'star',
  articleId: string,
  isOn: boolean,
  returnTo: string,
  title: string,
  label: string,
  icon: Safe,
): Safe {
  return html`<form class="toggle toggle-${what}" method="post" action="/articles/${articleId}/${what}" data-toggle="${what}">
<input type="hidden" name="return" value="${returnTo}"><input type="hidden" name="on" value="${isOn ? 0 : 1}">
<button type="submit" aria-pressed="${isOn ? 'true' : 'false'}" title="${title}">${icon}<span class="vh">${label}</span></button></form>`;
}

export function titleOf(article: { readonly title: string; readonly summary: string }): string {
  if (article.title !== '') return article.title;
  const { summary } = article;
  if (summary === '') return 'Untitled';
  return summary.length <= TITLE_FROM_SUMMARY ? summary : `${summary.slice(0, TITLE_FROM_SUMMARY).trimEnd()}…`;
}

function anchor(item: ListedArticle): string {
  return `a-${item.position.num}`;
}
