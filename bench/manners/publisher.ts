/** One publisher of the play: how it answers, and what is true about it. What it asks for is said in so many ms. */
import type { IncomingHttpHeaders } from 'node:http';

/** A request, as a publisher sees it. */
export interface Ask {
  readonly headers: IncomingHttpHeaders;
  /** Simulated, ms since 1970. */
  readonly now: number;
  /** How much of the play is over, 0 to 1; for a feed that is imported later, of what is left then. */
  readonly part: number;
  /** The part of its own day, 0 to 24. */
  readonly hour: number;
  readonly day: number;
  /** So many requests came to this publisher before. */
  readonly nth: number;
  /** Of the URLs below: which one was asked for. */
  readonly at: Place;
  /** So many entries it has published. */
  readonly step: number;
  readonly modifiedMs: number;
}

/**
 * A publisher has a feed at `home`, another place on its own host (`beside`), one on a host of its own (`away`), one on a
 * host that several publishers share (`hub`), and the page of its site.
 */
export type Place = 'home' | 'beside' | 'away' | 'hub' | 'page';

export const PLACES: readonly Place[] = ['home', 'beside', 'away', 'hub', 'page'];

type Headers = Readonly<Record<string, string | readonly string[]>>;

interface Common {
  readonly headers?: Headers;
  /** It takes so long to answer. Default 0. */
  readonly takesMs?: number;
  /** What this answer asks a crawler to wait for this feed, by the publisher's own lights. Default 0. */
  readonly asksMs?: number;
  /** The same for all that is on this host. */
  readonly hostAsksMs?: number;
}

export type Reply = Common &
  (
    | {
        readonly kind: 'document';
        readonly etag?: string | null;
        readonly lastModified?: string | null;
        /** Elements of the channel. */
        readonly channel?: string;
        /** It does not look at conditions. */
        readonly deaf?: boolean;
        /** Whoever sends any condition gets a 304 as long as nothing is new, whatever the ETag of the day. */
        readonly renews?: boolean;
        /** Its 304s carry no validators. */
        readonly bare304?: boolean;
        /** A web page in place of the feed, with these very headers. */
        readonly unreadable?: boolean;
        /** The connection breaks in the middle of the body. */
        readonly breaks?: boolean;
      }
    | { readonly kind: 'status'; readonly status: number }
    | { readonly kind: 'redirect'; readonly status: 301 | 302 | 303 | 307 | 308; readonly to: Place }
    /** Names the feed at `feed`; null: none. */
    | { readonly kind: 'page'; readonly feed: Place | null }
    | { readonly kind: 'silence' }
  );

/** What holds for a feed as long as it lives, and what must come of it. */
export interface Truth {
  /** Its document asks never to be fetched more often. */
  readonly everyMs?: number;
  readonly skipHours?: readonly number[];
  /** 0: Sunday. */
  readonly skipDays?: readonly number[];
  /** Where permanent redirects lead: to be adopted, but after the confirmations only. */
  readonly movesTo?: Place;
  /** Where its page says that it is, after a long 404. */
  readonly foundAt?: Place;
  /** Redirected for now, for ever: `home` stays its address. */
  readonly staysHome?: boolean;
}

export interface PublisherKind {
  readonly about: string;
  readonly truth?: Truth;
  answer(ask: Ask): Reply;
}
