import type { FastifyRequest } from 'fastify';
import { isOwnNavigation } from './guard.ts';
import { Fields } from './input.ts';
import { noticeText } from './notices.ts';
import type { Safe } from './pages/html.ts';
import { withParams } from './paths.ts';
import type { Shelf } from './shelf.ts';
import type { Site } from './site.ts';

/** One request for a page. */
export interface Visit {
  readonly now: number;
  readonly shelf: Shelf;
  readonly stars: number;
  /** Path and query of this page, without the notice: where its forms come back to. */
  readonly path: string;
  readonly query: Fields;
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly notice: string | null;
  /** Stands on every page for now. */
  readonly standing: string | null;
  /** A person opened the page from a page of this site. */
  readonly isOwnNavigation: boolean;
}

/** A page before it gets its frame. */
export interface Page {
  readonly title: string;
  readonly main: Safe;
  /** Which entry of the navigation it belongs to. */
  readonly place: 'all' | 'starred' | 'feeds' | 'add' | 'opml' | 'status' | null;
  /** The feed or folder to mark in the shelf. */
  readonly feed?: string;
  readonly folder?: string;
  /** HTTP status; 200 where it is not given. */
  readonly status?: number;
  /** Replaces the notice that the visit came with. */
  readonly warning?: string;
  readonly noShelf?: boolean;
  /** As it is after what the page itself changed. */
  readonly shelf?: Shelf;
}

export async function visitOf(site: Site, request: FastifyRequest): Promise<Visit> {
  const [path = '/', search = ''] = request.url.split('?', 2);
  const params = new URLSearchParams(search);
  params.delete('notice');
  params.delete('n');
  const query = new Fields(request.query);
  const notice = noticeText(query.text('notice'), Math.trunc(Number(query.text('n')) || 0));
  const shelf = await site.reading.shelf();
  return {
    now: site.options.clock(),
    shelf,
    stars: site.reading.states.stars().length,
    path: withParams(path, params),
    query,
    params: request.params as Record<string, string | undefined>,
    notice,
    standing: site.reading.reads.notice() ?? site.keeping.notice(),
    isOwnNavigation: request.method === 'GET' && isOwnNavigation(request.headers),
  };
}
