import type { Versioned } from '../../store/contract.ts';
import type { TargetSession } from '../target.ts';
import { Alarm } from './alarm.ts';
import type { Course } from './course.ts';
import type { Deadlines } from './deadlines.ts';
import type { FaultPoint } from './failpoints.ts';
import { FAR_BATCH_DOCS_MAX } from './limits.ts';
import { Window } from './window.ts';

/** One session with the destination, as the loops of its databases share it. */
export class Link {
  readonly course: Course;
  readonly target: TargetSession;
  readonly deadlines: Deadlines;
  readonly window: Window;
  readonly alarm: Alarm;
  /** Of all databases. */
  readonly senders: { moved(): void }[] = [];
  /** What is under way is finished, and nothing new begins. */
  isEnding = false;
  isOver = false;
  #wayMs: number | undefined;
  #failure: { readonly error: unknown } | undefined;
  readonly #over = Promise.withResolvers<void>();
  readonly #watchers: (() => void)[] = [];

  constructor(course: Course, target: TargetSession, deadlines: Deadlines) {
    this.course = course;
    this.target = target;
    this.deadlines = deadlines;
    this.window = new Window(course.pace.batchesOf(this.concurrency));
    this.alarm = new Alarm(course.runtime);
  }

  /** Resolves when the session is over; `failure` tells why. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** For those who wait for something of their own. */
  onOver(release: () => void): void {
    this.#watchers.push(release);
  }

  /** The first failure ends the session: nothing is waited for any more. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.finish(error);
  }

  finish(error: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.deadlines.end(error);
    this.window.end();
    this.alarm.ring();
    for (const release of this.#watchers) release();
    this.#over.resolve();
  }

  /** Asks all loops to come to an end; `over` resolves once somebody calls `finish`. */
  wind(): void {
    this.isEnding = true;
    this.alarm.ring();
  }

  /** Whether the way to the destination and back is known, and short. */
  get isClose(): boolean {
    return this.#wayMs !== undefined && this.#wayMs < CLOSE_MS;
  }

  /**
   * Documents of a batch: fewer over a long line, where readers are, and where so many bytes a second are a limit, which is
   * kept evenly.
   */
  get batchDocs(): number {
    const { limits, giveWay } = this.course;
    const batchDocs = giveWay.batchDocs(limits.batchDocs);
    return this.isClose && limits.bytesPerSecondMax === null ? batchDocs : Math.min(batchDocs, FAR_BATCH_DOCS_MAX);
  }

  /** Close by, more batches than the store can work on gain nothing; a long line is kept full by what is on the way. */
  get concurrency(): number {
    const { concurrency } = this.course.limits;
    const isFar = (this.#wayMs ?? 0) >= CLOSE_MS;
    return isFar ? concurrency : Math.min(concurrency, CLOSE_BATCHES[this.target.info.engine]);
  }

  adjust(): void {
    this.window.setBatchesMax(this.course.pace.batchesOf(this.concurrency));
  }

  /** A batch took so long in all, of which applying took so long; in ms. */
  answered(ms: number, appliedMs: number): void {
    const wayMs = Math.max(0, ms - appliedMs);
    this.#wayMs = this.#wayMs === undefined ? wayMs : this.#wayMs + (wayMs - this.#wayMs) * SMOOTHING;
  }

  fault(point: FaultPoint): Promise<void> | void {
    return this.course.faults?.at(point);
  }

  /** Waits until the limits allow one more batch, and for a pause to end. False: the session ends instead. */
  async mayGo(docs: number, bytes: number): Promise<boolean> {
    const { course, alarm } = this;
    while (!this.isOver && !this.isEnding) {
      const now = course.runtime.elapsed();
      const docsMs = course.docsBucket.waitMs(now);
      const bytesMs = course.bytesBucket.waitMs(now);
      const ms = Math.max(docsMs, bytesMs);
      if (course.paused !== null) {
        await alarm.sleep(PAUSE_POLL_MS);
      } else if (ms > 0) {
        course.throttle = docsMs >= bytesMs ? 'docs-per-second' : 'bytes-per-second';
        await alarm.sleep(ms);
      } else {
        course.throttle = course.pace.reason;
        course.docsBucket.spend(docs, now);
        course.bytesBucket.spend(bytes, now);
        return true;
      }
    }
    return false;
  }
}

/** The way to a destination is short, in ms there and back. */
const CLOSE_MS = 5;
/** A SQLite store writes one batch after the other: the next one is at hand. */
const CLOSE_BATCHES = { sqlite: 2, mongodb: 4 } as const;
/** Of the newest sample in the smoothed way. */
const SMOOTHING = 0.2;

/** Resuming rings; this is only a limit. */
const PAUSE_POLL_MS = 60_000;

/** Rough length of the canonical JSON, where the engine does not hand it over. */
export function charsOf({ body, content }: Pick<Versioned<unknown>, 'body' | 'content'>): number {
  if (body !== undefined) return body.length;
  if (content === null || typeof content !== 'object') return 4;
  let chars = 2;
  for (const key in content) {
    const value = (content as Record<string, unknown>)[key];
    chars += key.length + 4 + (typeof value === 'string' ? value.length + 2 : 12);
  }
  return chars;
}
