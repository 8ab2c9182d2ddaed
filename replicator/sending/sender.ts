import type { SiteId, Versioned } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import { type Checkpoint, checkpointOf, historyBefore } from '../checkpoint.ts';
import { asideNote } from '../notes.ts';
import type { Pushed } from '../target.ts';
import type { Vector } from '../vector.ts';
import { AppliedPrefix, type Segment } from './applied-prefix.ts';
import { type Aside, isRefused } from './aside.ts';
import { Confirmation } from './confirmation.ts';
import { writtenAt } from './lag.ts';
import { charsOf, type Link } from './link.ts';
import type { Progress } from './progress.ts';
import { SourceNote } from './source-note.ts';

/** More documents that the destination refuses: then it is the destination that is wrong. */
const ASIDE_MAX = 1000;

/** Where a checkpoint costs more than the batch that takes it along, one goes only after so many documents, or this time. */
const KEEP_DOCS = 400;
const KEEP_MS = 250;

/** Checkpoints that go by themselves at a time, over a long line: the next batch need not wait for the answer to the one before. */
const FAR_KEEPS_MAX = 16;

/** The stretch of a slot that a batch covers. */
export interface Stretch {
  readonly slot: number;
  readonly through: number;
  /** When it was read, of `Runtime.elapsed`. */
  readonly readAt: number;
}

/** What one database counts over all sessions. */
export interface DatabaseTally {
  readonly progress: Progress;
  docs: number;
  bytes: number;
  aside: number;
  /** How far the destination was when the last session ended; undefined: none has begun yet. */
  lastVector: Vector | undefined;
  /** Since when it lacks something, while there is no session; of `Runtime.clock`. Undefined: it lacks nothing. */
  lacksSince: number | undefined;
}

export interface SenderOptions {
  readonly link: Link;
  readonly session: string;
  readonly destination: SiteId;
  readonly database: DatabaseName;
  readonly tally: DatabaseTally;
  readonly vector: Vector;
  readonly seed: Vector;
  readonly atDestination: Checkpoint | null;
  readonly atSource: { readonly checkpoint: Checkpoint | null; readonly rev: number };
}

/** Sends the batches of one database, several at a time, and keeps both checkpoints behind what is acknowledged. */
export class Sender {
  readonly prefix: AppliedPrefix;
  readonly note: SourceNote;
  /** The destination has, or had once in this session, all there was. */
  caughtUp = false;
  /** The lag of documents that were written later is told. */
  lagSince = Number.POSITIVE_INFINITY;
  /** When the destination last answered, of `Runtime.elapsed`. */
  heardAt: number;
  readonly #options: SenderOptions;
  readonly #before: Checkpoint['history'];
  /** The last one that was sent along, and the last one of those that is surely there. */
  #sentVector: Vector | undefined;
  #sentDocs = 0;
  #sentAt = 0;
  #keptVector: Vector | undefined;
  readonly #confirmation: Confirmation;
  #keeps = 0;
  #idle: (() => void) | undefined;

