import { listPath } from '../paths.ts';
import type { Shelf, ShelfFeed } from '../shelf.ts';
import type { Page, Visit } from '../visit.ts';
import { attribute, html, NOTHING, type Safe } from './html.ts';
import { ICONS } from './icons.ts';

/** Feeds in the shelf beside a page; past that only those with something unread, and the page of all feeds. */
const SHELF_FEEDS_MAX = 60;

export interface Frame {
  readonly asset: (name: string) => string;
  /** Null where the store could not be read. */
  readonly visit: Visit | null;
}

/** A whole document around a page. */
export function layout(frame: Frame, page: Page): Safe {
  const { asset, visit } = frame;
  const known = page.shelf ?? visit?.shelf ?? null;
  const shelf = page.noShelf === true || known?.feeds.length === 0 ? null : known;
  const unread = known?.unread ?? 0;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${page.place === 'all' && page.feed === undefined && unread > 0 ? `(${unread}) ` : ''}${page.title} · Feedferry</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="${asset('favicon.svg')}" type="image/svg+xml">
<link rel="preload" href="/static/fonts/source-sans-3-latin.woff2" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="${asset('site.css')}">
<script src="${asset('site.js')}" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
${header(page, unread)}
<div class="frame${shelf === null ? ' frame-plain' : ''}">
${shelf === null ? NOTHING : shelfNav(shelf, page)}
<main id="main" tabindex="-1">
${notices(page, visit)}
${page.main}
</main>
</div>
${footer(page)}
</body>
</html>
`;
}

function header(page: Page, unread: number): Safe {
  const link = (place: Page['place'], href: string, icon: Safe, text: string, after: Safe = NOTHING) =>
    html`<li><a href="${href}"${attribute('aria-current', page.place === place ? 'page' : null)}>${icon}<span>${text}</span>${after}</a></li>`;
  return html`<header class="bar">
<a class="brand" href="/">${ICONS.boat}<span>Feedferry</span></a>
<nav aria-label="Main"><ul>
${link('all', '/', ICONS.articles, 'Articles', count('all', unread, 'unread'))}
${link('starred', '/starred', ICONS.star, 'Starred')}
${link('feeds', '/feeds', ICONS.feeds, 'Feeds')}
${link('add', '/add', ICONS.add, 'Add')}
</ul></nav>
</header>`;
}

/** A number that the page's script keeps current; `key` names what it counts. Hidden at 0. */
export function count(key: string, n: number, what: string): Safe {
  return html` <span class="count" data-count="${key}"${n === 0 ? html` hidden` : NOTHING}>${n}<span class="vh"> ${what}</span></span>`;
}

function shelfNav(shelf: Shelf, page: Page): Safe {
  const isLong = shelf.feeds.length > SHELF_FEEDS_MAX;
  let room = SHELF_FEEDS_MAX;
  const take = (feeds: readonly ShelfFeed[]): readonly ShelfFeed[] => {
    const taken = feeds.filter((feed) => !isLong || feed.unread > 0).slice(0, room);
    room -= taken.length;
    return taken;
  };
  const loose = shelf.feeds.filter((feed) => feed.folder === null);
  const groups = shelf.folders.map((folder) => ({ folder, feeds: take(folder.feeds) }));
  return html`<nav class="shelf" aria-label="Your feeds">
${groups.map(
  ({ folder, feeds }) => html`<div class="shelf-group">
<a class="shelf-folder" href="${listPath({ kind: 'folder', folder: folder.name })}"${attribute('aria-current', page.folder === folder.name ? 'page' : null)}>${ICONS.folder}<span dir="auto">${folder.name}</span>${count(`folder:${folder.name}`, folder.unread, 'unread')}</a>
${shelfList(feeds, page)}</div>`,
)}
${groups.length > 0 && loose.length > 0 ? html`<p class="shelf-heading">Other feeds</p>` : NOTHING}
${shelfList(take(loose), page)}
${isLong ? html`<p class="shelf-more"><a href="/feeds">All ${shelf.feeds.length.toLocaleString('en-GB')} feeds</a></p>` : NOTHING}
</nav>`;
}

function shelfList(feeds: readonly ShelfFeed[], page: Page): Safe {
  if (feeds.length === 0) return NOTHING;
  return html`<ul>${feeds.map(
    (feed) =>
      html`<li><a href="${listPath({ kind: 'feed', feed: feed.id })}"${attribute('aria-current', page.feed === feed.id ? 'page' : null)}>${
        feed.health === 'failing' || feed.health === 'gone'
          ? html`<span class="trouble" title="Could not be fetched lately">${ICONS.warning}<span class="vh">Trouble: </span></span>`
          : NOTHING
      }<span dir="auto">${feed.title}</span>${count(`feed:${feed.id}`, feed.unread, 'unread')}</a></li>`,
  )}</ul>`;
}

function notices(page: Page, visit: Visit | null): Safe {
  const standing = visit?.standing ?? null;
  const above =
    standing === null
      ? NOTHING
      : html`<p class="notice notice-warning" role="status">${ICONS.warning}<span>${standing}</span></p>`;
  const text = page.warning ?? visit?.notice ?? null;
  if (text === null) return above;
  const isWarning = page.warning !== undefined;
  return html`${above}<p class="notice${isWarning ? ' notice-warning' : ''}" role="status">${isWarning ? ICONS.warning : ICONS.check}<span>${text}</span></p>`;
}

function footer(page: Page): Safe {
  const link = (place: Page['place'], href: string, text: string) =>
    html`<li><a href="${href}"${attribute('aria-current', page.place === place ? 'page' : null)}>${text}</a></li>`;
  return html`<footer class="foot">
<ul>
${link('opml', '/opml', 'Import and export')}
${link('status', '/status', 'Status')}
</ul>
<details class="keys" data-needs-script hidden><summary>Keyboard</summary>
<dl>
<div><dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next, previous article</dd></div>
<div><dt><kbd>o</kbd></dt><dd>open it</dd></div>
<div><dt><kbd>v</kbd></dt><dd>open the original page</dd></div>
<div><dt><kbd>m</kbd></dt><dd>read or unread</dd></div>
<div><dt><kbd>s</kbd></dt><dd>star</dd></div>
<div><dt><kbd>n</kbd></dt><dd>next unread article</dd></div>
<div><dt><kbd>g</kbd></dt><dd>back to the list</dd></div>
</dl></details>
</footer>`;
}
