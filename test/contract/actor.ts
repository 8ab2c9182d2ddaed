import type { Database, Edit, Version, Writer } from '../../store/contract.ts';
import type { User } from '../../store/documents.ts';
import type { FaultPoint, Faults } from '../../store/faults.ts';
import type { Issued, Ledger } from './oracle.ts';
import type { Random } from './random.ts';

/** One process that has the store open. */
export interface Instance {
  readonly database: Pick<Database<User>, 'openWriter' | 'changes' | 'scan'>;
  close(): Promise<void>;
}

/** One store, which several processes open. */
export interface FeedSystem {
  open(faults?: Faults): Promise<Instance>;
}

const CRASH = 0.04;
const STALL = 0.12;
const LOST_ACKNOWLEDGEMENT = 0.08;

interface Held {
  readonly go: () => void;
  readonly fail: (error: Error) => void;
}

/**
 * A process that writes, and that chance stalls, crashes, or robs of acknowledgements. A crashed one stops for good:
 * whatever it awaits never comes, until `bury` ends the test.
 */
export class Actor {
  readonly name: string;
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #stalled: Held[] = [];
  readonly #buried: Held[] = [];
  readonly #pending = new Set<Promise<void>>();
  #instance: Instance | undefined;
  #writer: Writer<User> | undefined;
  #writes = 0;
  #calm = false;
  isDead = false;

  constructor(name: string, random: Random, ledger: Ledger) {
    this.name = name;
    this.#random = random;
    this.#ledger = ledger;
  }

  async start(system: FeedSystem): Promise<void> {
    const faults: Faults = { at: (point) => this.#at(point) };
    this.#instance = await system.open(faults);
  }

  /** Starts a batch; it goes on while the schedule does. `known`: versions for compare-and-set. */
  async write(ids: readonly string[], known: ReadonlyMap<string, Version>): Promise<void> {
    const writer = await this.#openWriter();
    if (!writer) return;
    const writes = ids.map((id) => this.#draw(id, known.get(id)));
    const call = this.#send(writer, writes);
    this.#pending.add(call);
    void call.finally(() => this.#pending.delete(call));
  }

  /** Puts the writer away, or just forgets it, as a careless program does. */
  async putAway(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (!writer || this.#random.chance(0.3)) return;
    const closing = writer.close().catch(() => {});
    this.#pending.add(closing);
    void closing.finally(() => this.#pending.delete(closing));
  }

  /** Whoever stalls goes on; what was taken over in the meantime wakes as a zombie. */
  wake(): void {
    for (const held of this.#stalled.splice(0)) held.go();
  }

  /** No more faults; everything under way comes to its end, for the crashed with an error. */
  async bury(): Promise<void> {
    this.#calm = true;
    // What wakes may wait again for what was asleep before it.
    while (this.#pending.size > 0) {
      this.wake();
      for (const held of this.#buried.splice(0)) held.fail(new Error(`${this.name} crashed`));
      await Promise.race([Promise.all(this.#pending), new Promise((resolve) => setImmediate(resolve))]);
    }
    await this.#instance?.close().catch(() => {});
  }

  async #openWriter(): Promise<Writer<User> | undefined> {
    if (this.isDead) return undefined;
    try {
      this.#writer ??= await this.#instance?.database.openWriter({ owner: this.name, durability: 'lazy' });
    } catch {
      // Taken over while it was opened, or the store is busy: another time.
    }
    return this.#writer;
  }

  #draw(id: string, known: Version | undefined): Issued {
    this.#writes += 1;
    const token = this.#random.chance(0.15) ? null : `${this.name}-${this.#writes}`;
    if (this.#random.chance(0.6)) return { id, token };
    return { id, token, ifVer: known ?? null };
  }

  async #send(writer: Writer<User>, writes: readonly Issued[]): Promise<void> {
    for (const write of writes) this.#ledger.issue(write);
    try {
      const outcomes = await writer.edit(writes.map(editOf));
      for (const [i, write] of writes.entries()) this.#ledger.acknowledge(write, outcomes[i]);
    } catch {
      // Fenced, unresolved or crashed: nothing was acknowledged, and any of it may have landed.
      if (this.#writer === writer) this.#writer = undefined;
    }
  }

  #at(point: FaultPoint): Promise<void> | void {
    const random = this.#random;
    if (this.isDead) return this.#hold(this.#buried);
    if (this.#calm) return;
    const before = point === 'numbered' || point === 'before-commit';
    if (before && random.chance(CRASH)) {
      this.isDead = true;
      return this.#hold(this.#buried);
    }
    if (random.chance(STALL)) return this.#hold(this.#stalled);
    if (!before && point !== 'published' && random.chance(LOST_ACKNOWLEDGEMENT)) throw new Error('connection lost');
  }

  #hold(where: Held[]): Promise<void> {
    return new Promise((go, fail) => where.push({ go, fail }));
  }
}

function editOf({ id, token, ifVer }: Issued): Edit<User> {
  const content = token === null ? null : { num: 0, name: token, addedAt: 0 };
  return ifVer === undefined ? { id, content } : { id, content, ifVer };
}