  constructor(options: SenderOptions) {
    const { link, session, destination, database, vector, seed, atDestination, atSource } = options;
    this.#options = options;
    this.heardAt = link.course.runtime.elapsed();
    this.prefix = new AppliedPrefix(vector);
    this.#confirmation = new Confirmation(link.window);
    const { prefix } = this;
    const of = { destination, database, prefix, confirmation: this.#confirmation, seed };
    this.note = new SourceNote(link, session, of, atSource);
    link.senders.push(this);
    this.#before = historyBefore(session, atDestination);
    link.onOver(() => this.#idle?.());
  }

  get database(): DatabaseName {
    return this.#options.database;
  }

  /** The destination had no checkpoint of this source when the session began. */
  get isNew(): boolean {
    return this.#options.atDestination === null;
  }

  get hasUnkept(): boolean {
    return this.#keptVector !== this.prefix.vector;
  }

  /** Resolves once the batch is under way; what becomes of it is looked after here. */
  async send(stretch: Stretch, docs: readonly Versioned<unknown>[]): Promise<void> {
    const { link } = this.#options;
    const [first] = docs;
    const { slot, through, readAt } = stretch;
    const segment: Segment = {
      ...{ slot, through, docs: docs.length, writtenAt: first ? writtenAt(first.ver) : 0, isApplied: false },
    };
    this.prefix.sent(segment);
    if (docs.length === 0) return this.#applied(segment);
    const chars = docs.reduce((sum, doc) => sum + charsOf(doc), 0);
    if (await this.#mayGo(docs.length, chars)) {
      this.#carry(segment, docs, chars, readAt).catch((error: unknown) => link.fail(error));
    } else {
      this.prefix.dropped(segment);
    }
  }

  async #mayGo(docs: number, chars: number): Promise<boolean> {
    const { link } = this.#options;
    if (!(await link.mayGo(docs, chars))) return false;
    const entrance = link.window.enter(docs);
    if (entrance) {
      for (const sender of link.senders) sender.moved();
      await entrance;
      // A pause that began meanwhile holds this batch back, too.
      if (link.course.paused !== null) await link.mayGo(0, 0);
    }
    return !link.isOver && !link.isEnding;
  }

  /** Resolves when nothing is under way; false: the session is over before that. */
  async whenIdle(): Promise<boolean> {
    while (!this.prefix.isIdle && !this.#options.link.isOver) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#idle = resolve;
      await promise;
    }
    return !this.#options.link.isOver;
  }

  /** Tells the destination where it is, without documents. */
  async keep(): Promise<void> {
    const { link, database } = this.#options;
    if (link.course.faults) await link.course.faults.at('checkpoint-destination');
    const { vector, docs } = this.prefix;
    const checkpoint = this.#checkpoint(vector);
    this.#sent(vector, docs);
    const push = link.target.push({ database, docs: [], checkpoint, caughtUp: this.caughtUp });
    await link.deadlines.limit(push, 'the destination to keep a checkpoint');
    this.heardAt = link.course.runtime.elapsed();
    link.course.metrics.checkpointsAtDestination += 1;
    this.#kept(vector, docs);
  }

  /** More is applied: notes that where it is time to, at either end. */
  moved(): void {
    this.note.moved();
    this.#keepInTime();
  }

  /** Tells the destination how far it is, where the next batch would have to wait for that. */
  #keepInTime(): void {
    const { link } = this.#options;
    if (this.#keeps >= (link.isClose ? 1 : FAR_KEEPS_MAX) || this.#sentVector === this.prefix.vector) return;
    if (link.isOver || !link.window.isNarrow(link.batchDocs)) return;
    this.#keeps += 1;
    void this.keep()
      .catch((error: unknown) => link.fail(error))
      .finally(() => {
        this.#keeps -= 1;
        this.#keepInTime();
      });
  }

  /** In a transaction of SQLite's a checkpoint costs next to nothing; elsewhere three questions to a server. */
  #takesAlong(vector: Vector, docs: number): boolean {
    if (vector === this.#sentVector) return false;
    const { target, course } = this.#options.link;
    if (target.info.engine === 'sqlite' || this.#sentVector === undefined) return true;
    return docs - this.#sentDocs >= KEEP_DOCS || course.runtime.elapsed() - this.#sentAt >= KEEP_MS;
  }

  #sent(vector: Vector, docs: number): void {
    this.#sentVector = vector;
    this.#sentDocs = docs;
    this.#sentAt = this.#options.link.course.runtime.elapsed();
  }

  /** Answers come in any order: an older one says nothing new. */
  #kept(vector: Vector, docs: number): void {
    if (docs < this.#confirmation.kept) return;
    this.#keptVector = vector;
    this.#confirmation.keeps(docs);
  }

  /** Documents that the destination refused before; whichever it takes now is no longer aside. */
  async push(docs: readonly Versioned<unknown>[]): Promise<Pushed> {
    const { link, database } = this.#options;
    const push = link.target.push({ database, docs, checkpoint: null, caughtUp: false });
    return await link.deadlines.limit(push, `the destination to apply ${docs.length} documents`);
  }

  async #carry(segment: Segment, docs: readonly Versioned<unknown>[], chars: number, readAt: number): Promise<void> {
    const { link, database } = this.#options;
    const { vector, docs: docsBefore } = this.prefix;
    const checkpoint = this.#takesAlong(vector, docsBefore) ? this.#checkpoint(vector) : null;
    if (checkpoint) this.#sent(vector, docsBefore);
    const sentAt = link.course.runtime.elapsed();
    try {
      const push = link.target.push({ database, docs, checkpoint, caughtUp: this.caughtUp });
      // A failure is seen below, whatever a test does in between.
      push.catch(() => {});
      if (link.course.faults) await link.course.faults.at('batch-sent');
      const pushed = await link.deadlines.limit(
        push,
        `the destination to apply ${docs.length} documents of ${database}`,
      );
      if (checkpoint) this.#kept(vector, docsBefore);
      this.heardAt = link.course.runtime.elapsed();
      link.answered(this.heardAt - sentAt, pushed.appliedMs);
      this.#count(pushed, docs.length);
    } catch (error) {
      if (!isRefused(error)) throw error;
      // The checkpoint that went along may not have been kept.
      this.#sentVector = undefined;
      await this.#carryParts(docs, error);
    }
    if (link.course.faults) await link.course.faults.at('batch-acknowledged');
    if (link.isOver) return;
    link.window.leave();
    this.#delivered(docs, chars, readAt);
    this.#applied(segment);
  }

