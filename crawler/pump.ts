import type { Claim, Queue } from './queue/contract.ts';

export interface PumpOptions {
  readonly queue: Queue;
  /** Jobs at once. */
  readonly concurrency: number;
  /** `back`: the job was not done and waits again. Must not throw. */
  readonly work: (claim: Claim) => Promise<'done' | 'back'>;
  /** The queue itself failed; the pump has stopped. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Keeps so many jobs going as there are places, as long as the queue gives any. A job that waits for its host takes no
 * place: the queue does not give it out before.
 */
export class Pump {
  readonly #options: PumpOptions;
  readonly #idle = new Set<() => void>();
  #active = 0;
  #stopped = true;
  #claiming = false;
  #again = false;
  /** All that the queue had is done. */
  #drained = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PumpOptions) {
    this.#options = options;
  }

  get active(): number {
    return this.#active;
  }

  start(): void {
    this.#stopped = false;
    this.kick();
  }

  /** No more claims; what is in flight goes on. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#settleIfIdle();
  }

  /** There is something new in the queue. */
  kick(): void {
    this.#drained = false;
    this.#claim();
  }

  /** Resolves when nothing is in flight, and nothing waits that the pump will still claim. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.add(resolve);
      this.#settleIfIdle();
    });
  }

  #claim(): void {
    this.#again = true;
    if (this.#claiming) return;
    this.#claiming = true;
    this.#claimAll()
      .catch((error) => {
        this.stop();
        this.#options.onFailure(error);
      })
      .finally(() => {
        this.#claiming = false;
        // Somebody may have called between the last look and now.
        if (this.#again && !this.#stopped) this.#claim();
        this.#settleIfIdle();
      });
  }

  async #claimAll(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      clearTimeout(this.#timer);
      while (!this.#stopped && this.#active < this.#options.concurrency) {
        const answer = await this.#options.queue.claim();
        if (answer.kind === 'claimed') {
          this.#active += 1;
          void this.#do(answer.claim);
          continue;
        }
        this.#drained = answer.kind === 'empty';
        const ms = (answer.kind === 'wait' ? answer.ms : null) ?? this.#options.queue.pollMs;
        if (ms !== null && !this.#stopped) this.#timer = setTimeout(() => this.#claim(), ms);
        break;
      }
    }
  }

  async #do(claim: Claim): Promise<void> {
    const { queue, work, onFailure } = this.#options;
    try {
      const end = await work(claim);
      await (end === 'done' ? queue.done(claim) : queue.giveBack(claim));
    } catch (error) {
      this.stop();
      onFailure(error);
    } finally {
      this.#active -= 1;
      this.#claim();
      this.#settleIfIdle();
    }
  }

  #settleIfIdle(): void {
    if (this.#active > 0 || this.#claiming || !(this.#stopped || this.#drained)) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }
}
