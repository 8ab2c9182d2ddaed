const SET_ASIDE_MS = 3_600_000;

/** Feeds that met a fault of ours: they stay due, and are left alone for an hour. */
export class SetAside {
  readonly #until = new Map<string, number>();

  add(feed: string, now: number): void {
    this.#until.set(feed, now + SET_ASIDE_MS);
  }

  /** A clock that was set back makes no hour longer. */
  has(feed: string, now: number): boolean {
    const until = this.#until.get(feed);
    if (until === undefined) return false;
    if (now < until && until - now <= SET_ASIDE_MS) return true;
    this.#until.delete(feed);
    return false;
  }
}
