/** Sites with real SQLite stores, and links that carry one site's changes to another, well or badly. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyTwoWay } from '../../../replicator/applying/two-way.ts';
import { DEFAULT_POLICIES, type Policy } from '../../../replicator/policy.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import { advanced, positionIn, type Vector } from '../../../replicator/vector.ts';
import type { BucketSum, Outcome, Replica, Store, Version, Versioned, Writer } from '../../../store/contract.ts';
import type { DatabaseName } from '../../../store/documents.ts';
import { openStore } from '../../../store/open.ts';
import { NOON } from '../../contract/samples.ts';

export const USED: readonly DatabaseName[] = ['states', 'subscriptions', 'feeds'];

/** What the test makes wrong, to see that it would be noticed. */
export type Mistake = 'none' | 'forget-vectors' | 'list-nothing' | 'merge-nothing' | 'lose-batches';

export class Site {
  readonly name: string;
  readonly store: Store;
  readonly #clock: { now: number };
  readonly #writers: ReadonlyMap<DatabaseName, Writer<unknown>>;

  private constructor(name: string, store: Store, clock: { now: number }, writers: Map<DatabaseName, Writer<unknown>>) {
    this.name = name;
    this.store = store;
    this.#clock = clock;
    this.#writers = writers;
  }

  static async open(url: string, name: string): Promise<Site> {
    const clock = { now: NOON };
    const store = await openStore(url, { clock: () => clock.now });
    const writers = new Map<DatabaseName, Writer<unknown>>();
    for (const database of USED) {
      const options = { owner: 'test', durability: 'lazy' } as const;
      writers.set(database, (await store.database(database).openWriter(options)) as Writer<unknown>);
    }
    return new Site(name, store, clock, writers);
  }

  /** Clocks run apart, and backwards. */
  moveClock(ms: number): void {
    this.#clock.now += ms;
  }

  writer(database: DatabaseName): Writer<unknown> {
    const writer = this.#writers.get(database);
    if (writer === undefined) throw new Error(`no writer of ${database}`);
    return writer;
  }

  async edit(database: DatabaseName, id: string, content: unknown): Promise<Version> {
    const [outcome] = await this.writer(database).edit([{ id, content }]);
    if (outcome?.result !== 'written') throw new Error(`not written: ${JSON.stringify(outcome)}`);
    await this.writer(database).settle();
    return outcome.ver;
  }

  /** In an order of its own in each engine. */
  async sums(database: DatabaseName): Promise<BucketSum[]> {
    return (await this.store.database(database).bucketSums()).toSorted((one, other) => one.b - other.b);
  }

  async versions(database: DatabaseName, ids: readonly string[]): Promise<Map<string, Versioned<unknown>>> {
    return await this.store.database(database).versions(ids);
  }

  /** Of these documents the versions that are listed here. */
  async listed(database: DatabaseName, ids: readonly string[]): Promise<Map<string, Version[]>> {
    const found = new Map<string, Version[]>();
    for (const id of ids) {
      const notes = await this.store.control.list(`conflict/${database}/${id}@`);
      found.set(
        id,
        notes.map((note) => note.id.slice(note.id.lastIndexOf('@') + 1) as Version),
      );
    }
    return found;
  }

  async close(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.close();
    await this.store.close();
  }
}

/** Something that happens between looking at documents and writing them. */
export interface Interruption {
  readonly before?: () => Promise<void>;
  readonly after?: () => void;
}

export class Link {
  readonly from: Site;
  readonly to: Site;
  readonly #mistake: Mistake;
  readonly #after = new Map<DatabaseName, Vector>();

  constructor(from: Site, to: Site, mistake: Mistake) {
    this.from = from;
    this.to = to;
    this.#mistake = mistake;
  }

  /** What comes next, at most `limit` of each slot; `acknowledge` it once it is applied. */
  async read(database: DatabaseName, limit: number): Promise<{ docs: Replica<unknown>[]; through: Vector }> {
    const { changes } = this.from.store.database(database);
    let through = this.#after.get(database) ?? {};
    const found: Versioned<unknown>[] = [];
    for (const { slot } of await changes.slots()) {
      const page = await changes.read(slot, positionIn(through, slot), limit);
      found.push(...(page.docs as Versioned<unknown>[]));
      through = advanced(through, slot, page.through);
    }
    const sent = found.filter(({ org }) => org !== this.to.store.site);
    return { docs: sent.map(({ slot, n, ...doc }) => doc), through };
  }

  /** Past what earlier schedules left, which every site has. */
  async skip(): Promise<void> {
    for (const database of USED) {
      const slots = await this.from.store.database(database).changes.slots();
      this.acknowledge(database, Object.fromEntries(slots.map(({ slot, stable }) => [slot, stable])));
    }
  }

  acknowledge(database: DatabaseName, through: Vector): void {
    let after = this.#after.get(database) ?? {};
    for (const [slot, n] of Object.entries(through)) after = advanced(after, Number(slot), n);
    this.#after.set(database, after);
  }

  /** How many documents were written. */
  async deliver(database: DatabaseName, docs: readonly Replica<unknown>[], interruption: Interruption = {}) {
    if (this.#mistake === 'lose-batches') return 0;
    const { store } = this.to;
    const arriving = this.#mistake === 'forget-vectors' ? docs.map((doc) => ({ ...doc, vv: null })) : docs;
    const context = {
      ...{ database, runtime: realRuntime, policy: this.#policy(database) },
      store: this.#mistake === 'list-nothing' ? forgetful(store) : store,
      writer: interrupted(this.to.writer(database), interruption),
    };
    const { written } = await applyTwoWay(context, arriving, { id: `test/${database}`, value: 0 });
    await this.to.writer(database).settle();
    return written;
  }

  #policy(database: DatabaseName): Policy {
    return this.#mistake === 'merge-nothing' ? 'newest' : DEFAULT_POLICIES[database];
  }
}

function interrupted(writer: Writer<unknown>, { before, after }: Interruption): Writer<unknown> {
  return {
    ...{ slot: writer.slot, epoch: writer.epoch },
    edit: (edits) => writer.edit(edits),
    async apply(docs, note): Promise<Outcome[]> {
      if (docs.length > 0) await before?.();
      const outcomes = await writer.apply(docs, note);
      if (docs.length > 0) after?.();
      return outcomes;
    },
    settle: () => writer.settle(),
    close: () => writer.close(),
    [Symbol.asyncDispose]: () => writer.close(),
  };
}

function forgetful(store: Store) {
  const control = { ...store.control, put: async () => 1 } as unknown as Store['control'];
  return { url: store.url, site: store.site, control, database: (name: DatabaseName) => store.database(name) };
}

/** Three sites, the first of them at `firstUrl` if one is given; the others in a scratch folder that goes with them. */
export async function openSites(firstUrl?: string): Promise<{ sites: Site[]; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-two-way-'));
  const sites: Site[] = [];
  for (const name of ['a', 'b', 'c']) {
    const url = name === 'a' && firstUrl !== undefined ? firstUrl : `sqlite:${join(folder, `${name}.db`)}`;
    sites.push(await Site.open(url, name));
  }
  return {
    sites,
    async close() {
      for (const site of sites) await site.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
