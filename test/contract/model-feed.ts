import type { ChangePage, Edit, Outcome, SiteId, SlotState, Version, Versioned, Writer } from '../../store/contract.ts';
import type { User } from '../../store/documents.ts';
import type { Faults } from '../../store/faults.ts';
import type { FeedSystem, Instance } from './actor.ts';
import type { Random } from './random.ts';

/**
 * What is wrong with a model on purpose.
 * - `none`: nothing; it does what DESIGN section 4 says.
 * - `reads-past-stable`: tailers read all that is visible.
 * - `global-counter`: one counter numbers the writes of all, and `stable` is the greatest number that is visible.
 * - `no-hole-fence`: a takeover publishes `stable` without filling the holes.
 * - `no-window`: a writer numbers further beyond `stable` than a takeover fills.
 */
export type Mistake = 'none' | 'reads-past-stable' | 'global-counter' | 'no-hole-fence' | 'no-window';

const WINDOW = 6;
const DELAY_TURNS_MAX = 6;
const SITE = 'modelmod' as SiteId;

interface Row extends Versioned<User> {
  readonly filler: boolean;
}

interface Slot {
  epoch: number;
  stable: number;
  owner: string;
}

/** A server in memory: every call takes its time, and single documents change atomically. */
class Server {
  readonly docs = new Map<string, Row>();
  readonly places = new Map<string, string>();
  readonly slots = new Map<number, Slot>();
  /** The greatest number that ever was visible in each slot. */
  readonly highest = new Map<number, number>();
  readonly mistake: Mistake;
  counter = 0;
  versions = 0;
  readonly #random: Random;

  constructor(mistake: Mistake, random: Random) {
    this.mistake = mistake;
    this.#random = random;
  }

  async delay(): Promise<void> {
    for (let i = this.#random.below(DELAY_TURNS_MAX); i > 0; i -= 1)
      await new Promise((resolve) => setImmediate(resolve));
  }

  /** Upsert behind the guard, under the two unique keys. */
  put(row: Row, ifVer: Version | null | undefined): 'written' | 'other' | 'fenced' {
    const there = this.docs.get(row.id);
    if (there && there.ver >= row.ver) return 'other';
    if (ifVer === null && there?.content) return 'other';
    if (ifVer && there?.ver !== ifVer) return 'other';
    const place = `${row.slot}:${row.n}`;
    if (this.places.has(place)) return 'fenced';
    if (there) this.places.delete(`${there.slot}:${there.n}`);
    this.places.set(place, row.id);
    this.docs.set(row.id, row);
    this.highest.set(row.slot, Math.max(this.highest.get(row.slot) ?? 0, row.n));
    return 'written';
  }

  nextVersion(): Version {
    this.versions += 1;
    return String(this.versions).padStart(12, '0') as Version;
  }

  inSlot(slot: number, after: number): Row[] {
    const rows = [...this.docs.values()].filter((row) => row.slot === slot && row.n > after);
    return rows.sort((a, b) => a.n - b.n);
  }

  stableOf(slot: number): number {
    if (this.mistake === 'reads-past-stable' || this.mistake === 'global-counter') return this.highest.get(slot) ?? 0;
    return this.slots.get(slot)?.stable ?? 0;
  }
}

class ModelWriter {
  readonly slot: number;
  readonly epoch: number;
  readonly #server: Server;
  readonly #faults: Faults | undefined;
  readonly #unresolved = new Set<number>();
  readonly #pending = new Set<Promise<unknown>>();
  #last: number;
  #published: number;
  #closed = false;
  #fenced = false;

  constructor(server: Server, slot: number, state: Slot, faults: Faults | undefined) {
    this.#server = server;
    this.slot = slot;
    this.epoch = state.epoch;
    this.#last = state.stable;
    this.#published = state.stable;
    this.#faults = faults;
  }

