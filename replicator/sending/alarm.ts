import type { Runtime } from '../runtime.ts';

const RUNG = 'rung';

/** Sleep that can be cut short: whoever changes what sleepers wait for rings. */
export class Alarm {
  readonly #runtime: Runtime;
  #bell = new AbortController();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Until `ms` have passed or somebody rings. */
  sleep(ms: number): Promise<void> {
    return this.#runtime.sleep(ms, this.#bell.signal);
  }

  ring(): void {
    const bell = this.#bell;
    this.#bell = new AbortController();
    // With a reason of its own: making the usual one costs more than everything else here.
    bell.abort(RUNG);
  }
}
