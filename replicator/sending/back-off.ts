import type { Runtime } from '../runtime.ts';

export const BACK_OFF_MS_MIN = 200;
export const BACK_OFF_MS_MAX = 60_000;

/** Pauses between attempts: twice as long each time, at most a minute, with jitter so that many don't come at once. */
export class BackOff {
  readonly #runtime: Runtime;
  #ms = BACK_OFF_MS_MIN;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** In ms: between half of the pause and all of it. */
  next(): number {
    const ms = this.#ms;
    this.#ms = Math.min(ms * 2, BACK_OFF_MS_MAX);
    return ms * (0.5 + this.#runtime.random() / 2);
  }

  succeeded(): void {
    this.#ms = BACK_OFF_MS_MIN;
  }
}