  async edit(edits: readonly Edit<User>[]): Promise<Outcome[]> {
    if (this.#closed) throw new Error('closed');
    const call = Promise.all(edits.map((edit) => this.#edit(edit)));
    this.#pending.add(call);
    return await call.finally(() => this.#pending.delete(call));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#pending);
    const slot = this.#server.slots.get(this.slot);
    if (slot?.epoch === this.epoch && this.#unresolved.size === 0) slot.owner = '';
  }

  async #edit({ id, content, ifVer }: Edit<User>): Promise<Outcome> {
    const server = this.#server;
    const n = await this.#number();
    const info = { database: 'users', slot: this.slot, n } as const;
    await this.#faults?.at('numbered', info);
    await server.delay();
    const ver = server.nextVersion();
    const row = { id, ver, org: SITE, vv: null, slot: this.slot, n, delAt: null, content, filler: false };
    const result = server.put(row, ifVer);
    if (result === 'fenced') {
      this.#fenced = true;
      throw new Error('fenced');
    }
    await server.delay();
    // A lost acknowledgement leaves the number unresolved, and `stable` before it.
    await this.#faults?.at('written', info);
    this.#resolve(n);
    return result === 'written' ? { id, result, ver, n } : { id, result: 'conflict' };
  }

  async #number(): Promise<number> {
    const { mistake } = this.#server;
    if (mistake === 'global-counter') {
      this.#server.counter += 1;
      return this.#server.counter;
    }
    const window = mistake === 'no-window' ? WINDOW * 100 : WINDOW;
    for (;;) {
      if (this.#fenced) throw new Error('fenced');
      if (this.#last < this.#published + window) break;
      // A lost acknowledgement may never be resolved: then only a takeover ends this.
      if (this.#server.slots.get(this.slot)?.epoch !== this.epoch) throw new Error('fenced');
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#last += 1;
    this.#unresolved.add(this.#last);
    return this.#last;
  }

  #resolve(n: number): void {
    this.#unresolved.delete(n);
    const slot = this.#server.slots.get(this.slot);
    // The window counts from what was published, not from what could be: a takeover fills no further.
    if (slot?.epoch !== this.epoch) return;
    this.#published = Math.min(...this.#unresolved, this.#last + 1) - 1;
    slot.stable = this.#published;
  }
}

/** A change feed in memory, right or wrong, to see that the oracle tells one from the other. */
export function modelFeed(mistake: Mistake, random: Random): FeedSystem {
  const server = new Server(mistake, random);
  return { open: async (faults) => openModel(server, faults) };
}

function openModel(server: Server, faults: Faults | undefined): Instance {
  return {
    async close() {},
    database: {
      name: 'users',
      changes: {
        slots: async () => [...server.slots.keys()].map((slot) => stateOf(server, slot)),
        read: (slot: number, after: number, limit: number) => read(server, slot, after, limit),
        takeOver: (slot: number) => takeOver(server, slot),
      },
      async openWriter() {
        await server.delay();
        return openModelWriter(server, faults) as unknown as Writer<User>;
      },
      async scan({ prefix = '' }: { prefix?: string }) {
        await server.delay();
        return [...server.docs.values()].filter((row) => !row.filler && row.id.startsWith(prefix));
      },
    } as unknown as Instance['database'],
  };
}

function openModelWriter(server: Server, faults: Faults | undefined): ModelWriter {
  let slot = 1;
  if (server.mistake !== 'global-counter') while (server.slots.get(slot)?.owner) slot += 1;
  const state = server.slots.get(slot) ?? { epoch: 1, stable: 0, owner: '' };
  state.owner = 'model';
  state.epoch += 1;
  server.slots.set(slot, state);
  return new ModelWriter(server, slot, state, faults);
}

function stateOf(server: Server, slot: number): SlotState {
  const { epoch, owner } = server.slots.get(slot) ?? { epoch: 0, owner: '' };
  return { slot, epoch, stable: server.stableOf(slot), window: WINDOW, owner };
}

async function read(server: Server, slot: number, after: number, limit: number): Promise<ChangePage<User>> {
  await server.delay();
  const stable = server.stableOf(slot);
  const all = server.inSlot(slot, after).filter((row) => row.n <= stable);
  const through = all.length > limit ? (all[limit - 1]?.n ?? after) : Math.max(after, stable);
  return { docs: all.slice(0, limit).filter((row) => !row.filler), through, stable };
}

async function takeOver(server: Server, number: number): Promise<SlotState> {
  const slot = server.slots.get(number);
  if (!slot) throw new Error(`no slot ${number}`);
  slot.epoch += 1;
  await server.delay();
  const end = slot.stable + WINDOW;
  for (let n = slot.stable + 1; n <= end && server.mistake !== 'no-hole-fence'; n += 1) {
    const filler = { id: `filler.${number}.${n}`, ver: server.nextVersion(), org: SITE, vv: null, delAt: null };
    server.put({ ...filler, slot: number, n, content: null, filler: true }, undefined);
    await server.delay();
  }
  slot.stable = end;
  slot.owner = '';
  return stateOf(server, number);
}
