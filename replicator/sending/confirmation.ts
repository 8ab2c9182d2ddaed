import type { Window } from './window.ts';

/**
 * Documents of one database that both ends have noted as applied: after a kill it goes on at the smaller of the two, so
 * only these will not be sent again.
 */
export class Confirmation {
  readonly #window: Window;
  #noted = 0;
  #kept = 0;
  #confirmed = 0;

  constructor(window: Window) {
    this.#window = window;
  }

  /** Documents that the destination's checkpoint covers. */
  get kept(): number {
    return this.#kept;
  }

  /** The source has noted so many. */
  noted(docs: number): void {
    this.#noted = Math.max(this.#noted, docs);
    this.#confirm();
  }

  /** The destination keeps a checkpoint behind so many. */
  keeps(docs: number): void {
    this.#kept = Math.max(this.#kept, docs);
    this.#confirm();
  }

  #confirm(): void {
    const both = Math.min(this.#noted, this.#kept);
    if (both === this.#confirmed) return;
    this.#window.confirm(both - this.#confirmed);
    this.#confirmed = both;
  }
}
