/** The feeds that a pass takes up, as jobs, a page at a time. */
import type { Live, Store } from '../store/contract.ts';
import type { FeedRecord } from '../store/documents.ts';
import type { Job } from './queue/contract.ts';

const PAGE_SIZE = 500;

/** Feeds that are taken into the queue of one process; the others stay due in the store. */
export const WAITING_MAX = 20_000;

/**
 * An import spreads the first fetches of its feeds over at most this, so that a running crawler is not flooded. A pass
 * that somebody asked for takes them all.
 */
export const IMPORT_SPREAD_MS_MAX = 30 * 60_000;

/** Reads through the store session: retried as all else. */
export type Read = <T>(operation: (store: Store) => Promise<T>) => Promise<T>;

export interface Choice {
  readonly now: number;
  /** Due or not. */
  readonly force: boolean;
  /** Ids; undefined: all. */
  readonly feeds: readonly string[] | undefined;
}

/** Would this pass take the feed up? Feeds that were named are taken even where they are gone or paused. */
export function isWanted(choice: Choice, record: FeedRecord): boolean {
  if (choice.feeds === undefined && record.state !== 'active') return false;
  return choice.force || record.nextAt <= choice.now || record.triedAt === null;
}

export async function* wantedFeeds(read: Read, choice: Choice): AsyncGenerator<Job[]> {
  if (choice.feeds !== undefined) yield* named(read, choice, [...new Set(choice.feeds)]);
  else if (choice.force) yield* all(read, choice);
  else yield* due(read, choice);
}

async function* named(read: Read, choice: Choice, ids: readonly string[]): AsyncGenerator<Job[]> {
  for (let from = 0; from < ids.length; from += PAGE_SIZE) {
    const page = ids.slice(from, from + PAGE_SIZE);
    const found = await read((store) => store.feeds.getMany(page));
    yield page.flatMap((id) => jobOf(found.get(id), choice));
  }
}

async function* all(read: Read, choice: Choice): AsyncGenerator<Job[]> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const options: { limit: number; after?: string } =
      after === '' ? { limit: PAGE_SIZE } : { limit: PAGE_SIZE, after };
    const page: Live<FeedRecord>[] = await read((store) => store.feeds.scan(options));
    yield page.flatMap((live) => jobOf(live, choice));
    after = page.length < PAGE_SIZE ? undefined : page.at(-1)?.id;
  }
}

/** By the index of due times; of those that an import has spread over the next minutes the record is read. */
async function* due(read: Read, choice: Choice): AsyncGenerator<Job[]> {
  const query = { now: choice.now + IMPORT_SPREAD_MS_MAX, limit: PAGE_SIZE };
  for (let after: { nextAt: number; id: string } | undefined, more = true; more; ) {
    const page = await read((store) => store.feeds.due(after === undefined ? query : { ...query, after }));
    const ahead = page.filter(({ nextAt }) => nextAt > choice.now).map(({ id }) => id);
    const records = ahead.length === 0 ? new Map() : await read((store) => store.feeds.getMany(ahead));
    yield page.flatMap(({ id, url, nextAt }) => {
      if (nextAt <= choice.now) return { feed: id, url, nextAt, urgent: false };
      return jobOf(records.get(id), choice);
    });
    after = page.at(-1);
    more = page.length === PAGE_SIZE;
  }
}

function jobOf(live: Live<FeedRecord> | undefined, choice: Choice): Job | [] {
  if (live === undefined || !isWanted(choice, live.content)) return [];
  return { feed: live.id, url: live.content.url, nextAt: live.content.nextAt, urgent: false };
}
