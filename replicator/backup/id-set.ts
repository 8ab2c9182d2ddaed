import { hash } from 'node:crypto';

/** Half of it filled at most: 16 to 32 bytes an id. */
const FILL_MAX = 0.5;

/**
 * A set of ids that keeps 64 bits of a hash of each. It can take an id for another one: among ten million, once in
 * 370,000 such sets. Whoever uses it must notice that, as a comparison of sums does.
 */
export class IdSet {
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #mask: number;

  /** For so many ids at most; more of them throw a RangeError. */
  #room: number;

  constructor(idsMax: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, idsMax / FILL_MAX)));
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#mask = size - 1;
    this.#room = Math.floor(size * FILL_MAX);
  }

  /** False: it was there. */
  add(id: string): boolean {
    const digest = hash('sha256', id, 'buffer');
    const high = digest.readUInt32LE(0);
    // Both words 0: a free place.
    const low = digest.readUInt32LE(4) || 1;
    for (let i = digest.readUInt32LE(8) & this.#mask; ; i = (i + 1) & this.#mask) {
      if (this.#high[i] === high && this.#low[i] === low) return false;
      if (this.#low[i] !== 0) continue;
      this.#room -= 1;
      if (this.#room < 0) throw new RangeError('more ids than the set was made for');
      this.#high[i] = high;
      this.#low[i] = low;
      return true;
    }
  }
}
