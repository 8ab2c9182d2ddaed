import type { Action } from './actions/action.ts';
import { articleRead } from './actions/article-read.ts';
import { articleStar } from './actions/article-star.ts';
import { feedAdd } from './actions/feed-add.ts';
import { feedArrange } from './actions/feed-arrange.ts';
import { feedFollow } from './actions/feed-follow.ts';
import { feedRefresh } from './actions/feed-refresh.ts';
import { feedUnfollow } from './actions/feed-unfollow.ts';
import { markAllRead } from './actions/mark-all-read.ts';
import { opmlImport } from './actions/opml-import.ts';
import { addPage } from './pages/add.ts';
import { articlePage } from './pages/article.ts';
import { articlesPage } from './pages/articles.ts';
import { feedPage } from './pages/feed.ts';
import { feedsPage } from './pages/feeds.ts';
import { opmlPage } from './pages/opml.ts';
import { starredPage } from './pages/starred.ts';
import { statusPage } from './pages/status.ts';
import type { Site } from './site.ts';
import type { Page, Visit } from './visit.ts';

/** Longest time that a handler may take, ms; then the answer is SITE_TIMEOUT. */
const READ_MS_MAX = 30_000;
/** Discovery asks a site several times. */
const FETCH_MS_MAX = 120_000;

export interface PageRoute {
  readonly url: string;
  readonly page: (site: Site, visit: Visit) => Page | Promise<Page>;
  readonly msMax: number;
}

export interface ActionRoute {
  readonly url: string;
  readonly action: Action;
  readonly msMax: number;
  readonly isUpload: boolean;
  /** The reader must find what it brought in, also where they read from a replica. */
  readonly bringsArticles?: boolean;
}

/** Every page that can be opened. */
export const PAGES: readonly PageRoute[] = [
  { url: '/', page: articlesPage, msMax: READ_MS_MAX },
  { url: '/articles/:id', page: articlePage, msMax: READ_MS_MAX },
  { url: '/starred', page: starredPage, msMax: READ_MS_MAX },
  { url: '/feeds', page: (_site, visit) => feedsPage(visit), msMax: READ_MS_MAX },
  { url: '/feeds/:id', page: feedPage, msMax: READ_MS_MAX },
  { url: '/add', page: (_site, visit) => addPage(visit), msMax: READ_MS_MAX },
  { url: '/opml', page: opmlPage, msMax: READ_MS_MAX },
  { url: '/status', page: statusPage, msMax: READ_MS_MAX },
];

/** Every button that can be pressed. */
export const ACTIONS: readonly ActionRoute[] = [
  { url: '/articles/:id/read', action: articleRead, msMax: READ_MS_MAX, isUpload: false },
  { url: '/articles/:id/star', action: articleStar, msMax: READ_MS_MAX, isUpload: false },
  { url: '/mark-all-read', action: markAllRead, msMax: READ_MS_MAX, isUpload: false },
  { url: '/add', action: feedAdd, msMax: FETCH_MS_MAX, isUpload: false, bringsArticles: true },
  { url: '/feeds/:id/follow', action: feedFollow, msMax: READ_MS_MAX, isUpload: false, bringsArticles: true },
  { url: '/feeds/:id/unfollow', action: feedUnfollow, msMax: READ_MS_MAX, isUpload: false },
  { url: '/feeds/:id/arrange', action: feedArrange, msMax: READ_MS_MAX, isUpload: false },
  { url: '/feeds/:id/refresh', action: feedRefresh, msMax: READ_MS_MAX, isUpload: false, bringsArticles: true },
  { url: '/opml', action: opmlImport, msMax: FETCH_MS_MAX, isUpload: true, bringsArticles: true },
];
