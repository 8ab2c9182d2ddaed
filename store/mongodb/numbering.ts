/**
 * The numbers of one writer, in memory (DESIGN section 4, points 1 and 2). A number is taken, then resolved once it is
 * sure that its write landed or never will; `settled` is the lowest unresolved one, minus 1. No number is taken further
 * beyond what was published than the window, as a takeover fills no further. Pure.
 */
export class Numbering {
  readonly #window: number;
  readonly #early = new Set<number>();
  #last: number;
  #settled: number;
  #published: number;

  /** `start`: everything up to here is settled and published. */
  constructor(start: number, window: number) {
    this.#window = window;
    this.#last = start;
    this.#settled = start;
    this.#published = start;
  }

  /** The last number that was taken. */
  get last(): number {
    return this.#last;
  }

  get settled(): number {
    return this.#settled;
  }

  get published(): number {
    return this.#published;
  }

  hasRoom(count: number): boolean {
    return this.#last + count <= this.#published + this.#window;
  }

  take(): number {
    if (!this.hasRoom(1)) throw new RangeError('a number beyond the window');
    this.#last += 1;
    return this.#last;
  }

  resolve(n: number): void {
    if (n <= this.#settled || n > this.#last) return;
    this.#early.add(n);
    while (this.#early.delete(this.#settled + 1)) this.#settled += 1;
  }

  /** `stable` was stored as this. */
  publish(stable: number): void {
    this.#published = Math.max(this.#published, stable);
  }
}
