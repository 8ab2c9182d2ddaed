import type { Runtime } from '../../replicator/runtime.ts';
import type { Random } from '../contract/random.ts';
import type { Trace } from './trace.ts';
import type { World } from './world.ts';

/** Milliseconds since 1970 when the world begins. */
const START = Date.UTC(2026, 0, 1);

/** What is being done, for a trace; made up only where somebody reads it. */
export type Words = string | (() => string);

export function textOf(words: Words): string {
  return typeof words === 'string' ? words : words();
}

/** A machine's idea of the time; it may be wrong, and jump. */
export class MachineClock {
  readonly #world: World;
  offsetMs = 0;
  /** Raised when an older copy of the site is put in place: what its processes sent before is waited for. */
  life = 0;
  #greatest = 0;
  #least = 0;

  constructor(world: World) {
    this.#world = world;
  }

  now(): number {
    const now = Math.max(this.#least, START + Math.floor(this.#world.now) + this.offsetMs);
    if (now > this.#greatest) this.#greatest = now;
    return now;
  }

  /**
   * From here on it shows no time that it has shown before, nor one before `ms`. Versions that a store has lost are not
   * known to it: the wall clock is all that keeps it from giving them again.
   */
  keepPace(ms = 0): void {
    this.#least = Math.max(this.#least, this.#greatest + 1, ms + 1);
  }
}

/**
 * One process. Whatever it waits for comes by way of `deliver`: a stalled one gets it when it wakes, a dead one never,
 * so that a crash is simply that nothing more happens.
 */
export class Process {
  readonly name: string;
  readonly world: World;
  readonly trace: Trace;
  readonly runtime: Runtime;
  readonly clock: MachineClock;
  readonly random: Random;
  isDead = false;
  isStalled = false;
  /** When it last ran, for leases by a server's clock. */
  lastRanAt = 0;
  readonly #life: number;
  /** Crash at this step from now, before or after it takes effect. */
  #crashIn = 0;
  #crashAfter = false;
  readonly #held: (() => void)[] = [];
  readonly #atDeath: (() => void)[] = [];

  constructor(name: string, world: World, clock: MachineClock, random: Random, trace: Trace) {
    this.name = name;
    this.world = world;
    this.clock = clock;
    this.#life = clock.life;
    this.random = random;
    this.trace = trace;
    this.runtime = {
      clock: () => clock.now(),
      elapsed: () => world.now,
      random: () => random.next(),
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  /** Its site was set back since: nothing that it sent comes through any more. */
  get isOutlived(): boolean {
    return this.clock.life !== this.#life;
  }

  /** Lets the process go on with `run`, as soon as it can. */
  deliver(run: () => void): void {
    if (this.isDead) return;
    if (this.isStalled) this.#held.push(run);
    else run();
  }

  stall(): void {
    if (this.isDead || this.isStalled) return;
    this.isStalled = true;
    this.lastRanAt = this.world.now;
    this.trace.add(this.name, () => 'stops running');
  }

  /** Everything that came meanwhile, in its order. */
  wake(): void {
    if (!this.isStalled) return;
    this.isStalled = false;
    if (!this.isDead) this.trace.add(this.name, () => 'runs again');
    for (const run of this.#held.splice(0)) this.world.after(0, () => this.deliver(run));
  }

  crash(why: string): void {
    if (this.isDead) return;
    if (!this.isStalled) this.lastRanAt = this.world.now;
    this.isDead = true;
    this.isStalled = false;
    this.#held.length = 0;
    this.trace.add(this.name, () => `crashes ${why}`);
    for (const tell of this.#atDeath.splice(0)) tell();
  }

  /** Called once it is dead: connections break, files are closed. */
  onDeath(tell: () => void): void {
    if (this.isDead) tell();
    else this.#atDeath.push(tell);
  }

  /** The `steps`th thing that it does from now on is its last one: done, or not. */
  crashIn(steps: number, isDone: boolean): void {
    this.#crashIn = steps;
    this.#crashAfter = isDone;
  }

  /** Around everything it does to the world. False: it crashed before. */
  begins(what: Words): boolean {
    if (this.isDead) return false;
    if (this.#crashIn === 1 && !this.#crashAfter) {
      this.crash(`before: ${textOf(what)}`);
      return false;
    }
    return true;
  }

  ends(what: Words): void {
    if (this.#crashIn === 0 || this.isDead) return;
    this.#crashIn -= 1;
    if (this.#crashIn === 0) this.crash(`after: ${textOf(what)}`);
  }

  /** When its server last saw a sign of it. */
  seenAlive(): number {
    return this.isDead || this.isStalled ? this.lastRanAt : this.world.now;
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => {
      alarm.cancel();
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const alarm = this.world.after(ms, () => this.deliver(wake));
    signal?.addEventListener('abort', wake);
    return promise;
  }
}
