import type { DatabaseName } from '../../store/documents.ts';
import { CodedError, codeOf } from '../../store/errors.ts';
import type { DatabaseStatus, DestinationState, DestinationStatus } from '../status.ts';
import type { Course } from './course.ts';
import type { Deadlines } from './deadlines.ts';
import { etaMs, Rate } from './progress.ts';
import type { DatabaseTally } from './sender.ts';
import type { Session } from './session.ts';

/** So many documents behind is a backfill. */
export const BACKFILL_DOCS_MIN = 1000;
/** A wait that took this long is worth telling. */
const WORTH_TELLING_MS = 1000;

const THROTTLES: Readonly<Record<string, string>> = {
  nothing: 'nothing',
  source: 'The source takes longer than usual to read, so there is less under way.',
  destination: 'The destination takes longer than usual to apply, so there is less under way.',
  readers: 'It rests between batches, as readers of this site have to wait for a processor.',
  'docs-per-second': 'The limit of documents a second.',
  'bytes-per-second': 'The limit of bytes a second.',
};

/** Where a destination stands between its sessions; within one it is told by what the session does. */
type Phase =
  | { readonly is: 'connecting' }
  | { readonly is: 'connected' }
  | { readonly is: 'waiting'; readonly why: string; readonly retryAt: number; readonly until: number }
  | { readonly is: 'fenced'; readonly why: string }
  | { readonly is: 'stopped'; readonly why: string };

export interface Viewed {
  readonly name: string;
  /** Shown until the destination was opened and tells its own. Without credentials. */
  readonly url?: string;
  readonly direction: 'one-way' | 'two-way';
  readonly onStatus?: (status: DestinationStatus) => void;
}

/** What operators see of one destination, made when somebody looks. */
export class DestinationView {
  readonly #of: Viewed;
  readonly #course: Course;
  readonly #tallies: ReadonlyMap<DatabaseName, DatabaseTally>;
  readonly #docsRate = new Rate();
  readonly #bytesRate = new Rate();
  readonly #addedRate = new Rate();
  #phase: Phase = { is: 'connecting' };
  #state: DestinationState = 'connecting';
  #since: number;
  #url: string;
  #deadlines: Deadlines | undefined;
  #lastError: DestinationStatus['lastError'] = null;

  constructor(of: Viewed, course: Course, tallies: ReadonlyMap<DatabaseName, DatabaseTally>) {
    this.#of = of;
    this.#url = of.url ?? '';
    this.#course = course;
    this.#tallies = tallies;
    this.#since = course.runtime.clock();
  }

  /** `deadlines`: what is waited for meanwhile. */
  connecting(deadlines: Deadlines): void {
    this.#deadlines = deadlines;
    this.#to({ is: 'connecting' }, undefined);
  }

  opened(url: string): void {
    this.#url = url;
  }

