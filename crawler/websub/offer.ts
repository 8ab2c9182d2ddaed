/** What a feed offers in place of polling: its hubs, and the URL by which they know it (W3C WebSub section 4). Pure. */
import type { ResponseHeaders } from '../http-exchange.ts';
import { withoutLogin } from '../login.ts';
import { isDowngrade } from '../permanent-redirect.ts';
import { headerLinks } from './link-header.ts';

/** Hubs of one feed that are tried, and characters of a URL that is worth keeping. */
const HUBS_MAX = 4;
const URL_CHARS_MAX = 2_048;

export interface Offer {
  /** In the order in which they are tried; one at least. */
  readonly hubs: readonly string[];
  readonly topic: string;
}

/** What the document says; undefined: it was not read, such as after a 304. */
export interface DocumentLinks {
  readonly hubs: readonly string[];
  readonly selfUrl: string | null;
}

/**
 * Headers win over the document. Null: nothing is offered. Undefined: this answer does not say, so that what was offered
 * before still is. A hub that is asked in the clear about a feed that is not would make the feed easier to forge: it is left out.
 * `url`: where the answer came from, after redirects.
 */
export function offerOf(
  headers: ResponseHeaders,
  url: string,
  document: DocumentLinks | undefined,
): Offer | null | undefined {
  const header = headerLinks(headers, url);
  if (header.hubs.length === 0 && document === undefined) return undefined;
  const topic = header.self ?? document?.selfUrl ?? (document === undefined ? undefined : withoutLogin(new URL(url)));
  if (topic === undefined) return undefined;
  const hubs = (header.hubs.length > 0 ? header.hubs : (document?.hubs ?? []))
    .filter((hub) => hub.length <= URL_CHARS_MAX && !isDowngrade(url, hub) && withoutLogin(new URL(hub)) === hub)
    .slice(0, HUBS_MAX);
  return hubs.length === 0 || topic.length > URL_CHARS_MAX ? null : { hubs, topic };
}

export function isSameOffer(a: Offer | null, b: Offer | null): boolean {
  if (a === null || b === null) return a === b;
  return a.topic === b.topic && a.hubs.length === b.hubs.length && a.hubs.every((hub, i) => hub === b.hubs[i]);
}
