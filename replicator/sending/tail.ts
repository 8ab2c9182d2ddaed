import type { ChangePage, SiteId, SlotState, Versioned } from '../../store/contract.ts';
import { checkpointFrom } from '../checkpoint.ts';
import type { ReplicatedDatabase } from '../replicated-store.ts';
import { positionIn, type Vector } from '../vector.ts';
import type { Link } from './link.ts';
import { PageReader } from './page-reader.ts';
import type { DatabaseTally, Sender } from './sender.ts';

/** How often an idle tail looks for changes: soon after there were some, a little less often later. */
export const POLL_MS_MIN = 40;
export const POLL_MS_MAX = 100;
const POLL_GROWTH = 1.25;

/** Batches that are read at a time: a query costs more than a push. */
const PAGE_BATCHES = 4;

/** While pages are full, the list of slots is read anew only after this time. */
const SLOTS_MS = 50;

/** The destination is told where it is, without documents, once nothing came for this time. */
const QUIET_MS = 250;

/**
 * And again whenever it gave no sign for this time: a destination that has lost power may have lost what it synced
 * lazily, and the session with it, which nobody would notice before the next change.
 */
const SIGN_MS = 15_000;

/** In a pause the source is looked at so often. */
const PAUSED_LOOK_MS = 1000;

/** Documents to do are counted anew after this time, while there are any. */
const COUNT_MS = 10_000;

export interface TailOptions {
  readonly link: Link;
  readonly database: ReplicatedDatabase;
  readonly sender: Sender;
  readonly tally: DatabaseTally;
  readonly start: Vector;
  /** Documents of the destination's own making are left out beyond this. Null: they are sent as well. */
  readonly ownAfter: { readonly site: SiteId; readonly seed: Vector } | null;
  /** Ends once it has come this far. Null: never. */
  readonly goal: Vector | null;
}

