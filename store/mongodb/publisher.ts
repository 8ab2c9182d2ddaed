import { setTimeout as sleep } from 'node:timers/promises';
import { storeError } from '../errors.ts';
import type { Faults } from '../faults.ts';
import { closedError } from './failures.ts';
import { isThere } from './meta.ts';
import type { Numbering } from './numbering.ts';
import { publish, readSlot, type SlotDocument, type SlotsContext, takeOverTheDead, WINDOW } from './slots.ts';

/** A quarter of what a lease lasts. */
export const HEARTBEAT_MS = 15_000;

/**
 * A bulk writer leaves the server to its load, and publishes after this time or when this share of its window is used.
 * The longer time is for batches that a load is made of.
 */
const BULK_PUBLISH_MS = 50;
const LOAD_PUBLISH_MS = 250;
const LOAD_DOCS_MIN = 100;
const URGENT_SHARE = 0.5;

/** Why a writer can't go on, whatever is tried. */
export type Loss = 'fenced' | 'gone' | 'unresolved' | 'crashed';

/**
 * Publishes `stable` for one writer: one publication under way at a time, and the next starts at once where there is
 * news, so that tailers lag by about one round trip however many writes there are. Every publication shows that the
 * writer lives; without news there is one now and then.
 */
export class Publisher {
  readonly numbering: Numbering;
  readonly #context: SlotsContext;
  readonly #lease: SlotDocument;
  readonly #faults: Faults | undefined;
  readonly #timer: NodeJS.Timeout;
  #publishing = false;
  #waiting = 0;
  #later: NodeJS.Timeout | undefined;
  #stopped = false;
  #loss: Loss | undefined;
  #failure: unknown;
  #changed = Promise.withResolvers<void>();

  constructor(context: SlotsContext, lease: SlotDocument, numbering: Numbering, faults: Faults | undefined) {
    this.#context = context;
    this.#lease = lease;
    this.numbering = numbering;
    this.#faults = faults;
    this.#timer = setInterval(() => void this.#beat(), HEARTBEAT_MS);
    this.#timer.unref();
  }

  get loss(): Loss | undefined {
    return this.#loss;
  }

  /** Whoever waits learns of it. */
  lose(loss: Loss): void {
    this.#loss ??= loss;
    this.stop();
  }

  /** No more publications; whoever waits for one gets STORE_CLOSED, or learns of the loss. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#later);
    this.#announce();
  }

  /** Numbers were resolved. */
  news(): void {
    if (this.#publishing || !this.#hasNews()) return;
    const count = this.numbering.settled - this.numbering.published;
    const isUrgent = count >= this.#lease.window * URGENT_SHARE;
    const ms = count >= LOAD_DOCS_MIN ? LOAD_PUBLISH_MS : BULK_PUBLISH_MS;
    if (this.#lease.window <= WINDOW || isUrgent || this.#waiting > 0) void this.#publishAll();
    else this.#later ??= setTimeout(() => void this.#publishAll(), ms).unref();
  }

  /**
   * Resolves when `condition` holds, which publications bring about, or when the writer is lost. Throws what keeps
   * `stable` from being published until the deadline (of `performance.now()`).
   */
  async until(condition: () => boolean, deadline: number): Promise<void> {
    this.#waiting += 1;
    try {
      await this.#until(condition, deadline);
    } finally {
      this.#waiting -= 1;
    }
  }

  async #until(condition: () => boolean, deadline: number): Promise<void> {
    while (!condition() && this.#loss === undefined) {
      if (this.#stopped) throw closedError(this.#context.db.shown);
      const left = deadline - performance.now();
      if (left <= 0) throw this.#failure ?? this.#stuck();
      this.news();
      const timer = new AbortController();
      const timeUp = sleep(left, undefined, { signal: timer.signal }).catch(() => {});
      await Promise.race([this.#changed.promise, timeUp]);
      timer.abort();
    }
  }

  #hasNews(): boolean {
    return !this.#stopped && this.numbering.settled > this.numbering.published;
  }

  async #publishAll(): Promise<void> {
    clearTimeout(this.#later);
    this.#later = undefined;
    if (this.#publishing) return;
    this.#publishing = true;
    let isDone = false;
    try {
      isDone = await this.#publishOnce();
      if (isDone) this.#failure = undefined;
    } catch (error) {
      // It is tried again at the next news or heartbeat; who waits for it is told when its patience ends.
      this.#failure = error;
    } finally {
      this.#publishing = false;
    }
    if (isDone) this.news();
  }

  async #publishOnce(): Promise<boolean> {
    if (!this.#hasNews()) return true;
    const stable = this.numbering.settled;
    if (!(await this.#publish(stable))) return false;
    this.numbering.publish(stable);
    this.#announce();
    await this.#faults?.at('published', { database: this.#context.name, slot: this.#lease.slot, n: stable });
    return true;
  }

  /** False: the slot is lost. */
  async #publish(stable: number): Promise<boolean> {
    if (await publish(this.#context, this.#lease, stable)) return true;
    if (this.#stopped) return false;
    const there = await readSlot(this.#context, this.#lease.slot);
    // A publication that was sent later came first.
    if (there?.state === 'leased' && there.epoch === this.#lease.epoch) return true;
    if (there || (await isThere(this.#context.db))) this.lose('fenced');
    else this.lose('gone');
    return false;
  }

  async #beat(): Promise<void> {
    try {
      if (!this.#publishing) await this.#publish(this.numbering.published);
      if (!this.#stopped) await takeOverTheDead(this.#context);
    } catch (error) {
      this.#failure = error;
    }
  }

  #announce(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  #stuck(): Error {
    const { db, name } = this.#context;
    const message = `An earlier write to ${name} in ${db.shown} is still unresolved.`;
    return storeError('STORE_UNREACHABLE', message, { input: db.shown, retryable: true });
  }
}
