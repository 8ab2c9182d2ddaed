import { storeTarget } from '../../replicator/applying/store-target.ts';
import { DEFAULT_POLICIES } from '../../replicator/policy.ts';
import { type RunningDestination, startDestination } from '../../replicator/sending/destination.ts';
import type { DestinationStatus } from '../../replicator/status.ts';
import type { Target } from '../../replicator/target.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import type { Random } from '../contract/random.ts';
import { Client } from './client.ts';
import { earlyTarget } from './early.ts';
import type { Line } from './model/call.ts';
import type { Backup, ModelDisk } from './model/disk.ts';
import { ModelStore } from './model/store.ts';
import { type Receiver, RemoteTarget, type Way } from './network.ts';
import type { Oracle } from './oracle.ts';
import type { Role } from './plan.ts';
import { MachineClock, Process } from './process.ts';
import type { Trace } from './trace.ts';
import type { World } from './world.ts';

/** An embedded store answers within this. */
const EMBEDDED_MS = 0.5;

export interface SiteContext {
  readonly world: World;
  readonly oracle: Oracle;
  readonly trace: Trace;
  readonly random: Random;
  readonly databases: readonly DatabaseName[];
  readonly durability: 'sync' | 'lazy';
  readonly batchDocs: number;
  readonly concurrency: number;
  readonly direction: 'one-way' | 'two-way';
  readonly isDirect: boolean;
}

export interface Sending {
  readonly to: Site;
  readonly way: Way;
  /** What it gets; none: it is no destination now. */
  databases: readonly DatabaseName[];
}

/** A destination that runs, and with which databases. */
interface Held {
  readonly databases: readonly DatabaseName[];
  readonly running: RunningDestination;
}

/** One site: a disk with a store, a clock, and processes that come and go. */
export class Site {
  readonly name: string;
  readonly disk: ModelDisk;
  readonly clock: MachineClock;
  /** From its processes to the server of its own store. */
  readonly local: Way;
  readonly sendings: Sending[] = [];
  readonly #context: SiteContext;
  readonly #procs = new Map<Role, Process>();
  /** Of commands that are under way. */
  readonly #hands = new Set<Process>();
  client: Client | undefined;
  receiver: Receiver | undefined;
  #held = new Map<Sending, Held>();
  #adjust: (sending: Sending) => void = () => {};
  isStopping = false;
  backup: { readonly copy: Backup; readonly seq: number } | undefined;
  /** What a power cut took; whoever wrote it will write it again. */
  readonly toRepeat: { readonly database: DatabaseName; readonly id: string }[] = [];

  constructor(name: string, disk: ModelDisk, local: Way, context: SiteContext) {
    this.name = name;
    this.disk = disk;
    this.local = local;
    this.#context = context;
    this.clock = new MachineClock(context.world);
  }

