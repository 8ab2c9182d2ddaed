/** Taken at a time: each question costs a server as much as the note that the revision is for. */
const AHEAD = 16;

/**
 * Revisions of one writer's notes, or of the notes that are replaced by compare-and-set: taken from the counter of the
 * store several at a time, and given out in the order of the calls.
 */
export class Revisions {
  readonly #count: (revisions: number) => Promise<number>;
  #next = 1;
  #last = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** `count` takes so many from the counter, and returns the last one. */
  constructor(count: (revisions: number) => Promise<number>) {
    this.#count = count;
  }

  /** `above`: what it replaces; others may have taken more revisions since these were. */
  next(above = 0): Promise<number> {
    const mine = this.#turn.then(() => this.#take(above));
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #take(above: number): Promise<number> {
    if (this.#next > this.#last || this.#next <= above) {
      this.#last = await this.#count(AHEAD);
      this.#next = this.#last - AHEAD + 1;
    }
    const revision = this.#next;
    this.#next += 1;
    return revision;
  }
}
