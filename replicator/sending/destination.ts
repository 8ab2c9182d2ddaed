import type { DatabaseName } from '../../store/documents.ts';
import { CodedError, codeOf } from '../../store/errors.ts';
import { checkpointTo } from '../checkpoint.ts';
import { fenceSource } from '../failover/fence-source.ts';
import type { Policies } from '../policy.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import type { Runtime } from '../runtime.ts';
import type { DestinationStatus, Limits } from '../status.ts';
import type { Target } from '../target.ts';
import type { Vector } from '../vector.ts';
import { Alarm } from './alarm.ts';
import { BackOff } from './back-off.ts';
import { type Course, courseOf, newTally, sessionId } from './course.ts';
import { Deadlines } from './deadlines.ts';
import { DestinationView } from './destination-view.ts';
import type { ReplicationFaults } from './failpoints.ts';
import { lookForChanges, noteWhatIsLacking, recallSite } from './lacking.ts';
import { withLimits } from './limits.ts';
import type { ReplicationMetrics } from './metrics.ts';
import { beginSession, closeWithin, type Session, type SessionPlan } from './session.ts';
import { BeginAgain } from './source-note.ts';

/** Stopping waits so long for what is under way. */
export const STOP_MS_MAX = 5000;

/** With `once`: so many sessions in a row may fail before it gives up. */
const ONCE_TRIES_MAX = 10;

/** While it waits for another attempt, it looks so often what has changed at the source. */
const LOOK_MS = 5000;

/** How often a status is shown while nothing special happens. */
const SHOW_MS = 1000;

/** The same call would fail again, but another session may get on: it opens the destination and its writers anew. */
const MENDED_BY_SESSION: ReadonlySet<string> = new Set([
  ...['WRITER_FENCED', 'WRITER_CLOSED', 'WRITE_UNRESOLVED', 'WIRE_TOO_LARGE'],
  ...['STORE_CLOSED', 'STORE_GONE', 'STORE_IO_FAILED'],
]);

export interface DestinationOptions {
  readonly name: string;
  /** Shown until the destination was opened and tells its own. Without credentials. */
  readonly url?: string;
  readonly source: ReplicatedStore;
  /** Called for every session anew. */
  readonly open: () => Promise<Target>;
  readonly databases: readonly DatabaseName[];
  readonly direction: 'one-way' | 'two-way';
  readonly policies: Policies;
  readonly adopt: boolean;
  readonly limits: Limits;
  readonly runtime: Runtime;
  /** Ends when the destination has all that the source had at the start. */
  readonly once: boolean;
  readonly onStatus?: (status: DestinationStatus) => void;
  readonly faults?: ReplicationFaults;
}

export interface DestinationSummary {
  readonly name: string;
  readonly docs: number;
  readonly bytes: number;
  readonly elapsedMs: number;
  readonly metrics: ReplicationMetrics;
  readonly aside: number;
}

export interface RunningDestination {
  readonly name: string;
  status(): DestinationStatus;
  /** `why`: shown to operators. */
  pause(why: string): void;
  resume(): void;
  setLimits(limits: Partial<Limits>): void;
  /** Everything is sent again from the beginning. Resolves when that is certain to happen, even after a kill. */
  reseed(): Promise<void>;
  /** Finishes what is under way, at most `STOP_MS_MAX`, and saves how far it came. */
  stop(): Promise<void>;
  /** Rejects where it can't go on by itself: REPLICATION_TAKEN_OVER; with `once` also what does not pass by itself. */
  readonly ended: Promise<DestinationSummary>;
}

/** Begins to keep one destination supplied, and goes on whatever happens, until it is stopped. */
export function startDestination(options: DestinationOptions): RunningDestination {
  return new Destination(options);
}

/** It does not pass by itself: `once` ends with it. Otherwise somebody may mend it meanwhile. */
function isLasting(error: unknown): boolean {
  return error instanceof CodedError && !error.retryable && !MENDED_BY_SESSION.has(error.code);
}

/** An abort with a reason of its own is cheaper than one with an exception. */
const ENDED = 'ended';

/** Not a failure: somebody stopped it, or all is done. */
class Ended extends Error {}

class Destination implements RunningDestination {
  readonly name: string;
  readonly ended: Promise<DestinationSummary>;
  readonly #options: DestinationOptions;
  readonly #course: Course;
  readonly #plan: SessionPlan;
  readonly #view: DestinationView;
  readonly #alarm: Alarm;
  readonly #backOff: BackOff;
  readonly #startedAt: number;
  #session: Session | undefined;
  #deadlines: Deadlines | undefined;
  #isStopping = false;
  #isFenced = false;
  #failuresInARow = 0;