  get destinations(): RunningDestination[] {
    return [...this.#held.values()].map(({ running }) => running);
  }

  proc(role: Role): Process | undefined {
    return this.#procs.get(role);
  }

  start(role: Role): void {
    const { oracle, durability } = this.#context;
    const there = this.#procs.get(role);
    if (there && !there.isDead) return;
    if (role === 'repl' && this.sendings.length === 0) return;
    if (role === 'repl') this.isStopping = false;
    const proc = new Process(
      `${this.name}.${role}`,
      this.#context.world,
      this.clock,
      this.#context.random,
      this.#context.trace,
    );
    proc.trace.add(proc.name, () => 'starts');
    this.#procs.set(role, proc);
    const store = this.#open(proc, this, this.local);
    if (role === 'site') this.client = new Client(proc, store, oracle, durability);
    if (role === 'recv') this.receiver = { proc, target: this.targetOf(proc, store, this) };
    if (role === 'repl') this.#supply(proc, store);
  }

  /** An operator changes what a destination gets. Its sender hears of it, as soon as it runs. */
  select(sending: Sending, databases: readonly DatabaseName[]): void {
    sending.databases = databases;
    this.proc('repl')?.deliver(() => this.#adjust(sending));
  }

  /** All processes at once, and on an embedded store the last writes that were not synced. */
  cutPower(share: number): void {
    const { oracle, trace } = this.#context;
    for (const proc of this.#procs.values()) proc.crash('for want of power');
    this.clock.keepPace();
    const count = Math.floor(share * (this.disk.unsynced + 1));
    for (const { database, row } of this.disk.cutPower(count)) {
      trace.add(this.name, () => `loses ${database}/${row.id}@${row.ver} with power`);
      oracle.lostPower(this.disk.site, database, row);
      if (row.ver.endsWith(this.disk.site)) this.toRepeat.push({ database, id: row.id });
    }
  }

  takeBackup(): void {
    this.backup = { copy: this.disk.backup(), seq: this.#context.oracle.seq };
    this.#context.trace.add(this.name, () => 'is backed up');
  }

  restore(): void {
    if (!this.backup) return;
    for (const proc of [...this.#procs.values(), ...this.#hands]) proc.crash('to be restored');
    this.#hands.clear();
    this.clock.life += 1;
    this.#context.oracle.setBack(this.disk, this.backup.seq);
    this.disk.restore(this.backup.copy);
    for (const { name, mode } of this.disk.databases.values()) this.#context.oracle.modeIs(this.disk, name, mode);
    this.clock.keepPace(this.#context.oracle.greatestMs(this.disk.site));
    this.#context.trace.add(this.name, () => 'is restored to its backup');
  }

  /** All destinations. One that is configured anew ends before it begins again, as `startReplicator` has it. */
  #supply(proc: Process, store: ModelStore): void {
    const held = new Map<Sending, Held>();
    this.#held = held;
    const begin = (sending: Sending): void => {
      const { databases } = sending;
      if (databases.length > 0) held.set(sending, { databases, running: this.#send(proc, store, sending) });
    };
    for (const sending of this.sendings) begin(sending);
    const adjust = async (sending: Sending): Promise<void> => {
      const there = held.get(sending);
      if (there?.databases.join() === sending.databases.join()) return;
      await there?.running.stop();
      held.delete(sending);
      begin(sending);
    };
    let adjusting = Promise.resolve();
    this.#adjust = (sending) => {
      adjusting = adjusting.then(() => adjust(sending));
    };
  }

  #send(proc: Process, source: ModelStore, { to, way, databases }: Sending): RunningDestination {
    const { oracle, batchDocs, concurrency, isDirect, direction } = this.#context;
    const open = async (): Promise<Target> => {
      if (!isDirect || to.disk.engine === 'sqlite') {
        return new RemoteTarget(`https://${to.name}`, proc, way, () => to.receiver);
      }
      const store = this.#open(proc, to, way);
      return this.targetOf(proc, store, to);
    };
    let state = '';
    const tell = (status: DestinationStatus): void => {
      if (!proc.trace.isOn) return;
      const now = `${status.state} ${status.lastError?.at}`;
      if (now === state) return;
      state = now;
      proc.trace.add(proc.name, () => `to ${to.name}: ${status.state}. ${status.why}`);
    };
    const running = startDestination({
      ...{ name: to.name, source, open, databases, direction, policies: DEFAULT_POLICIES, adopt: false },
      limits: { docsPerSecondMax: null, bytesPerSecondMax: null, batchDocs, concurrency },
      ...{ runtime: proc.runtime, once: false },
      // Also where nobody looks on, so that a run is the same.
      onStatus: tell,
    });
    running.ended.catch((error: unknown) => {
      proc.trace.add(proc.name, () => `to ${to.name} ends: ${(error as Error).message}`);
      if (codeOf(error) !== 'REPLICATION_TAKEN_OVER') oracle.report('unexpected', String((error as Error).stack));
    });
    return running;
  }

  /** As an operator opens it, in a process of its own. */
  openByHand(): { proc: Process; store: ModelStore } {
    const { world, random, trace } = this.#context;
    const proc = new Process(`${this.name}.hand`, world, this.clock, random, trace);
    this.#hands.add(proc);
    proc.onDeath(() => this.#hands.delete(proc));
    return { proc, store: this.#open(proc, this, this.local) };
  }

  targetOf(proc: Process, store: ModelStore, of: Site = this): Target {
    const { engine, mistake } = of.disk;
    const target = storeTarget(store, { engine, runtime: proc.runtime, close: () => store.close() });
    return mistake === 'checkpoint-early' ? earlyTarget(target) : target;
  }

  #open(proc: Process, of: Site, way: Way): ModelStore {
    const { random } = this.#context;
    const embedded: Line = () => ({ ms: random.next() * EMBEDDED_MS, backMs: 0, lost: 'no' });
    return new ModelStore(of.disk, proc, of.disk.engine === 'sqlite' ? embedded : () => way.fate());
  }
}
