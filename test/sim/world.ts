import { drain } from './drain.ts';

interface Event {
  readonly at: number;
  readonly seq: number;
  run: (() => void) | null;
}

/** Something that was to happen and can be called off. */
export interface Appointment {
  cancel(): void;
}

/**
 * Virtual time: a queue of what is to happen, earliest first, and in the order of arrangement where the time is the same.
 * Between two events all promises are drained, so that a run depends on nothing but what was arranged.
 */
export class World {
  /** Milliseconds since the world began. */
  now = 0;
  /** Events so far. */
  events = 0;
  readonly #heap: Event[] = [];
  #seq = 0;

  after(ms: number, run: () => void): Appointment {
    this.#seq += 1;
    const event: Event = { at: this.now + Math.max(0, ms), seq: this.#seq, run };
    this.#push(event);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  }

  /** A while passes in which nobody does anything: what was due then happens right after it. */
  jump(ms: number): void {
    this.now += ms;
  }

  /** Runs what is due until the given moment, which it then is. */
  runUntil(moment: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= moment; next = this.#heap[0]) {
      this.#pop();
      if (next.run === null) continue;
      if (next.at > this.now) this.now = next.at;
      this.events += 1;
      next.run();
      drain();
    }
    if (moment > this.now) this.now = moment;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = heap[below];
      if (child === undefined) break;
      const other = heap[below + 1];
      if (other !== undefined && isBefore(other, child)) {
        child = other;
        below += 1;
      }
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.seq < b.seq);
}
