/** A publisher's view: every request with its time at the server, and what of it broke the limits. */
import type { ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { entries, type FeedSite, feedSite, type SiteFeed } from '../feed-site.ts';

export interface Access {
  readonly feed: string;
  readonly host: string;
  /** By the server's monotonic clock. */
  readonly start: number;
  /** Null: it is still being answered. */
  end: number | null;
  readonly response: ServerResponse;
}

export interface Publisher extends AsyncDisposable {
  readonly site: FeedSite;
  readonly log: Access[];
  readonly names: readonly string[];
  /** Of the feeds in order. */
  readonly urls: readonly string[];
  /** How long the answers take from now on; a promise holds one back. */
  answerAfter(wait: (access: Access) => number | Promise<void>): void;
  inFlight(): number;
}

export const ENTRIES = 3;

/** `feeds` feeds on `hosts` hosts of one network: `127.0.NET.1` and so on. */
export async function publisher(net: number, { feeds, hosts }: { feeds: number; hosts: number }): Promise<Publisher> {
  const log: Access[] = [];
  let wait: (access: Access) => number | Promise<void> = () => 20;
  const names = Array.from({ length: feeds }, (_, i) => `feed-${i}`);
  const hostOf = (i: number) => `127.0.${net}.${1 + (i % hosts)}`;
  const feed = (name: string, i: number): SiteFeed => ({
    ...{ entries: entries(ENTRIES), etag: `"${name}"` },
    before: async (response) => {
      const access: Access = { feed: name, host: hostOf(i), start: performance.now(), end: null, response };
      log.push(access);
      // Also where the crawler hangs up or dies.
      response.once('close', () => {
        access.end ??= performance.now();
      });
      const ms = wait(access);
      await (typeof ms === 'number' ? new Promise((resolve) => setTimeout(resolve, ms)) : ms);
    },
  });
  const site = await feedSite(Object.fromEntries(names.map((name, i) => [name, feed(name, i)])));
  return {
    ...{ site, log, names },
    urls: names.map((name, i) => site.at(hostOf(i), `/${name}`)),
    answerAfter: (next) => {
      wait = next;
    },
    inFlight: () => log.filter(({ end }) => end === null).length,
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}

/** The server's own timers: a request that came a little earlier may be noted a little later. */
const SERVER_MS = 5;

export interface Limits {
  readonly connections: number;
  readonly gapMs: number;
}

/** What a publisher would complain about, a line each. */
export function complaints(log: readonly Access[], { connections, gapMs }: Limits): string[] {
  const found: string[] = [];
  const byHost = Map.groupBy(log, ({ host }) => host);
  for (const [host, accesses] of byHost) {
    const ordered = accesses.toSorted((a, b) => a.start - b.start);
    for (const [i, access] of ordered.entries()) {
      const before = ordered.slice(0, i);
      const open = before.filter(({ end }) => end === null || end > access.start + SERVER_MS);
      if (open.length >= connections) {
        found.push(`${host}: ${access.feed} came while ${open.map(({ feed }) => feed).join(', ')} was being answered`);
      }
      const gap = access.start - (before.at(-1)?.start ?? Number.NEGATIVE_INFINITY);
      if (gap < gapMs - SERVER_MS) {
        found.push(`${host}: ${access.feed} came ${Math.round(gap)} ms after ${before.at(-1)?.feed}`);
      }
    }
  }
  return found;
}

/** How often each feed was asked for, where it was not `times`. */
export function notFetched(log: readonly Access[], names: readonly string[], times: number): string[] {
  const counts = Map.groupBy(log, ({ feed }) => feed);
  return names.flatMap((name) => {
    const count = counts.get(name)?.length ?? 0;
    return count === times ? [] : [`${name}: ${count}`];
  });
}
