/**
 * The bodies that the digesting thread may have at once, in memory that both threads see: nothing is copied on the way, and
 * the memory is used again for the next body. However many feeds are fetched at once, and however large they are,
 * only so much of them is being worked on; the others wait for a place in the order they came.
 */

/** Bodies in the thread: enough that it need not wait for the store to take the articles of one of them. */
export const BODIES_MAX = 8;
/** Bytes of them together; a body that is larger has the thread for itself. */
export const BODY_BYTES_MAX = 2 * 1024 * 1024;
/** A place is made in a multiple of this, so that the next body fits into it too. */
const PLACE_BYTES = 128 * 1024;
/** A larger place is not kept for the next body. */
const KEPT_BYTES_MAX = 256 * 1024;

export interface PlacedBody {
  readonly bytes: Uint8Array;
  /** The place may be given to another body. */
  release(): void;
}

interface Waiting {
  readonly bytes: number;
  readonly resolve: () => void;
}

export class BodiesInFlight {
  #bodies = 0;
  #bytes = 0;
  readonly #free: SharedArrayBuffer[] = [];
  readonly #waiting: Waiting[] = [];

  /**
   * Resolves when there is room: a copy of the body, to be released exactly once, whatever happens. `bytes`: what it counts
   * for, where that is not its size.
   */
  async place(body: Uint8Array, bytes = body.byteLength): Promise<PlacedBody> {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      await new Promise<void>((resolve) => this.#waiting.push({ bytes, resolve }));
    } else this.#enter(bytes);
    const memory = this.#memoryFor(body.byteLength);
    const placed = new Uint8Array(memory, 0, body.byteLength);
    placed.set(body);
    return { bytes: placed, release: () => this.#leave(bytes, memory) };
  }

  #fits(bytes: number): boolean {
    return this.#bodies === 0 || (this.#bodies < BODIES_MAX && this.#bytes + bytes <= BODY_BYTES_MAX);
  }

  #enter(bytes: number): void {
    this.#bodies += 1;
    this.#bytes += bytes;
  }

  #leave(bytes: number, memory: SharedArrayBuffer): void {
    this.#bodies -= 1;
    this.#bytes -= bytes;
    if (memory.byteLength <= KEPT_BYTES_MAX) this.#free.push(memory);
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      // At once, not when the waiting one wakes up: until then others would find room.
      this.#enter(next.bytes);
      next.resolve();
    }
  }

  #memoryFor(bytes: number): SharedArrayBuffer {
    const at = this.#free.findIndex((memory) => memory.byteLength >= bytes);
    const [kept] = at === -1 ? [] : this.#free.splice(at, 1);
    return kept ?? new SharedArrayBuffer(Math.max(1, Math.ceil(bytes / PLACE_BYTES)) * PLACE_BYTES);
  }
}
