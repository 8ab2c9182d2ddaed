import { type Pause, pauseIn } from './note.ts';

/** Between two looks at the note. */
const LOOK_MS = 250;
/** A claim needs a look that was begun no longer ago: together with the claim itself it is well within a second. */
const FRESH_MS = 600;
const LOOKS_MAX = 3;

export interface PauseWatchOptions {
  /** Reads the note. May wait for a store that does not answer, within a limit. */
  readonly read: () => Promise<Pause | undefined>;
  /** Told when a pause begins, becomes another one, or ends (null). */
  readonly onChange: (pause: Pause | null) => void;
}

/**
 * What one process knows of the pause. A process that was stopped for an hour, or whose store does not answer, does not
 * go by what it knew before: it asks, and claims nothing until it is told.
 */
export class PauseWatch {
  readonly #options: PauseWatchOptions;
  #pause: Pause | null = null;
  /** By the monotonic clock: when the question was asked whose answer is known. */
  #knownAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: PauseWatchOptions) {
    this.#options = options;
  }

  /** As of the last look. */
  get pause(): Pause | null {
    return this.#pause;
  }

  start(): void {
    this.#timer = setTimeout(async () => {
      // Whoever wants to claim asks again, and is told of the trouble.
      await this.look().catch(() => {});
      if (!this.#stopped) this.start();
    }, LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /**
   * An answer that took long may have lain here while the process was stopped: it is asked again. One that takes long every
   * time is of a slow store. Throws what reading the note threw.
   */
  async mayClaim(): Promise<boolean> {
    for (let looks = 0; looks < LOOKS_MAX && performance.now() - this.#knownAt > FRESH_MS; looks += 1)
      await this.look();
    return this.#pause === null;
  }

  /** Asks now; joins a question that is under way. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** As `look`, but asks after this call. */
  async lookAfresh(): Promise<void> {
    await this.#looking;
    await this.look();
  }

  async #look(): Promise<void> {
    const askedAt = performance.now();
    const pause = pauseIn(await this.#options.read());
    this.#knownAt = askedAt;
    const before = this.#pause;
    this.#pause = pause;
    if (pause?.id !== before?.id && !this.#stopped) this.#options.onChange(pause);
  }
}
