import type { Version } from '../../store/contract.ts';
import { Actor, type FeedSystem, type Instance } from './actor.ts';
import { Ledger, Tailer, verdict } from './oracle.ts';
import { type Random, seededRandom } from './random.ts';

const ACTORS_MAX = 4;
const STEPS_MIN = 15;
const STEPS_MAX = 60;
const IDS = 7;

export interface ScheduleResult {
  readonly violations: string[];
  /** What happened, for a suite to see that its schedules are worth something. */
  readonly acknowledged: number;
  readonly seen: number;
  readonly crashed: number;
}

/**
 * One random schedule: several processes write a few documents over and over, crash, stall and wake up, take each
 * other over, and a tailer follows. Then all is settled, and what the tailer saw is held against what is there.
 * Ids start with the seed, so that many schedules can run on one store, one after the other.
 */
export async function runSchedule(system: FeedSystem, seed: number): Promise<ScheduleResult> {
  const observer = await system.open();
  try {
    const schedule = new Schedule(system, observer, await Tailer.open(observer.database.changes), seed);
    return await schedule.run();
  } finally {
    await observer.close();
  }
}

class Schedule {
  readonly #system: FeedSystem;
  readonly #observer: Instance;
  readonly #random: Random;
  readonly #ledger = new Ledger();
  readonly #tailer: Tailer;
  readonly #prefix: string;
  readonly #everyone: Actor[] = [];
  readonly #actors: Actor[] = [];

  constructor(system: FeedSystem, observer: Instance, tailer: Tailer, seed: number) {
    this.#system = system;
    this.#observer = observer;
    this.#tailer = tailer;
    this.#random = seededRandom(seed);
    this.#prefix = `s${seed}.`;
  }

  async run(): Promise<ScheduleResult> {
    const actors = 2 + this.#random.below(ACTORS_MAX - 1);
    for (let i = 0; i < actors; i += 1) await this.#startActor(i);
    const steps = STEPS_MIN + this.#random.below(STEPS_MAX - STEPS_MIN);
    for (let i = 0; i < steps; i += 1) await this.#step();
    await this.#settle();
    const docs = await this.#observer.database.scan({ prefix: this.#prefix, limit: 1000, deleted: true });
    return {
      violations: verdict(this.#ledger, this.#tailer, docs),
      acknowledged: this.#ledger.acknowledged,
      seen: this.#tailer.seen.length,
      crashed: this.#everyone.filter((actor) => actor.isDead).length,
    };
  }

  async #step(): Promise<void> {
    const at = this.#random.below(100);
    if (at < 50) await this.#write();
    else if (at < 80) await this.#tail();
    else if (at < 85) await this.#takeOver();
    else if (at < 92) this.#random.pick(this.#actors).wake();
    else if (at < 96) await this.#random.pick(this.#actors).putAway();
    else await this.#rewind();
  }

  async #write(): Promise<void> {
    const place = this.#random.below(this.#actors.length);
    // A dead process is replaced by a new one, while its slot may still be leased.
    const actor = this.#actors[place]?.isDead ? await this.#startActor(place) : this.#actors[place];
    const ids = new Set(Array.from({ length: 1 + this.#random.below(5) }, () => this.#id()));
    await actor?.write([...ids], await this.#knownVersions());
  }

  async #startActor(place: number): Promise<Actor> {
    const name = `${this.#prefix}a${this.#everyone.length}`;
    const actor = new Actor(name, seededRandom(this.#random.below(2 ** 31)), this.#ledger);
    this.#everyone.push(actor);
    this.#actors[place] = actor;
    await actor.start(this.#system);
    return actor;
  }

  /** A round trip, which also gives the writes under way their time. */
  async #knownVersions(): Promise<Map<string, Version>> {
    const docs = await this.#observer.database.scan({ prefix: this.#prefix, limit: 100 });
    return new Map(docs.map((doc) => [doc.id, doc.ver]));
  }

  async #tail(): Promise<void> {
    for (const { slot } of await this.#observer.database.changes.slots()) {
      if (this.#random.chance(0.7)) await this.#tailer.step(slot, 1 + this.#random.below(6));
    }
  }

  async #rewind(): Promise<void> {
    const slots = await this.#observer.database.changes.slots();
    if (slots.length > 0) this.#tailer.rewind(this.#random.pick(slots).slot, this.#random.next());
  }

  async #takeOver(): Promise<void> {
    const slots = await this.#observer.database.changes.slots();
    if (slots.length > 0) await this.#observer.database.changes.takeOver(this.#random.pick(slots).slot);
  }

  /** Some wake before they are taken over, the others after, as zombies. */
  async #settle(): Promise<void> {
    if (this.#random.chance(0.3)) for (const actor of this.#everyone) actor.wake();
    const { changes } = this.#observer.database;
    for (const { slot } of await changes.slots()) await changes.takeOver(slot);
    await this.#tailer.readToTheEnd();
    for (const actor of this.#everyone) await actor.bury();
    await this.#tailer.readToTheEnd();
  }

  #id(): string {
    return `${this.#prefix}${this.#random.below(IDS)}`;
  }
}
