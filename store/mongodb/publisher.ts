import { setTimeout as sleep } from 'node:timers/promises';
import { storeError } from '../errors.ts';
import type { Faults } from '../faults.ts';
import { closedError } from './failures.ts';
import { isThere } from './meta.ts';
import type { Numbering } from './numbering.ts';
import { publish, readSlot, type SlotDocument, type SlotsContext, takeOverTheDead } from './slots.ts';

/** A quarter of what a lease lasts. */
export const HEARTBEAT_MS = 15_000;

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
    this.#announce();
  }

  /** Numbers were resolved. */
  news(): void {
    if (!this.#publishing && this.#hasNews()) void this.#publishAll();
  }

  /**
   * Resolves when `condition` holds, which publications bring about, or when the writer is lost. Throws what keeps
   * `stable` from being published until the deadline (of `performance.now()`).
   */
  async until(condition: () => boolean, deadline: number): Promise<void> {
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
    this.#publishing = true;
    try {
      while (this.#hasNews()) {
        const stable = this.numbering.settled;
        if (!(await this.#publish(stable))) return;
        this.numbering.publish(stable);
        this.#announce();
        const { name } = this.#context;
        await this.#faults?.at('published', { database: name, slot: this.#lease.slot, n: stable });
      }
      this.#failure = undefined;
    } catch (error) {
      // It is tried again at the next news or heartbeat; who waits for it is told when its patience ends.
      this.#failure = error;
    } finally {
      this.#publishing = false;
    }
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
