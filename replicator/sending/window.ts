import { UNCONFIRMED_DOCS_MAX } from './limits.ts';

interface Waiter {
  readonly docs: number;
  readonly resolve: () => void;
}

/**
 * What may be under way to one destination, over all its databases: so many batches, and so many documents that are not
 * yet noted at both ends as applied. First come, first served.
 */
export class Window {
  #batchesMax: number;
  #batches = 0;
  #docs = 0;
  #waiters: Waiter[] = [];
  #isOver = false;

  constructor(batchesMax: number) {
    this.#batchesMax = batchesMax;
  }

  get batches(): number {
    return this.#batches;
  }

  /** Whether one more batch might have to wait until documents that are applied are noted. */
  isNarrow(batchDocs: number): boolean {
    return !this.#hasRoom(batchDocs);
  }

  setBatchesMax(batchesMax: number): void {
    this.#batchesMax = batchesMax;
    this.#admit();
  }

  /** Undefined: at once. A batch may enter alone, however large. */
  enter(docs: number): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    if (this.#waiters.length === 0 && this.#batches < this.#batchesMax && this.#hasRoom(docs)) {
      this.#count(docs);
      return undefined;
    }
    return new Promise((resolve) => this.#waiters.push({ docs, resolve }));
  }

  /** A batch is acknowledged; its documents are not confirmed yet. */
  leave(): void {
    this.#batches -= 1;
    this.#admit();
  }

  confirm(docs: number): void {
    this.#docs -= docs;
    this.#admit();
  }

  /** Lets everybody through; they look whether the session is over. */
  end(): void {
    this.#isOver = true;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  #hasRoom(docs: number): boolean {
    return this.#docs === 0 || this.#docs + docs <= UNCONFIRMED_DOCS_MAX;
  }

  #count(docs: number): void {
    this.#batches += 1;
    this.#docs += docs;
  }

  #admit(): void {
    for (let [first] = this.#waiters; first; [first] = this.#waiters) {
      if (this.#batches >= this.#batchesMax || !this.#hasRoom(first.docs)) return;
      this.#waiters.shift();
      this.#count(first.docs);
      first.resolve();
    }
  }
}
