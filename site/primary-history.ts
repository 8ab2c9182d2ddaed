import { covers, type Positions } from './positions.ts';

/** Looks that are kept for one staleness bound; those between are forgotten. */
const KEPT_MAX = 50;

export interface Look {
  /** Before the positions were read, ms since 1970. */
  readonly at: number;
  readonly positions: Positions;
}

/** Where the primary's change feed stood at which moment, for as long as a replica may be behind. */
export class PrimaryHistory {
  readonly #msMax: number;
  /** Newest first. */
  #looks: readonly Look[] = [];

  constructor(msMax: number) {
    this.#msMax = msMax;
  }

  get latest(): Look | undefined {
    return this.#looks[0];
  }

  add(look: Look): void {
    const [last, before] = this.#looks;
    const isClose = last !== undefined && before !== undefined && last.at - before.at < this.#msMax / KEPT_MAX;
    const kept = isClose ? this.#looks.slice(1) : this.#looks;
    // After the clock was set back, what seems to be from the future would stay for good.
    this.#looks = [look, ...kept.filter(({ at }) => at <= look.at && at >= look.at - this.#msMax)];
  }

  /** The latest moment of which somebody at these positions has everything; null: of none that is kept. */
  asOf(positions: Positions): number | null {
    return this.#looks.find((look) => covers(positions, look.positions))?.at ?? null;
  }
}
