import type { Durability, SiteId } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { type Checkpoint, checkpointOf, checkpointTo, historyBefore } from '../checkpoint.ts';
import { replicatorError } from '../errors.ts';
import type { Vector } from '../vector.ts';
import type { AppliedPrefix } from './applied-prefix.ts';
import type { Confirmation } from './confirmation.ts';
import type { Link } from './link.ts';

/**
 * A checkpoint is noted at the source after this time, and before what is not noted yet holds up the next batch. Not more
 * often: each note is a write, and makes every other process that reads a SQLite store read its pages anew.
 */
const NOTE_MS = 5000;

/** The last note of a session that failed is not waited for any longer. */
const LAST_MS_MAX = 1000;

/** Whoever deletes the note at the source wants this destination to begin from nothing. */
export class BeginAgain extends Error {}

/** The source's note of how far one database is: lazily written, and by one replicator only. */
export class SourceNote {
  readonly #id: string;
  readonly #link: Link;
  readonly #session: string;
  readonly #prefix: AppliedPrefix;
  readonly #confirmation: Confirmation;
  readonly #seed: Vector;
  readonly #before: Checkpoint['history'];
  #rev: number;
  #noted: Vector | undefined;
  #notedAt = 0;
  #noting: Promise<void> | undefined;

  /** `kept`: the note as it was read, with its revision; 0: there was none. */
  constructor(
    link: Link,
    session: string,
    of: {
      destination: SiteId;
      database: DatabaseName;
      prefix: AppliedPrefix;
      confirmation: Confirmation;
      seed: Vector;
    },
    kept: { checkpoint: Checkpoint | null; rev: number },
  ) {
    this.#id = checkpointTo(of.destination, of.database);
    this.#link = link;
    this.#session = session;
    this.#prefix = of.prefix;
    this.#confirmation = of.confirmation;
    this.#seed = of.seed;
    this.#before = historyBefore(session, kept.checkpoint);
    this.#rev = kept.rev;
  }

  /** More is applied: notes that if it is time to. */
  moved(): void {
    if (this.#noting !== undefined || this.#noted === this.#prefix.vector) return;
    const { window, course, batchDocs } = this.#link;
    const isDue = window.isNarrow(batchDocs) || course.runtime.elapsed() - this.#notedAt >= NOTE_MS;
    if (isDue) this.save().catch((error: unknown) => this.#link.fail(error));
  }

  get isUpToDate(): boolean {
    return this.#noted === this.#prefix.vector;
  }

  /**
   * The session has failed: what was acknowledged in it counts all the same, or a line that always breaks early would never
   * get anywhere. Best effort; a note that somebody else changed stays.
   */
  async saveLast(): Promise<void> {
    const { course } = this.#link;
    await this.#noting?.catch(() => {});
    if (this.isUpToDate) return;
    const { vector } = this.#prefix;
    const value = checkpointOf(this.#session, vector, this.#seed, this.#before, course.runtime.clock());
    const saved = new AbortController();
    const put = course.source.control.put(this.#id, value, this.#rev, 'lazy').then(
      () => saved.abort(),
      () => saved.abort(),
    );
    await Promise.race([put, course.runtime.sleep(LAST_MS_MAX, saved.signal)]);
  }

  /** Notes where it is now. Throws REPLICATION_TAKEN_OVER, BeginAgain and the codes of the store. */
  async save(durability: Durability = 'lazy'): Promise<void> {
    while (this.#noting !== undefined) await this.#noting;
    if (this.isUpToDate) return;
    this.#noting = this.#save(durability);
    try {
      await this.#noting;
    } finally {
      this.#noting = undefined;
    }
    if (!this.#link.isOver) this.moved();
  }

  async #save(durability: Durability): Promise<void> {
    const { course, deadlines } = this.#link;
    const { vector, docs } = this.#prefix;
    if (course.faults) await course.faults.at('checkpoint-source');
    const value = checkpointOf(this.#session, vector, this.#seed, this.#before, course.runtime.clock());
    const put = course.source.control.put(this.#id, value, this.#rev, durability);
    const rev = await deadlines.limit(put, 'the source to note a checkpoint');
    if (rev === null) {
      this.#rev = await this.#revisionAfterAll();
      return this.#save(durability);
    }
    if (course.faults) await course.faults.at('checkpoint-source-saved');
    course.metrics.checkpointsAtSource += 1;
    this.#rev = rev;
    this.#noted = vector;
    this.#notedAt = course.runtime.elapsed();
    this.#confirmation.noted(docs);
  }

  /** Somebody changed the note: this very session, whose answer was lost, or another replicator. */
  async #revisionAfterAll(): Promise<number> {
    const { course, deadlines } = this.#link;
    const note = await deadlines.limit(course.source.control.get(this.#id), 'the source to read a checkpoint');
    if (note === undefined && this.#noted !== undefined) throw new BeginAgain();
    const session = (note?.value as Checkpoint | undefined)?.session ?? this.#session;
    if (session !== this.#session) throw takenOver(this.#id);
    return note?.rev ?? 0;
  }
}

export function takenOver(id: string): Error {
  const message = `Another replicator has taken over (${id}).`;
  return replicatorError('REPLICATION_TAKEN_OVER', message, { input: id });
}
