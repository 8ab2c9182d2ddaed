/**
 * A clock that stands still until it is told what time it is. Whoever waits by it is woken at that moment, so that thirty
 * days pass in as long as their events take.
 */
interface Sleeper {
  readonly at: number;
  wake(): void;
}

export class SimulatedClock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(startMs: number) {
    this.#now = startMs;
  }

  /** ms since 1970. */
  readonly now = (): number => this.#now;

  /** Resolves when so many ms have passed, or at once when `signal` is aborted. */
  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper: Sleeper = { at: this.#now + ms, wake };
      if (ms <= 0 || signal?.aborted === true) return resolve();
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake, { once: true });
    });

  /** When the first of those who sleep wants to be woken; null: nobody sleeps. */
  next(): number | null {
    let first: number | null = null;
    for (const { at } of this.#sleepers) if (first === null || at < first) first = at;
    return first;
  }

  /** Wakes all whose time has come. Time never goes back. */
  advanceTo(now: number): void {
    this.#now = Math.max(this.#now, now);
    for (const sleeper of [...this.#sleepers]) if (sleeper.at <= this.#now) sleeper.wake();
  }
}
