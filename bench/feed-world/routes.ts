import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerFeed, type Sent } from './answer.ts';
import type { WorldFeed } from './feed.ts';
import { hostPage, type Page, sitePage } from './pages.ts';
import type { Shelf } from './shelf.ts';
import type { World } from './world.ts';

/** What a request is for. */
export interface Route {
  /** Where the request is for a feed document. */
  readonly feed: WorldFeed | null;
  readonly delayMs: number;
  answer(request: IncomingMessage, response: ServerResponse): Sent;
}

/** `origins`: `http://ADDRESS:PORT` of each host. */
export function makeRoutes(
  world: World,
  shelf: Shelf,
  origins: readonly string[],
): (host: number, path: string) => Route {
  const sites = sitesByHost(world);
  return (host, path) => {
    const [, slug = '', below = ''] = /^\/([^/]*)\/?(.*)$/.exec(path) ?? [];
    const here = sites[host] ?? new Map<string, WorldFeed>();
    const feed = here.get(slug);
    if (feed && (path === feed.path || path === feed.listedPath)) {
      const listed = path === feed.listedPath;
      return {
        feed,
        delayMs: feed.kind === 'slow' ? world.options.slowMs : 0,
        answer: (request, response) => answerFeed(request, response, feed, shelf, world.options, listed),
      };
    }
    const page = (): Page | undefined => pageAt(world, here, slug, below, origins[host] ?? '');
    return { feed: null, delayMs: 0, answer: (request, response) => answerPage(request, response, page()) };
  };
}

/** For each host, its sites by slug. */
function sitesByHost(world: World): Map<string, WorldFeed>[] {
  const sites = Array.from({ length: world.options.hosts }, () => new Map<string, WorldFeed>());
  for (const feed of world.feeds) sites[feed.host]?.set(feed.slug, feed);
  return sites;
}

function pageAt(
  world: World,
  sites: ReadonlyMap<string, WorldFeed>,
  slug: string,
  below: string,
  origin: string,
): Page | undefined {
  const feed = sites.get(slug);
  if (feed) return sitePage(world, feed, below, origin);
  if (slug !== '') return undefined;
  const [only, ...others] = sites.values();
  return only && others.length === 0 ? sitePage(world, only, '', origin) : hostPage([...sites.values()], origin);
}

function answerPage(request: IncomingMessage, response: ServerResponse, page: Page | undefined): Sent {
  const status = page === undefined ? 404 : 200;
  const body = page?.body ?? '404\n';
  const bytes = Buffer.byteLength(body);
  response.writeHead(status, { 'content-type': page?.contentType ?? 'text/plain', 'content-length': bytes });
  response.end(request.method === 'HEAD' ? undefined : body);
  return { status, bytes: request.method === 'HEAD' ? 0 : bytes };
}
