/** A line of the publishers' log: a request and its answer, with all that the scorer needs to judge it later. */
import type { Access } from '../feed-world/access-log.ts';
import type { Place } from './publisher.ts';

export interface Visit extends Access {
  /** In the order of arrival. */
  readonly seq: number;
  /** Of the publisher; null: nothing of ours was asked for. `feed` is the same where its document was. */
  readonly publisher: number | null;
  /** Null: the request was for something that does not exist. */
  readonly place: Place | null;
  /** Without the port: what a host's budget goes by. */
  readonly address: string;
  /** Requests that this host had in hand when this one came, itself included. */
  readonly inHand: number;
  /** Simulated; null: never answered, or the client went away before. */
  readonly endMs: number | null;
  /** Where a redirect led: absolute. */
  readonly location: string | null;
  /** Validators that came with a 200 or 304 that arrived whole. Null: nothing that could be remembered. */
  readonly gave: { readonly etag: string | null; readonly lastModified: string | null } | null;
  /** What came was no feed; a crawler may keep its old validators or take these. */
  readonly unreadable: boolean;
  readonly asksMs: number;
  readonly hostAsksMs: number;
  /** The crawler was killed before it could keep what it was answered. */
  readonly lost: boolean;
}

/** One line for people; what could be anybody's secret is not in it, for there is none. */
export function shownVisit(visit: Visit): string {
  const sent = ['if-none-match', 'if-modified-since', 'cookie', 'referer', 'authorization']
    .flatMap((name) => (visit.headers[name] === undefined ? [] : [`${name}: ${String(visit.headers[name])}`]))
    .join('; ');
  const gave = visit.gave === null ? '' : ` gave ${visit.gave.etag ?? '-'} ${visit.gave.lastModified ?? '-'}`;
  const asks = visit.asksMs > 0 ? ` asks ${visit.asksMs / 1_000} s` : '';
  const lost = visit.lost ? ' LOST' : '';
  const at = new Date(visit.worldMs).toISOString();
  return `#${visit.seq} ${at} ${visit.host}${visit.path} [${sent}] -> ${visit.status ?? 'nothing'}${gave}${asks}${lost}`;
}
