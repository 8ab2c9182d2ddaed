import type { ReplicatedDatabase, ReplicatedStore } from '../../../replicator/replicated-store.ts';
import type {
  BucketSum,
  ChangePage,
  Digest,
  DigestPage,
  DigestQuery,
  Mode,
  SlotState,
  Versioned,
  Writer,
  WriterOptions,
} from '../../../store/contract.ts';
import type { DatabaseName } from '../../../store/documents.ts';
import type { Stamper } from '../../../store/stamp.ts';
import { VersionClock } from '../../../store/version.ts';
import type { Process } from '../process.ts';
import { Caller, type Line } from './call.ts';
import { ModelControl } from './control.ts';
import { type DatabaseState, fence, lastOf, type ModelDisk, type Row, type Slot, slotOf, WINDOW } from './disk.ts';
import { takeOver } from './mongodb-slots.ts';
import { MongodbWriter } from './mongodb-writer.ts';
import { SqliteWriter } from './sqlite-writer.ts';

/** A store as one process has it open. Every process has a clock of versions of its own. */
export class ModelStore implements ReplicatedStore {
  readonly url: string;
  readonly site: ModelDisk['site'];
  readonly engine: ModelDisk['engine'];
  readonly control: ModelControl;
  readonly #caller: Caller;
  readonly #stamper: Stamper;
  readonly #databases = new Map<DatabaseName, ModelDatabase>();