  constructor(options: DestinationOptions) {
    const { name, source, runtime, databases, direction, policies, adopt } = options;
    this.name = name;
    this.#options = options;
    this.#startedAt = runtime.elapsed();
    this.#course = courseOf(options);
    this.#plan = {
      ...{ session: sessionId(source.site, runtime), databases, direction, policies, adopt },
      tallies: new Map(databases.map((each) => [each, newTally()])),
      ...{ epoch: 0, site: undefined },
      goals: options.once ? new Map<DatabaseName, Vector>() : null,
      ...{ begun: new Set<DatabaseName>(), reseed: new Set<DatabaseName>() },
    };
    this.#view = new DestinationView(options, this.#course, this.#plan.tallies);
    this.#alarm = new Alarm(runtime);
    this.#backOff = new BackOff(runtime);
    this.ended = this.#run();
    // Whoever waits for the end sees the error there.
    this.ended.catch(() => {});
  }

  status(): DestinationStatus {
    return this.#view.status(this.#session);
  }

  pause(why: string): void {
    this.#course.paused = why;
    this.#wake();
    this.#view.changed(this.#session);
  }

  resume(): void {
    if (this.#course.paused === null && !this.#isFenced) return;
    this.#course.paused = null;
    this.#isFenced = false;
    this.#wake();
    this.#view.changed(this.#session);
  }

  setLimits(change: Partial<Limits>): void {
    const { runtime, docsBucket, bytesBucket } = this.#course;
    const limits = withLimits(this.#course.limits, change);
    this.#course.limits = limits;
    docsBucket.setRate(limits.docsPerSecondMax, runtime.elapsed());
    bytesBucket.setRate(limits.bytesPerSecondMax, runtime.elapsed());
    this.#session?.link.adjust();
    this.#wake();
  }

  async reseed(): Promise<void> {
    for (const database of this.#plan.databases) this.#plan.reseed.add(database);
    const site = this.#plan.site ?? (await recallSite(this.#options.source.control, this.name));
    if (site === undefined) return;
    // Without the source's note there is no common session: from then on it is certain.
    for (const name of this.#plan.databases) await this.#options.source.control.delete(checkpointTo(site, name));
    this.#session?.link.fail(new BeginAgain());
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    const ended = new AbortController();
    const ending = this.ended.then(
      () => ended.abort(ENDED),
      () => ended.abort(ENDED),
    );
    await this.#options.runtime.sleep(STOP_MS_MAX, ended.signal);
    this.#session?.link.finish(new Ended());
    await ending;
  }

  #wake(): void {
    this.#alarm.ring();
    if (this.#session === undefined) {
      if (this.#isStopping) this.#deadlines?.end(new Ended());
    } else if (this.#isStopping) {
      this.#session.link.wind();
    } else {
      this.#session.link.alarm.ring();
    }
  }

  async #run(): Promise<DestinationSummary> {
    const shown = new AbortController();
    const showing = this.#show(shown.signal);
    try {
      // Whoever started this has it in hand before anything happens.
      await null;
      while (!this.#isStopping) {
        if (this.#isFenced || this.#course.paused !== null) {
          await this.#alarm.sleep(SHOW_MS);
        } else if (await this.#attempt()) {
          break;
        }
      }
      this.#view.stopped(null);
      return this.#summary();
    } catch (error) {
      this.#view.stopped(error);
      throw error;
    } finally {
      shown.abort(ENDED);
      await showing;
    }
  }

  /** One session, from opening the destination to its end. True: all is done. */
  async #attempt(): Promise<boolean> {
    try {
      const isDone = await this.#work();
      this.#failuresInARow = 0;
      return isDone;
    } catch (error) {
      if (error instanceof BeginAgain) return false;
      if (error instanceof Ended || (this.#isStopping && codeOf(error) !== 'REPLICATION_TAKEN_OVER')) return true;
      this.#course.metrics.failures += 1;
      this.#failuresInARow += 1;
      await this.#meet(error);
      return false;
    }
  }

  async #work(): Promise<boolean> {
    const course = this.#course;
    const { runtime, metrics } = course;
    const end = new AbortController();
    const deadlines = new Deadlines(runtime);
    this.#deadlines = deadlines;
    void deadlines.watch(end.signal);
    this.#view.connecting(deadlines);
    metrics.sessions += 1;
    let target: Target | undefined;
    try {
      target = await this.#open(deadlines);
      this.#view.opened(target.url);
      const session = await beginSession(course, this.#plan, target, deadlines);
      this.#session = session;
      this.#view.connected(session);
      if (this.#isStopping) session.link.wind();
      return await this.#carryThrough(session);
    } catch (error) {
      // Told before the far end is closed, which takes long where it does not answer.
      if (!(error instanceof Ended || error instanceof BeginAgain || this.#isStopping)) this.#view.waiting(error, 0);
      throw error;
    } finally {
      end.abort(ENDED);
      this.#deadlines = undefined;
      if (this.#session) noteWhatIsLacking(this.#session, this.#plan);
      this.#session = undefined;
      if (target) await closeWithin(STOP_MS_MAX, course, target);
    }
  }

  async #open(deadlines: Deadlines): Promise<Target> {
    const opening = this.#options.open();
    return await deadlines.limit(opening, 'the destination to open').catch((error: unknown) => {
      // What opens too late must not stay open.
      opening.then((late) => late.close()).catch(() => {});
      throw error;
    });
  }

  async #carryThrough(session: Session): Promise<boolean> {
    const { link } = session;
    await Promise.race([session.done, link.over]);
    if (link.isOver) await Promise.all(session.senders.map(({ note }) => note.saveLast()));
    if (session.senders.some((sender) => sender.caughtUp || sender.prefix.docs > 0)) {
      this.#backOff.succeeded();
      this.#failuresInARow = 0;
    }
    if (this.#course.faults) await this.#course.faults.at('closing');
    try {
      // With the destination settled, what it acknowledged is final.
      if (!link.isOver) await link.deadlines.limit(link.target.close(), 'the destination to settle');
    } catch (error) {
      link.fail(error);
    }
    if (link.isOver) await closeWithin(STOP_MS_MAX, this.#course, link.target);
    link.finish(new Ended());
    if (link.failure) throw link.failure.error;
    return true;
  }

  /** What becomes of a failure: the end, a fence, or another attempt after a pause. */
  async #meet(error: unknown): Promise<void> {
    const code = codeOf(error);
    if (code === 'REPLICATION_TAKEN_OVER') throw error;
    if (code === 'REPLICATION_EPOCH_OLDER' && (await this.#fence(error))) return;
    if (this.#options.once && (isLasting(error) || this.#failuresInARow >= ONCE_TRIES_MAX)) throw error;
    const ms = this.#backOff.next();
    const until = this.#course.runtime.elapsed() + ms;
    this.#view.waiting(error, ms);
    await this.#watchSourceUntil(until);
  }

  /** What is written meanwhile is counted, so that operators see how far behind the destination gets. */
  async #watchSourceUntil(until: number): Promise<void> {
    const { runtime } = this.#course;
    const end = new AbortController();
    const deadlines = new Deadlines(runtime);
    this.#deadlines = deadlines;
    void deadlines.watch(end.signal);
    try {
      while (!this.#isStopping && this.#course.paused === null && runtime.elapsed() < until) {
        await lookForChanges(this.#course, this.#plan, deadlines, runtime.clock).catch(() => {});
        const ms = Math.min(LOOK_MS, until - runtime.elapsed());
        if (ms > 0 && !this.#isStopping) await this.#alarm.sleep(ms);
      }
    } finally {
      end.abort(ENDED);
      this.#deadlines = undefined;
    }
  }

  /** False: the source could not be fenced yet; the next session tries again. */
  async #fence(error: unknown): Promise<boolean> {
    const { source, databases, runtime, once } = this.#options;
    try {
      const why = error instanceof Error ? error.message : String(error);
      if (!(await fenceSource(source, databases, why, runtime.clock(), this.#plan.epoch))) return false;
    } catch {
      return false;
    }
    if (once) throw error;
    this.#isFenced = true;
    this.#view.fenced(error);
    return true;
  }

  async #show(signal: AbortSignal): Promise<void> {
    if (this.#options.onStatus === undefined) return;
    while (!signal.aborted) {
      await this.#course.runtime.sleep(SHOW_MS, signal);
      this.#view.changed(this.#session);
    }
  }

  #summary(): DestinationSummary {
    const { metrics, runtime } = this.#course;
    const { docs, bytes } = metrics;
    const aside = [...this.#plan.tallies.values()].reduce((sum, tally) => sum + tally.aside, 0);
    return { name: this.name, docs, bytes, elapsedMs: runtime.elapsed() - this.#startedAt, metrics, aside };
  }
}
