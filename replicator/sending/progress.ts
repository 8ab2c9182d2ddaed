/** Moments that a rate remembers. */
const SAMPLES_MAX = 64;
/** Rates are those of the last part of the time: the newer half, so that they follow what changes. */
const SHARE_OF_TIME = 0.5;
/** A feed that grows by more at once has left numbers out: it is to be counted again. */
const GROWTH_MAX = 1000;
/** Before this there is no saying. */
const RATE_MS_MIN = 200;

/** What one database has done and has to do: counted now and then, reckoned in between. */
export class Progress {
  #done = 0;
  #toDo = 0;
  #added = 0;
  #stable: number | undefined;
  #isVague = true;

  /** Whether it should be counted (again). */
  get isVague(): boolean {
    return this.#isVague;
  }

  /** Documents that were acknowledged. */
  get done(): number {
    return this.#done;
  }

  get toDo(): number {
    return this.#toDo;
  }

  /** All that ever was to do, as far as it is known. */
  get total(): number {
    return this.#done + this.#toDo;
  }

  /** Documents that came in addition to those that were counted first. */
  get added(): number {
    return this.#added;
  }

  /** 0 to 1. Never above it: what is done is part of the whole. */
  get share(): number {
    return this.#toDo === 0 ? 1 : this.#done / this.total;
  }

  /** `toDo` documents as the source's feed has them; `stable`: the sum of its slots' stable numbers at that moment. */
  counted(toDo: number, stable: number): void {
    if (this.#stable !== undefined) this.#added += Math.max(0, toDo - this.#toDo);
    this.#stable = stable;
    this.#toDo = toDo;
    this.#isVague = false;
  }

  /** The source's feed has grown; each number is one document more, or one that moved. */
  grown(stable: number): void {
    if (this.#stable === undefined || stable <= this.#stable) return;
    const more = stable - this.#stable;
    this.#stable = stable;
    this.#isVague ||= more > GROWTH_MAX;
    if (more > GROWTH_MAX) return;
    this.#added += more;
    this.#toDo += more;
  }

  acknowledged(docs: number): void {
    this.#done += docs;
    this.#toDo = Math.max(0, this.#toDo - docs);
  }

  /** The feed was read to its end, and all of it is acknowledged: whatever was reckoned. */
  finished(): void {
    this.#toDo = 0;
  }
}

interface Sample {
  readonly at: number;
  readonly value: number;
}

/** How fast a counter grows, over the newer half of the time that it was watched. */
export class Rate {
  #samples: Sample[] = [];
  /** Samples closer than this are left out; doubles whenever there are too many. */
  #gapMs = 50;

  /** `at` of `Runtime.elapsed`. Time that was not worked, in pauses and failures, is left out by `restart`. */
  sample(value: number, at: number): void {
    const last = this.#samples.at(-2);
    if (last && at - last.at < this.#gapMs) this.#samples.pop();
    this.#samples.push({ at, value });
    if (this.#samples.length <= SAMPLES_MAX) return;
    this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
    this.#gapMs *= 2;
  }

  restart(): void {
    this.#samples = [];
    this.#gapMs = 50;
  }

  /** Null: not known yet. */
  perSecond(): number | null {
    const last = this.#samples.at(-1);
    const first = this.#samples[0];
    if (!last || !first || last.at - first.at < RATE_MS_MIN) return null;
    const from = last.at - (last.at - first.at) * SHARE_OF_TIME;
    const base = this.#samples.findLast(({ at }) => at <= from) ?? first;
    return ((last.value - base.value) / (last.at - base.at)) * 1000;
  }
}

/** Documents that come in addition meanwhile are to be sent as well. Null: not known, or never at these rates. */
export function etaMs(toDo: number, donePerSecond: number | null, addedPerSecond: number | null): number | null {
  if (toDo === 0) return 0;
  const perSecond = (donePerSecond ?? 0) - (addedPerSecond ?? 0);
  return perSecond > 0 ? (toDo / perSecond) * 1000 : null;
}