/** Reads one database's changes, slot by slot up to stable, hands them to the sender, and waits for more. */
export class Tail {
  /** When a change was first seen that has not been read yet, of `Runtime.clock`; null: all was read. */
  behindSince: number | null = null;
  readonly #options: TailOptions;
  /** The destination's own documents come from there itself. */
  #isDirect = false;
  readonly #pages: PageReader;
  readonly #position = new Map<number, number>();
  #countedAt: number;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#pages = new PageReader(options.link, options.database);
    for (const [slot, n] of Object.entries(options.start)) this.#position.set(Number(slot), n);
    this.#countedAt = options.link.course.runtime.elapsed();
  }

  /** Until the session ends, or the goal is reached and both ends know it. */
  async run(): Promise<void> {
    const { link, goal } = this.#options;
    const { runtime } = link.course;
    let pollMs = POLL_MS_MIN;
    let quietSince = runtime.elapsed();
    // Before the first document: by this note the other site's tail knows that it hears from here (`#hearsFrom`).
    if (this.#options.ownAfter !== null && this.#options.sender.isNew) await this.#options.sender.keep();
    while (!link.isOver && !link.isEnding) {
      if (link.course.paused === null) {
        const hasRead = await this.#readAll();
        if (link.isOver || link.isEnding) break;
        if (hasRead) {
          pollMs = POLL_MS_MIN;
          quietSince = runtime.elapsed();
        } else {
          pollMs = Math.min(pollMs * POLL_GROWTH, POLL_MS_MAX);
        }
        if (this.behindSince === null) await this.#caughtUp(runtime.elapsed() - quietSince);
        if (goal !== null && this.#covers(goal)) break;
      } else {
        await this.#lookIfDue();
      }
      await link.alarm.sleep(pollMs);
    }
    await this.#end();
  }

  /** In a pause: operators see how far behind it gets. */
  async #lookIfDue(): Promise<void> {
    const { link, database, tally } = this.#options;
    const now = link.course.runtime.elapsed();
    if (now - this.#lookedAt < PAUSED_LOOK_MS) return;
    this.#lookedAt = now;
    const slots = await link.deadlines.limit(database.changes.slots(), `the source to list slots of ${database.name}`);
    tally.progress.grown(slots.reduce((sum, { stable }) => sum + stable, 0));
    if (!slots.some((slot) => this.#isOpen(slot))) return;
    this.behindSince ??= link.course.runtime.clock();
    await this.#recount(slots);
  }

  /** First time: what the destination put off is to be done. Later: both ends learn where it is when it gets quiet. */
  async #caughtUp(quietMs: number): Promise<void> {
    const { link, sender, tally } = this.#options;
    const isFirst = !sender.caughtUp;
    if (isFirst) {
      // What is written from here on is the tail's own, and its lag is told.
      sender.lagSince = Math.min(sender.lagSince, link.course.runtime.clock());
      if (!(await sender.whenIdle())) return;
      sender.caughtUp = true;
    }
    if (!sender.prefix.isIdle) return;
    tally.progress.finished();
    const isUnsure = link.course.runtime.elapsed() - sender.heardAt >= SIGN_MS;
    if (isFirst || isUnsure || (quietMs >= QUIET_MS && sender.hasUnkept)) await sender.keep();
    if (quietMs >= QUIET_MS || isFirst) await sender.note.save();
    else sender.note.moved();
    if (isFirst && link.course.faults) await link.course.faults.at('caught-up');
  }

  async #end(): Promise<void> {
    const { sender, goal } = this.#options;
    if (!(await sender.whenIdle())) return;
    // A copy that is made once is all there is to come, even if the source goes on.
    const isDone = goal !== null && !sender.caughtUp && this.#covers(goal);
    if (isDone) sender.caughtUp = true;
    if (isDone || sender.hasUnkept) await sender.keep();
    await sender.note.save();
  }

  /** Pages of all slots in turn until nothing is left. Returns whether there was anything. */
  async #readAll(): Promise<boolean> {
    const { link, database, tally } = this.#options;
    const { runtime } = link.course;
    let hasRead = false;
    for (;;) {
      const slots = await link.deadlines.limit(
        database.changes.slots(),
        `the source to list slots of ${database.name}`,
      );
      const listedAt = runtime.elapsed();
      tally.progress.grown(slots.reduce((sum, { stable }) => sum + stable, 0));
      let open = slots.filter((slot) => this.#isOpen(slot));
      this.behindSince = open.length > 0 ? (this.behindSince ?? runtime.clock()) : null;
      if (open.length === 0) return hasRead;
      hasRead = true;
      await this.#recount(slots);
      while (open.length > 0 && runtime.elapsed() - listedAt < SLOTS_MS) {
        const left: SlotState[] = [];
        for (const slot of open) {
          if (!(await this.#readPage(slot))) return hasRead;
          if (this.#isOpen(slot)) left.push(slot);
        }
        open = left;
      }
      // Whatever came meanwhile makes the next batch: a little later it is a larger one.
      if (open.length === 0) {
        this.behindSince = null;
        return hasRead;
      }
    }
  }

  /** False: the session ends, or it was paused. */
  async #readPage({ slot }: SlotState): Promise<boolean> {
    const { link, sender } = this.#options;
    const { course } = link;
    if (link.isOver || link.isEnding || course.paused !== null) return false;
    const after = this.#position.get(slot) ?? 0;
    const { docsPerSecondMax, bytesPerSecondMax } = course.limits;
    const isFast = docsPerSecondMax === null && bytesPerSecondMax === null;
    const between = sender.caughtUp ? undefined : course.giveWay.between;
    const { page, readAt } = await this.#pages.read(slot, after, this.#batchDocs() * PAGE_BATCHES, isFast, between);
    // Not what the list of slots said: to be looked at again later.
    if (page.through <= after) return false;
    return await this.#sendPage(slot, page, readAt);
  }

  /** A page is read at once and sent as several batches. */
  async #sendPage(slot: number, { docs, through }: ChangePage<unknown>, readAt: number): Promise<boolean> {
    const { link, sender } = this.#options;
    let from = 0;
    do {
      const to = from + this.#batchDocs();
      const batch = from === 0 && docs.length <= to ? docs : docs.slice(from, to);
      const upTo = to < docs.length ? (batch.at(-1)?.n ?? through) : through;
      await sender.send({ slot, through: upTo, readAt }, await this.#withoutTheirOwn(batch));
      if (link.isOver || link.isEnding) return false;
      this.#position.set(slot, upTo);
      await this.#pause();
      from = to;
    } while (from < docs.length);
    return !link.isOver;
  }

  /** Between two batches: where an end is overloaded, and, but for what was just written, where readers wait. */
  async #pause(): Promise<void> {
    const { link, sender } = this.#options;
    const { pace, giveWay, runtime } = link.course;
    const ms = Math.max(pace.pauseMs, sender.caughtUp ? 0 : giveWay.restMs(runtime.elapsed()));
    if (ms <= 0) return;
    if (ms > pace.pauseMs) link.course.throttle = 'readers';
    await link.alarm.sleep(ms);
  }

  /** Small batches where the rate is low, so that it is even, and a change of it is felt at once. */
  #batchDocs(): number {
    const { batchDocs, course } = this.#options.link;
    const { docsPerSecondMax } = course.limits;
    return docsPerSecondMax === null ? batchDocs : Math.min(batchDocs, Math.max(1, Math.ceil(docsPerSecondMax / 10)));
  }

  /**
   * What the destination made itself it has. A merged version is nobody's own: its origin is a hash of what it was made of.
   */
  async #withoutTheirOwn(docs: readonly Versioned<unknown>[]): Promise<readonly Versioned<unknown>[]> {
    const { ownAfter } = this.#options;
    if (ownAfter === null) return docs;
    const { site, seed } = ownAfter;
    const isOwn = (doc: Versioned<unknown>): boolean => doc.org === site && doc.n > positionIn(seed, doc.slot);
    return docs.some(isOwn) && (await this.#hearsFrom(site)) ? docs.filter((doc) => !isOwn(doc)) : docs;
  }

  /**
   * Whether this site gets the destination's own documents from there, and not only by way of others. Then whatever it
   * has of them when a session begins lies before `seed`. What comes by way of others may come after the destination was
   * restored to an older copy, and be the last copy there is.
   */
  async #hearsFrom(site: SiteId): Promise<boolean> {
    if (this.#isDirect) return true;
    const { link, database } = this.#options;
    const note = link.course.source.control.get(checkpointFrom(site, database.name));
    this.#isDirect = (await link.deadlines.limit(note, 'the source to read a checkpoint')) !== undefined;
    return this.#isDirect;
  }

  #isOpen({ slot, stable }: SlotState): boolean {
    return stable > (this.#position.get(slot) ?? 0);
  }

  #covers(goal: Vector): boolean {
    if (!this.#options.sender.prefix.isIdle) return false;
    return Object.entries(goal).every(([slot, n]) => (this.#position.get(Number(slot)) ?? 0) >= n);
  }

  async #recount(slots: readonly SlotState[]): Promise<void> {
    const { link, database, tally } = this.#options;
    const now = link.course.runtime.elapsed();
    const isDue = tally.progress.isVague || (tally.progress.toDo > 0 && now - this.#countedAt >= COUNT_MS);
    if (!isDue) return;
    this.#countedAt = now;
    await countToDo(link, database, tally, slots, this.#options.sender.prefix.vector);
  }
}

/** Counts what is to do after `vector`. */
export async function countToDo(
  link: Pick<Link, 'deadlines'>,
  database: ReplicatedDatabase,
  tally: DatabaseTally,
  slots: readonly SlotState[],
  vector: Vector,
): Promise<void> {
  let docs = 0;
  let stable = 0;
  for (const slot of slots) {
    stable += slot.stable;
    const position = positionIn(vector, slot.slot);
    if (slot.stable <= position) continue;
    docs += await link.deadlines.limit(
      database.changes.remaining(slot.slot, position),
      `the source to count what is to do of ${database.name}`,
    );
  }
  tally.progress.counted(docs, stable);
}
