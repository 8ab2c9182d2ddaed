import { advanced, positionIn, type Vector } from '../vector.ts';

/** A stretch of one slot that is on its way to the destination. */
export interface Segment {
  readonly slot: number;
  /** The position after it. */
  readonly through: number;
  readonly docs: number;
  /** When its oldest document was written, in ms since 1970. */
  readonly writtenAt: number;
  isApplied: boolean;
}

/**
 * How far one database has come at the destination. Batches are acknowledged in any order; the vector only moves over
 * what is applied without a gap.
 */
export class AppliedPrefix {
  #vector: Vector;
  #docs = 0;
  readonly #underWay = new Map<number, Segment[]>();

  constructor(vector: Vector) {
    this.#vector = vector;
  }

  /** Another object only where it has moved. */
  get vector(): Vector {
    return this.#vector;
  }

  /** Documents in all that the vector has passed. */
  get docs(): number {
    return this.#docs;
  }

  get isIdle(): boolean {
    for (const segments of this.#underWay.values()) if (segments.length > 0) return false;
    return true;
  }

  /** Segments of one slot come in the order of its numbers. */
  sent(segment: Segment): void {
    const segments = this.#underWay.get(segment.slot);
    if (segments) segments.push(segment);
    else this.#underWay.set(segment.slot, [segment]);
  }

  /** The last one that was sent in its slot did not go after all. */
  dropped(segment: Segment): void {
    const segments = this.#underWay.get(segment.slot);
    if (segments?.at(-1) === segment) segments.pop();
  }

  applied(segment: Segment): void {
    segment.isApplied = true;
    const segments = this.#underWay.get(segment.slot) ?? [];
    let through = positionIn(this.#vector, segment.slot);
    for (let [first] = segments; first?.isApplied; [first] = segments) {
      through = first.through;
      this.#docs += first.docs;
      segments.shift();
    }
    this.#vector = advanced(this.#vector, segment.slot, through);
  }

  /** When the oldest document under way was written; undefined: nothing is under way. */
  oldestWrittenAt(): number | undefined {
    let oldest: number | undefined;
    for (const segments of this.#underWay.values()) {
      for (const { writtenAt, isApplied } of segments) {
        if (!isApplied && (oldest === undefined || writtenAt < oldest)) oldest = writtenAt;
      }
    }
    return oldest;
  }
}