  #checkpoint(vector: Vector): Checkpoint {
    const { link, session, seed } = this.#options;
    return checkpointOf(session, vector, seed, this.#before, link.course.runtime.clock());
  }

  #count({ written, stale, conflicts, appliedMs }: Pushed, docs: number): void {
    const { link } = this.#options;
    const { course } = link;
    course.metrics.written += written;
    course.metrics.stale += stale;
    course.metrics.conflicts += conflicts;
    course.metrics.appliedMs += appliedMs;
    // Several at a time wait for each other there.
    const ms = appliedMs / Math.max(1, link.window.batches);
    course.pace.applied(docs, ms, link.concurrency, course.runtime.elapsed());
    link.adjust();
  }

  #delivered(docs: readonly Versioned<unknown>[], chars: number, readAt: number): void {
    const { link, tally } = this.#options;
    const { course } = link;
    course.metrics.batches += 1;
    course.metrics.docs += docs.length;
    course.metrics.bytes += chars;
    tally.docs += docs.length;
    tally.bytes += chars;
    tally.progress.acknowledged(docs.length);
    const now = course.runtime.clock();
    // Versions run ahead of the clock where many are made within a millisecond.
    const msMin = course.runtime.elapsed() - readAt;
    for (const { ver } of docs) {
      const at = writtenAt(ver);
      if (at >= this.lagSince) course.lag.add(Math.max(msMin, now - at));
    }
  }

  #applied(segment: Segment): void {
    this.prefix.applied(segment);
    this.moved();
    if (this.#idle && this.prefix.isIdle) {
      this.#idle();
      this.#idle = undefined;
    }
  }

  /** One document spoils a batch: the halves go by themselves, down to the one, which is put aside. */
  async #carryParts(docs: readonly Versioned<unknown>[], error: unknown): Promise<void> {
    const [only] = docs;
    if (only && docs.length === 1) return this.#putAside(only, error);
    const half = Math.ceil(docs.length / 2);
    for (const part of [docs.slice(0, half), docs.slice(half)]) {
      try {
        this.#count(await this.push(part), part.length);
      } catch (partError) {
        if (!isRefused(partError)) throw partError;
        await this.#carryParts(part, partError);
      }
    }
  }

  async #putAside(doc: Versioned<unknown>, error: unknown): Promise<void> {
    const { link, database, tally } = this.#options;
    const { course } = link;
    if (tally.aside >= ASIDE_MAX) throw error;
    if (course.faults) await course.faults.at('put-aside');
    const value: Aside = { code: codeOf(error), message: messageOf(error), ver: doc.ver, at: course.runtime.clock() };
    const put = course.source.control.put(asideNote(course.name, database, doc.id), value);
    await link.deadlines.limit(put, 'the source to note a document that was put aside');
    tally.aside += 1;
    course.metrics.aside += 1;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
