import type { Clock, Mode, Store } from '../../store/contract.ts';
import { CodedError } from '../../store/errors.ts';
import { kindOf } from '../../store/shut-out.ts';
import { crawlerError } from '../errors.ts';
import type { Queue } from '../queue/contract.ts';
import { within } from '../within.ts';
import { CRAWLER, type Pause, type PauseState, readPause } from './note.ts';
import { type CrawlerProcess, listProcesses, SEEN_MS_MAX } from './processes.ts';

export interface CrawlersStatus {
  readonly state: PauseState;
  /** A sentence for people. */
  readonly sentence: string;
  /** Of the pause, or of when it was resumed; null: there never was one. */
  readonly note: Pick<Pause, 'since' | 'by' | 'why' | 'fencedAt' | 'readOnly'> | null;
  readonly processes: readonly (CrawlerProcess & { readonly isSeen: boolean })[];
  /** Of those that were seen lately. */
  readonly inFlight: number;
  readonly nextDueAt: number | null;
  readonly modes: { readonly articles: Mode; readonly feeds: Mode };
  /** Open writers of crawlers, as the store has them: `articles: crawler: serve`. */
  readonly writers: readonly string[];
  /** Null: there is none that processes share, or it does not answer. */
  readonly queue: { readonly waiting: number; readonly claimed: number; readonly isPaused: boolean } | null;
  /** Why the shared queue does not answer. The store has the last word, so that the rest is true all the same. */
  readonly queueError: { readonly code: string; readonly message: string } | null;
}

export interface StatusOptions {
  readonly store: Store;
  readonly queue?: Queue | undefined;
  readonly clock: Clock;
  /** The queue may take so long to answer; default 5 s. */
  readonly queueMsMax?: number | undefined;
}

/** Throws what the store throws. */
export async function crawlersStatus({ store, queue, clock, queueMsMax }: StatusOptions): Promise<CrawlersStatus> {
  const now = clock();
  const note = await readPause(store.control);
  const processes = (await listProcesses(store.control)).map(({ rev: _, ...one }) => ({
    ...one,
    isSeen: Math.abs(now - one.seenAt) <= SEEN_MS_MAX,
  }));
  const inFlight = processes.reduce((sum, one) => sum + (one.isSeen ? one.inFlight : 0), 0);
  const state = note?.state ?? 'running';
  const seen = processes.filter(({ isSeen }) => isSeen);
  return {
    state,
    sentence: sentenceOf(note, seen, inFlight),
    note: note === undefined ? null : picked(note),
    processes,
    inFlight,
    nextDueAt: await store.feeds.nextDueAt(),
    modes: { articles: await store.articles.mode(), feeds: await store.feeds.mode() },
    writers: await writersOf(store),
    ...(await queueOf(queue, queueMsMax)),
  };
}

function picked({ since, by, why, fencedAt, readOnly }: Pause): CrawlersStatus['note'] {
  return { since, by, why, fencedAt, readOnly };
}

function sentenceOf(note: Pause | undefined, seen: readonly CrawlerProcess[], inFlight: number): string {
  switch (note?.state) {
    case 'paused':
      return 'paused: no crawler can write';
    case 'pausing':
      return inFlight > 0
        ? `pausing: nothing is claimed any more; ${inFlight} feeds are still being fetched`
        : 'pausing: nothing is claimed any more; that nobody can write is proven by `crawlers pause --wait`';
    case 'fencing':
      return 'pausing: the writers of crawlers are being fenced; if nobody is at it, run `crawlers pause --wait` again';
    case 'resuming':
      return 'resuming; if nobody is at it, run `crawlers resume` again';
    default:
      if (seen.length === 0) return 'not paused; no crawler was seen lately';
      return seen.every(({ state }) => state === 'waiting')
        ? 'not paused; its crawlers wait for the store or the queue'
        : 'crawling';
  }
}

/** A queue that is away takes longer to say so than anybody wants to wait for a status. */
const QUEUE_MS_MAX = 5_000;

async function queueOf(
  queue: Queue | undefined,
  msMax = QUEUE_MS_MAX,
): Promise<Pick<CrawlersStatus, 'queue' | 'queueError'>> {
  if (queue === undefined) return { queue: null, queueError: null };
  try {
    const asked = Promise.all([queue.counts(), queue.pausedBy()]);
    await within(msMax, asked);
    const answer = await Promise.race([asked, null]);
    if (answer === null)
      throw crawlerError('CRAWL_QUEUE_UNREACHABLE', `The queue did not answer within ${msMax / 1000} s`);
    const [counts, pausedBy] = answer;
    return { queue: { ...counts, isPaused: pausedBy !== null }, queueError: null };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { queue: null, queueError: { code: error.code, message: error.message } };
  }
}

async function writersOf(store: Store): Promise<string[]> {
  const found: string[] = [];
  for (const database of [store.articles, store.feeds]) {
    for (const { owner } of await database.changes.slots()) {
      const theirs = owner.split(', ').filter((one) => kindOf(one) === CRAWLER);
      found.push(...theirs.map((one) => `${database.name}: ${one}`));
    }
  }
  return found;
}
