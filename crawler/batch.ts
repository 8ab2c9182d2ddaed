/**
 * Gathers what many feeds want from the store at about the same time into one call: while a call runs, the next batch
 * collects (group commit).
 */
export interface BatchOptions<I, O> {
  /** Outputs in the order of the inputs. */
  readonly run: (items: I[]) => Promise<O[]>;
  /** How much an item weighs; a batch is at most `weightMax` (but at least one item). Default 1 each. */
  readonly weight?: (item: I) => number;
  readonly weightMax: number;
  /** How long the first item of a batch that is not full waits for others. Default: to the end of this turn of the event loop. */
  readonly gatherMs?: number;
  /** Where this says so, a batch that failed is run again item by item, so that one bad item does not spoil the rest. */
  readonly splitOn?: (error: unknown) => boolean;
}

interface Waiting<I, O> {
  readonly item: I;
  readonly resolve: (output: O) => void;
  readonly reject: (error: unknown) => void;
}

export class Batch<I, O> {
  readonly #options: BatchOptions<I, O>;
  #waiting: Waiting<I, O>[] = [];
  #weight = 0;
  #scheduled = false;
  #running = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BatchOptions<I, O>) {
    this.#options = options;
  }

  add(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#weight += this.#weightOf(item);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#running || this.#waiting.length === 0) return;
    const { gatherMs, weightMax } = this.#options;
    if (gatherMs !== undefined && this.#weight < weightMax) {
      this.#timer ??= setTimeout(() => this.#start(), gatherMs);
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#start());
    }
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#scheduled = false;
    if (this.#running || this.#waiting.length === 0) return;
    this.#running = true;
    this.#flush(this.#next()).finally(() => {
      this.#running = false;
      this.#schedule();
    });
  }

  #weightOf(item: I): number {
    return this.#options.weight?.(item) ?? 1;
  }

  #next(): Waiting<I, O>[] {
    let weight = 0;
    let count = 0;
    for (const { item } of this.#waiting) {
      const more = weight + this.#weightOf(item);
      if (count > 0 && more > this.#options.weightMax) break;
      weight = more;
      count += 1;
    }
    this.#weight -= weight;
    return this.#waiting.splice(0, count);
  }

  async #flush(batch: Waiting<I, O>[]): Promise<void> {
    try {
      const outputs = await this.#options.run(batch.map(({ item }) => item));
      for (const [i, { resolve }] of batch.entries()) resolve(outputs[i] as O);
    } catch (error) {
      if (batch.length > 1 && this.#options.splitOn?.(error) === true) {
        for (const one of batch) await this.#flush([one]);
      } else {
        for (const { reject } of batch) reject(error);
      }
    }
  }
}