  connected(session: Session): void {
    for (const rate of [this.#docsRate, this.#bytesRate, this.#addedRate]) rate.restart();
    this.#to({ is: 'connected' }, session);
  }

  waiting(error: unknown, ms: number): void {
    const { runtime } = this.#course;
    this.failed(error);
    const why = messageOf(error);
    this.#to({ is: 'waiting', why, retryAt: runtime.clock() + ms, until: runtime.elapsed() + ms }, undefined);
  }

  fenced(error: unknown): void {
    this.failed(error);
    this.#to({ is: 'fenced', why: messageOf(error) }, undefined);
  }

  stopped(error: unknown): void {
    if (error !== null) this.failed(error);
    this.#to({ is: 'stopped', why: error === null ? 'Stopped.' : messageOf(error) }, undefined);
  }

  failed(error: unknown): void {
    this.#lastError = { code: codeOf(error), message: messageOf(error), at: this.#course.runtime.clock() };
  }

  /** Something changed that operators should see at once. */
  changed(session: Session | undefined): void {
    this.#of.onStatus?.(this.status(session));
  }

  status(session: Session | undefined): DestinationStatus {
    const { runtime, metrics, limits, lag, throttle } = this.#course;
    const databases = [...this.#tallies].map(([database, tally]) => databaseStatus(database, tally));
    const docsToDo = sum(databases, ({ docsToDo }) => docsToDo);
    const state = this.#shownState(session, docsToDo);
    if (state !== this.#state) {
      this.#state = state;
      this.#since = runtime.clock();
    }
    this.#sample();
    const docsPerSecond = this.#docsRate.perSecond();
    return {
      ...{ name: this.#of.name, url: this.#url, direction: this.#of.direction },
      ...{ state, why: this.#why(state, session, docsToDo), since: this.#since },
      retryAt: this.#phase.is === 'waiting' ? this.#phase.retryAt : null,
      ...{ databases, docs: metrics.docs, bytes: metrics.bytes, docsToDo },
      docsPerSecond: docsPerSecond ?? 0,
      bytesPerSecond: this.#bytesRate.perSecond() ?? 0,
      etaMs: etaMs(docsToDo, docsPerSecond, this.#addedRate.perSecond()),
      ...{ lagMs: lag.percentiles(), behindMs: this.#behindMs(session) },
      ...{ conflicts: metrics.conflicts, aside: sum([...this.#tallies.values()], ({ aside }) => aside) },
      ...{ retries: metrics.failures, lastError: this.#lastError, limits },
      throttle: THROTTLES[throttle] ?? throttle,
    };
  }

  #to(phase: Phase, session: Session | undefined): void {
    this.#phase = phase;
    this.changed(session);
  }

  #shownState(session: Session | undefined, docsToDo: number): DestinationState {
    const { is } = this.#phase;
    if (is === 'stopped' || is === 'fenced') return is;
    if (this.#course.paused !== null) return 'paused';
    if (is !== 'connected' || session === undefined) return is === 'connected' ? 'connecting' : is;
    const isBehind = docsToDo >= BACKFILL_DOCS_MIN;
    return isBehind ? 'backfilling' : 'tailing';
  }

  #why(state: DestinationState, session: Session | undefined, docsToDo: number): string {
    const phase = this.#phase;
    const oldest = (session?.link.deadlines ?? this.#deadlines)?.oldest();
    const wait = oldest && oldest.ms >= WORTH_TELLING_MS ? ` Waits for ${oldest.what}, for ${seconds(oldest.ms)}.` : '';
    if (state === 'paused') return `Paused: ${this.#course.paused}`;
    if (phase.is === 'waiting') {
      const ms = Math.max(0, phase.until - this.#course.runtime.elapsed());
      // What is found as a session ends is told before it is settled whether there is another.
      return ms === 0 ? phase.why : `${phase.why} Tries again in ${seconds(ms)}.`;
    }
    if (phase.is === 'fenced' || phase.is === 'stopped') return phase.why;
    if (state === 'connecting') return `Looks for the destination.${wait}`;
    if (state === 'backfilling') return `${docsToDo} documents to do.${wait}`;
    return docsToDo === 0 ? `Up to date.${wait}` : `${docsToDo} documents are on their way.${wait}`;
  }

  #sample(): void {
    const at = this.#course.runtime.elapsed();
    const { docs, bytes } = this.#course.metrics;
    this.#docsRate.sample(docs, at);
    this.#bytesRate.sample(bytes, at);
    this.#addedRate.sample(
      sum([...this.#tallies.values()], ({ progress }) => progress.added),
      at,
    );
  }

  #behindMs(session: Session | undefined): number {
    let oldest: number | undefined;
    for (const { prefix } of session?.senders ?? []) oldest = smaller(oldest, prefix.oldestWrittenAt());
    for (const { behindSince } of session?.tails ?? []) oldest = smaller(oldest, behindSince ?? undefined);
    if (session === undefined)
      for (const { lacksSince } of this.#tallies.values()) oldest = smaller(oldest, lacksSince);
    return oldest === undefined ? 0 : Math.max(0, this.#course.runtime.clock() - oldest);
  }
}

function databaseStatus(database: DatabaseName, { docs, bytes, progress }: DatabaseTally): DatabaseStatus {
  return { database, docs, bytes, docsToDo: progress.toDo, share: progress.share };
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function seconds(ms: number): string {
  return ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

function messageOf(error: unknown): string {
  if (error instanceof CodedError) return `${error.message} (${error.code})`;
  return error instanceof Error ? error.message : String(error);
}
