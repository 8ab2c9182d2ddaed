/**
 * What one host may be asked: so many requests at once, and so long between the starts of two. In memory, for one
 * process; a host is forgotten as soon as it would be free again anyway.
 */
export interface HostLimits {
  /** At once. */
  readonly connections: number;
  /** Between two starts, and from the end of one to the start of the next, as one may leave long after its claim. */
  readonly gapMs: number;
}

/** Hosts that are remembered before the idle ones are swept out. */
const SWEEP_SIZE = 1_024;

interface Host {
  inFlight: number;
  nextStartAt: number;
}

export class HostBudget {
  readonly #limits: HostLimits;
  readonly #hosts = new Map<string, Host>();
  #sweepAt = SWEEP_SIZE;

  constructor(limits: HostLimits) {
    this.#limits = limits;
  }

  /** 0: may start now. Infinity: when one in flight has ended. Else: in so many ms. */
  waitMs(host: string, now: number): number {
    const state = this.#hosts.get(host);
    if (state === undefined) return 0;
    if (state.inFlight >= this.#limits.connections) return Number.POSITIVE_INFINITY;
    // A clock that was set back must not keep a host waiting for longer than a gap.
    state.nextStartAt = Math.min(state.nextStartAt, now + this.#limits.gapMs);
    return Math.max(0, state.nextStartAt - now);
  }

  start(host: string, now: number): void {
    const nextStartAt = now + this.#limits.gapMs;
    const state = this.#hosts.get(host);
    if (state === undefined) {
      this.#sweep(now);
      this.#hosts.set(host, { inFlight: 1, nextStartAt });
    } else {
      state.inFlight += 1;
      state.nextStartAt = nextStartAt;
    }
  }

  end(host: string, now: number): void {
    const state = this.#hosts.get(host);
    if (state === undefined || state.inFlight === 0) return;
    state.inFlight -= 1;
    state.nextStartAt = Math.max(state.nextStartAt, now + this.#limits.gapMs);
  }

  #sweep(now: number): void {
    if (this.#hosts.size < this.#sweepAt) return;
    for (const [host, { inFlight, nextStartAt }] of this.#hosts) {
      if (inFlight === 0 && nextStartAt <= now) this.#hosts.delete(host);
    }
    this.#sweepAt = Math.max(SWEEP_SIZE, this.#hosts.size * 2);
  }
}

/** The host of a feed's URL as politeness sees it: without the port, for it is the same machine behind all of them. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}
