import type { Between, ChangePage } from '../../store/contract.ts';
import type { ReplicatedDatabase } from '../replicated-store.ts';
import { BATCH_CHARS_MAX } from './limits.ts';
import type { Link } from './link.ts';

export interface PageRead {
  readonly page: ChangePage<unknown>;
  /** When reading began, of `Runtime.elapsed`. */
  readonly readAt: number;
}

interface Ahead {
  readonly slot: number;
  readonly after: number;
  readonly reading: Promise<PageRead>;
}

/**
 * Reads pages of changes. While one is sent, the next is read already: what lies up to stable does not change any more,
 * but for documents that move on, and those come again.
 */
export class PageReader {
  readonly #link: Link;
  readonly #database: ReplicatedDatabase;
  #ahead: Ahead | undefined;

  constructor(link: Link, database: ReplicatedDatabase) {
    this.#link = link;
    this.#database = database;
  }

  /** `limit`: documents of one page. `isAhead`: whether the page behind this one is to be read now, too. */
  async read(slot: number, after: number, limit: number, isAhead: boolean, between?: Between): Promise<PageRead> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const isWanted = ahead !== undefined && ahead.slot === slot && ahead.after === after;
    const read = await (isWanted ? ahead.reading : this.#read(slot, after, limit, between));
    const { through, stable } = read.page;
    if (isAhead && through > after && through < stable) {
      const reading = this.#read(slot, through, limit, between);
      // Whoever takes it sees the error.
      reading.catch(() => {});
      this.#ahead = { slot, after: through, reading };
    }
    return read;
  }

  async #read(slot: number, after: number, limit: number, between: Between | undefined): Promise<PageRead> {
    const { course, deadlines, concurrency } = this.#link;
    const { aside } = course.runtime.foreground ?? {};
    const asideMs = aside?.asideMs ?? 0;
    const readAt = course.runtime.elapsed();
    const reading = this.#database.changes.read(slot, after, limit, BATCH_CHARS_MAX, between);
    const page = await deadlines.limit(reading, `the source to read ${this.#database.name}`);
    const now = course.runtime.elapsed();
    const ms = now - readAt - ((aside?.asideMs ?? 0) - asideMs);
    course.metrics.readMs += ms;
    course.pace.read(page.docs.length, ms, concurrency, now);
    if (course.faults) await course.faults.at('page-read');
    return { page, readAt };
  }
}
