/**
 * The crawler's own queue in simulated time: where all that wait, wait for their hosts, the answer comes when the
 * simulated clock says so, or when something has changed.
 */
import type { Claim, ClaimAnswer, Job } from '../../crawler/queue/contract.ts';
import { LocalQueue, type LocalQueueOptions } from '../../crawler/queue/local.ts';
import type { SimulatedClock } from './simulated-clock.ts';

export class WatchedQueue extends LocalQueue {
  readonly #simulated: SimulatedClock;
  readonly #feeds = new Set<string>();
  /** Feed -> when it was claimed, in requests that the publishers had had by then. */
  readonly claimed = new Map<string, number>();
  readonly #seq: () => number;
  #changed = new AbortController();
  #killed = false;
  /** Claims that were asked for and not answered yet, but for those that sleep. */
  #busy = 0;
  /** Something has changed since it was last asked what to do. */
  #news = false;

  /** `seq`: how many requests the publishers have had. */
  constructor(hosts: LocalQueueOptions['hosts'], clock: SimulatedClock, seq: () => number) {
    super({ clock: clock.now, hosts });
    this.#simulated = clock;
    this.#seq = seq;
  }

  has(feed: string): boolean {
    return this.#feeds.has(feed);
  }

  /** Nobody asks, or is about to. */
  get calm(): boolean {
    return this.#busy === 0 && !this.#news;
  }

  /** Nothing is given out any more, as when the process has ended. */
  kill(): void {
    this.#killed = true;
    this.#change();
  }

  override async add(jobs: readonly Job[]): Promise<number> {
    for (const { feed } of jobs) this.#feeds.add(feed);
    const added = await super.add(jobs);
    if (jobs.length > 0) this.#change(added > 0);
    return added;
  }

  override async claim(): Promise<ClaimAnswer> {
    this.#busy += 1;
    try {
      for (;;) {
        const changed = this.#changed.signal;
        this.#news = false;
        const answer: ClaimAnswer = this.#killed ? { kind: 'empty' } : await super.claim();
        if (answer.kind === 'claimed') this.claimed.set(answer.claim.job.feed, this.#seq());
        if (answer.kind !== 'wait' || answer.ms === null) return answer;
        this.#busy -= 1;
        await this.#simulated.sleep(Math.max(1, answer.ms), changed);
        this.#busy += 1;
      }
    } finally {
      this.#busy -= 1;
    }
  }

  override async done(claim: Claim): Promise<void> {
    this.#feeds.delete(claim.job.feed);
    this.claimed.delete(claim.job.feed);
    await super.done(claim);
    this.#change();
  }

  override async giveBack(claim: Claim): Promise<void> {
    this.claimed.delete(claim.job.feed);
    await super.giveBack(claim);
    this.#change();
  }

  override async clear(): Promise<number> {
    this.#feeds.clear();
    const cleared = await super.clear();
    this.#change();
    return cleared;
  }

  #change(news = true): void {
    this.#news ||= news;
    const before = this.#changed;
    this.#changed = new AbortController();
    before.abort();
  }
}