  constructor(disk: ModelDisk, proc: Process, line: Line) {
    this.url = `${disk.engine}:${disk.site}`;
    this.site = disk.site;
    this.engine = disk.engine;
    this.#caller = new Caller(disk, proc, line);
    this.control = new ModelControl(this.#caller);
    const clock = () => proc.clock.now();
    this.#stamper = { site: disk.site, clock, versions: new VersionClock(disk.site, clock) };
  }

  database(name: DatabaseName): ModelDatabase {
    let found = this.#databases.get(name);
    if (!found) {
      found = new ModelDatabase(this.#caller, name, this.#stamper);
      this.#databases.set(name, found);
    }
    return found;
  }

  async close(): Promise<void> {
    this.#caller.isClosed = true;
  }
}

export class ModelDatabase implements ReplicatedDatabase {
  readonly name: DatabaseName;
  readonly changes: ReplicatedDatabase['changes'];
  readonly #caller: Caller;
  readonly #stamper: Stamper;

  constructor(caller: Caller, name: DatabaseName, stamper: Stamper) {
    this.#caller = caller;
    this.name = name;
    this.#stamper = stamper;
    this.changes = {
      slots: () => this.#slots(),
      read: (slot, after, limit) => this.#read(slot, after, limit),
      remaining: (slot, after) => this.#remaining(slot, after),
      takeOver: (slot) => this.#takeOver(slot),
    };
  }

  get #state(): DatabaseState {
    return this.#caller.disk.database(this.name);
  }

  versions(ids: readonly string[]): Promise<Map<string, Versioned<unknown>>> {
    return this.#caller.call('looks at versions', () => {
      const found = new Map<string, Versioned<unknown>>();
      for (const id of ids) {
        const row = this.#state.rows.get(id);
        if (row) found.set(id, row);
      }
      return found;
    });
  }

  count(): Promise<number> {
    return this.#caller.call('counts', () => {
      let count = 0;
      for (const row of this.#state.rows.values()) if (!row.del) count += 1;
      return count;
    });
  }

  mode(): Promise<Mode> {
    return this.#caller.call('reads the mode', () => this.#state.mode);
  }

  /** First the mode, so that no writer opens any more, then every slot: from then on nothing under way can land. */
  async setMode(mode: Mode): Promise<void> {
    const { disk } = this.#caller;
    const { name } = this;
    const hasChanged = await this.#caller.call(`sets ${name} to ${mode}`, () =>
      disk.transact(true, () => {
        const state = this.#state;
        if (state.mode === mode && !state.isChanging) return false;
        if (mode === 'read-write') disk.ears.modeIs(disk, name, mode);
        state.mode = mode;
        if (disk.engine === 'sqlite') fence(slotOf(state, 1));
        else state.isChanging = true;
        return true;
      }),
    );
    if (hasChanged && disk.engine === 'mongodb') {
      for (const { slot } of await this.#slots()) await this.#takeOver(slot);
      await this.#caller.call(`has set ${name} to ${mode}`, () => {
        if (this.#state.mode === mode) this.#state.isChanging = false;
      });
    }
    if (mode !== 'read-write' && this.#state.mode === mode) disk.ears.modeIs(disk, name, mode);
  }

  async setIndexes(): Promise<boolean> {
    return false;
  }

  bucketSums(): Promise<BucketSum[]> {
    return this.#caller.call('sums buckets', () => {
      const byBucket = Map.groupBy(this.#state.rows.values(), ({ b }) => b);
      return [...byBucket].map(([b, rows]) => ({ b, count: rows.length, ...sumsOf(rows) })).sort((x, y) => x.b - y.b);
    });
  }

  /** Of all documents, tombstones too, in no order; one page. */
  digests({ limit, ids, buckets, deep }: DigestQuery): Promise<DigestPage> {
    return this.#caller.call('lists digests', () => {
      const rows = [...this.#state.rows.values()].filter(
        ({ id, b }) => ids?.includes(id) ?? buckets?.includes(b) ?? true,
      );
      const sound = deep === true ? true : null;
      const digests = rows.slice(0, limit).map(({ del, ...row }): Digest => ({ ...row, deleted: del, sound }));
      return { digests, cursor: null };
    });
  }

  openWriter(options: WriterOptions): Promise<Writer<unknown>> {
    const open = this.#caller.disk.engine === 'sqlite' ? SqliteWriter.open : MongodbWriter.open;
    return open(this.#caller, this.#state, this.#stamper, options);
  }

  #slots(): Promise<SlotState[]> {
    return this.#caller.call('lists the slots', () =>
      [...this.#state.slots.values()].map((slot) => this.#stateOf(slot)),
    );
  }

  #read(number: number, after: number, limit: number): Promise<ChangePage<unknown>> {
    return this.#caller.call(
      () => `reads slot ${number} of ${this.name} after ${after}`,
      () => {
        const slot = this.#state.slots.get(number);
        const stable = slot ? this.#stableOf(slot) : 0;
        if (!slot || stable <= after) return { docs: [], through: after, stable };
        const docs: Row[] = [];
        for (const [n, row] of slot.places) if (row && n > after && n <= stable) docs.push(row);
        docs.sort((a, b) => a.n - b.n);
        const page = docs.slice(0, limit);
        return { docs: page, through: page.length < limit ? stable : (page.at(-1)?.n ?? after), stable };
      },
    );
  }

  #remaining(number: number, after: number): Promise<number> {
    return this.#caller.call('counts what remains', () => {
      const slot = this.#state.slots.get(number);
      let count = 0;
      if (slot) for (const [n, row] of slot.places) if (row && n > after && n <= this.#stableOf(slot)) count += 1;
      return count;
    });
  }

  async #takeOver(number: number): Promise<SlotState> {
    const { disk } = this.#caller;
    if (disk.engine === 'mongodb') return this.#stateOf(await takeOver(this.#caller, this.#state, number));
    return await this.#caller.call(`fences ${this.name}`, () =>
      disk.transact(true, () => {
        const slot = slotOf(this.#state, number);
        fence(slot);
        return this.#stateOf(slot);
      }),
    );
  }

  #stableOf(slot: Slot): number {
    const { engine, mistake } = this.#caller.disk;
    return engine === 'sqlite' || mistake === 'no-stable' ? lastOf(slot) : slot.stable;
  }

  #stateOf(slot: Slot): SlotState {
    const owners = this.#caller.disk.engine === 'sqlite' ? [...new Set(slot.leases.values())].join(', ') : slot.owner;
    const owner = slot.state === 'leased' || this.#caller.disk.engine === 'sqlite' ? owners : '';
    return { slot: slot.slot, epoch: slot.epoch, stable: this.#stableOf(slot), window: WINDOW, owner };
  }
}

function sumsOf(rows: readonly Row[]): Pick<BucketSum, 's1' | 's2' | 's3'> {
  const sum = { s1: 0, s2: 0, s3: 0 };
  for (const { h1, h2, h3 } of rows) {
    sum.s1 += h1;
    sum.s2 += h2;
    sum.s3 += h3;
  }
  return sum;
}
