/** One process that crawls, as one of all that crawl for the site: it goes by the site's pause, and shows itself. */
import type { Clock } from '../../store/contract.ts';
import type { Pump } from '../pump.ts';
import type { Queue } from '../queue/contract.ts';
import { isShutOut, type StoreSession } from '../store-session.ts';
import { within } from '../within.ts';
import { CheckedQueue } from './checked-queue.ts';
import { type Pause, readPause } from './note.ts';
import { Heartbeat, type ProcessKind, type ProcessState } from './processes.ts';
import { PauseWatch } from './watch.ts';

/** What was broken off has so long to be given back. */
const BREAK_OFF_MS_MAX = 3_000;

export const UNKNOWN_KIND: ProcessKind = { command: 'crawl', version: 'unknown', queue: 'local:' };

export interface MemberOptions {
  readonly session: StoreSession;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly kind: ProcessKind;
  /** Asked when the process shows itself. */
  readonly state: () => 'crawling' | 'waiting' | 'stopping';
  readonly pump: () => Pump;
  /** Fetches in flight end at once and are given back. */
  readonly breakOff: () => void;
  /** Nothing more is claimed: the pump was stopped. */
  readonly onPause: (pause: Pause) => void;
  /** The pump may be started again. */
  readonly onResume: () => void;
}

export class Member {
  /** What the pump claims from. */
  readonly queue: Queue;
  readonly #options: MemberOptions;
  readonly #watch: PauseWatch;
  readonly #heartbeat: Heartbeat;
  #phase: 'crawling' | 'pausing' | 'paused' = 'crawling';
  #inFlightThen = 0;
  #givenBack = 0;

  constructor(options: MemberOptions) {
    const { session, queue, clock, kind } = options;
    this.#options = options;
    this.#watch = new PauseWatch({
      read: () => session.read(({ control }) => readPause(control)),
      onChange: (pause) => this.#changed(pause),
    });
    this.queue = new CheckedQueue(queue, this.#watch);
    this.#heartbeat = new Heartbeat({
      ...{ control: session.control, clock, kind },
      state: () => this.#state(),
    });
  }

  /** Null: none that this process knows of. */
  get pause(): Pause | null {
    return this.#watch.pause;
  }

  get phase(): 'crawling' | 'pausing' | 'paused' {
    return this.#phase;
  }

  /** `showAfterMs`: a process that ends sooner is seen by nobody. */
  start(showAfterMs = 0): void {
    this.#watch.start();
    this.#heartbeat.start(showAfterMs);
  }

  /** Asks the store now. Throws StoreTrouble. */
  look(): Promise<void> {
    return this.#watch.look();
  }

  /** True where the store refused a write because the crawlers are paused: then this process looks at once. */
  wasShutOut(error: unknown): boolean {
    if (!isShutOut(error)) return false;
    this.look().catch(() => {});
    return true;
  }

  /** No more looks. */
  async stop(): Promise<void> {
    this.#watch.stop();
    await this.#heartbeat.stop();
  }

  #changed(pause: Pause | null): void {
    if (pause !== null) {
      void this.#pause(pause);
      return;
    }
    this.#phase = 'crawling';
    this.#heartbeat.beat();
    this.#options.onResume();
  }

  async #pause(pause: Pause): Promise<void> {
    const { pump, session, breakOff, onPause } = this.#options;
    this.#phase = 'pausing';
    pump().stop();
    this.#inFlightThen = pump().active;
    this.#givenBack = 0;
    onPause(pause);
    this.#heartbeat.beat();
    const isOver = (): boolean => this.#watch.pause?.id !== pause.id;
    await within(pause.finishMsMax, pump().whenIdle());
    if (isOver()) return;
    this.#givenBack = pump().active;
    if (pump().active > 0) {
      breakOff();
      await within(BREAK_OFF_MS_MAX, pump().whenIdle());
      if (isOver()) return;
    }
    // The slots go back; a store that does not take them back fences them.
    await session.close().catch(() => {});
    if (isOver()) return;
    this.#phase = 'paused';
    this.#heartbeat.beat();
  }

  #state(): ProcessState {
    const { pump, queue, state } = this.#options;
    return {
      state: this.#phase === 'crawling' ? state() : this.#phase,
      inFlight: pump().active,
      waiting: queue.waiting,
      pause: this.pause?.id ?? null,
      inFlightThen: this.#inFlightThen,
      givenBack: this.#givenBack,
    };
  }
}
