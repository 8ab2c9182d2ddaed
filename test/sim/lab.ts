import { type Checkpoint, checkpointFrom } from '../../replicator/checkpoint.ts';
import type { SiteId } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { seededRandom } from '../contract/random.ts';
import { Commands, primaryOf } from './commands.ts';
import type { Mistake } from './mistakes.ts';
import { lastOf, ModelDisk } from './model/disk.ts';
import { ModelStore } from './model/store.ts';
import { type Trouble, Way } from './network.ts';
import { roleOf } from './operator.ts';
import { Oracle } from './oracle.ts';
import { type Action, edgesOf, isCopying, isTwoWay, type Plan, type Step } from './plan.ts';
import { Process } from './process.ts';
import { Site, type SiteContext } from './site.ts';
import { Trace } from './trace.ts';
import { World } from './world.ts';

const SITE_IDS = ['siteaaaa', 'sitebbbb', 'sitecccc'] as SiteId[];
const WAY_MS = 8;
const SERVER_MS = 1.5;
const MINUTE_MS = 61_000;
/** All must be quiet within so much time after the last trouble. */
const QUIET_MS_MAX = 200_000;
const LOOK_MS = 120;
const REPEAT_TRIES_MAX = 5;

const QUIET_TROUBLE: Trouble = { lost: 0, answerLost: 0, doubled: 0, late: 0, slowMs: 0 };
const TROUBLES: Readonly<Record<string, Trouble>> = {
  lossy: { ...QUIET_TROUBLE, lost: 0.3, answerLost: 0.2 },
  deaf: { ...QUIET_TROUBLE, answerLost: 0.6 },
  double: { ...QUIET_TROUBLE, doubled: 0.5, slowMs: 30 },
  late: { ...QUIET_TROUBLE, late: 0.4, slowMs: 20 },
  slow: { ...QUIET_TROUBLE, slowMs: 150 },
};

/** One schedule: the world as the plan wants it, its steps, healing, and the verdict. */
export class Lab {
  readonly world = new World();
  readonly oracle = new Oracle(() => this.world.now);
  readonly trace: Trace;
  readonly #plan: Plan;
  readonly #sites: Site[];
  readonly #ways = new Map<string, Way>();
  readonly #commands: Commands;
  #token = 0;

  constructor(plan: Plan, mistake: Mistake, isTraced: boolean) {
    this.#plan = plan;
    this.trace = new Trace(isTraced, () => this.world.now);
    const random = seededRandom(plan.seed ^ 0x5bd1e995);
    const { databases, durability, batchDocs, concurrency, isDirect } = plan;
    const context: SiteContext = {
      ...{ world: this.world, oracle: this.oracle, trace: this.trace, random },
      ...{ databases, durability, batchDocs, concurrency, isDirect, direction: isTwoWay(plan) ? 'two-way' : 'one-way' },
    };
    this.#sites = plan.engines.map((engine, i) => {
      const disk = new ModelDisk(SITE_IDS[i] ?? ('sitedddd' as SiteId), engine, mistake, this.oracle);
      for (const name of databases) disk.database(name);
      const way = new Way(random, SERVER_MS);
      this.#ways.set(`${i} ${i}`, way);
      return new Site('ABC'[i] ?? 'D', disk, way, context);
    });
    for (const [from, to] of edgesOf(plan)) {
      const way = new Way(random, WAY_MS);
      this.#ways.set(`${from} ${to}`, way);
      const [source, target] = [this.#sites[from], this.#sites[to]];
      if (source && target) source.sendings.push({ to: target, way, databases });
    }
    this.oracle.watch(this.#sites.map(({ disk }) => disk));
    this.#commands = new Commands({
      world: this.world,
      oracle: this.oracle,
      plan,
      sites: this.#sites,
      ways: this.#ways,
    });
  }

  run(): void {
    this.trace.add(
      '',
      () => `${this.#plan.topology}: ${this.#sites.map(({ name, disk }) => `${name} is ${disk.engine}`).join(', ')}`,
    );
    this.#startAll();
    for (const step of this.#plan.steps) {
      this.world.runUntil(this.world.now + step.gapMs);
      this.#take(step);
    }
    this.#heal();
    this.#settle();
    this.oracle.judge(this.#commands.listed);
  }

  #startAll(): void {
    for (const site of this.#sites) {
      site.start('site');
      site.start('recv');
      if (this.#plan.topology !== 'failover' || site.name === 'A') site.start('repl');
    }
  }

  #take(step: Step): void {
    if (step.kind !== 'write' && step.kind !== 'wait') this.trace.add('*', () => textOf(step));
    if ('site' in step) {
      const site = this.#sites[step.site];
      if (site) this.#atSite(site, step);
    } else if (step.kind === 'minute') {
      this.world.jump(MINUTE_MS);
    } else if (step.kind === 'net') {
      const way = this.#ways.get(`${step.from} ${step.to}`);
      way?.heal();
      if (way && step.trouble === 'cut') way.isCut = true;
      const trouble = TROUBLES[step.trouble];
      if (way && trouble) way.trouble = trouble;
    }
  }

  #atSite(site: Site, step: Extract<Action, { site: number }>): void {
    switch (step.kind) {
      case 'write':
        this.#write(site, step);
        return;
      case 'crash':
        site.proc(step.role)?.crashIn(step.calls, step.isDone);
        return;
      case 'start':
        site.start(step.role);
        return;
      case 'stall':
        site.proc(step.role)?.stall();
        return;
      case 'wake':
        site.proc(step.role)?.wake();
        return;
      case 'clock':
        site.clock.offsetMs = step.offsetMs;
        return;
      case 'power':
        site.cutPower(step.share);
        return;
      case 'takeover': {
        const slots = [...site.disk.database(step.database).slots.keys()];
        const slot = slots[step.which % slots.length];
        if (slot === undefined) return;
        void this.#hand(site)
          .database(step.database)
          .changes.takeOver(slot)
          .catch(() => {});
        return;
      }
      case 'put-away':
        site.client?.putAway();
        return;
      case 'select': {
        const sending = site.sendings[step.which % site.sendings.length];
        if (sending) site.select(sending, step.databases);
        return;
      }
      case 'promote':
      case 'demote':
      case 'rejoin':
        this.#commands.give(site, step.kind, step.calls).catch(() => {});
        return;
      case 'repair': {
        const to = this.#sites[step.to];
        if (to) this.#commands.repair(site, to, step).catch(() => {});
        return;
      }
      case 'backup':
        site.takeBackup();
        return;
      case 'restore':
        site.restore();
        return;
      default:
        this.#control(site, step.kind);
        return;
    }
  }

  #control(site: Site, wish: 'pause' | 'resume' | 'reseed' | 'stop'): void {
    const proc = site.proc('repl');
    if (!proc || proc.isDead) return;
    proc.deliver(() => {
      for (const destination of site.destinations) {
        if (wish === 'pause') destination.pause('an operator wished so');
        else if (wish === 'resume') destination.resume();
        else if (wish === 'reseed') destination.reseed().catch(() => {});
        else void destination.stop();
      }
      if (wish === 'stop') site.isStopping = true;
    });
  }

  /** Someone who opens the store by hand. */
  #hand(site: Site): ModelStore {
    const random = seededRandom(1);
    const proc = new Process(`${site.name}.hand`, this.world, site.clock, random, this.trace);
    return new ModelStore(site.disk, proc, () => ({ ms: 0.2, backMs: 0, lost: 'no' }));
  }

  #write(site: Site, { database, ids, how }: Extract<Action, { kind: 'write' }>): void {
    const { client } = site;
    if (!client || client.proc.isDead) return;
    // A destination of one direction refuses edits, once it is one.
    const isReplica = roleOf(site)?.role !== 'primary';
    if (!this.#isWritable(site) && isReplica && !this.#isLeftOut(site, database)) return;
    this.#token += 1;
    const token = this.#token;
    const names = ids.map((id) => `d${id}`);
    this.trace.add(
      client.proc.name,
      () => `${how === 'delete' ? 'deletes' : 'edits'} ${names} of ${database}, t${token}`,
    );
    client.proc.deliver(() => void client.write(database, names, how, token));
  }

  /** A replica of other databases yet, which edits this one itself; or, of all: one that refuses edits. */
  #isLeftOut(site: Site, database: DatabaseName): boolean {
    if (site.disk.database(database).mode !== 'read-write') return true;
    if (this.#plan.topology !== 'failover' || roleOf(site)?.role !== 'replica') return false;
    const sendings = this.#sites.flatMap(({ sendings }) => sendings.filter(({ to }) => to === site));
    return sendings.every(({ databases }) => !databases.includes(database));
  }

  #isWritable({ name }: Site): boolean {
    return isTwoWay(this.#plan) || name === 'A';
  }

  /** Everything works again, clocks but stay as they are. */
  #heal(): void {
    this.trace.add('*', () => 'all trouble ends');
    for (const way of this.#ways.values()) way.heal();
    this.world.jump(MINUTE_MS);
    for (const site of this.#sites) {
      for (const role of ['site', 'recv', 'repl'] as const) site.proc(role)?.crashIn(0, false);
      for (const role of ['site', 'recv', 'repl'] as const) site.proc(role)?.wake();
    }
    this.world.runUntil(this.world.now + 50);
    for (const site of this.#sites) {
      this.#control(site, 'resume');
      const states = site.destinations.map((destination) => destination.status().state);
      const isPartial = site.sendings.some(({ databases }) => databases.length < this.#plan.databases.length);
      for (const sending of site.sendings) sending.databases = this.#plan.databases;
      if (
        site.isStopping ||
        isPartial ||
        states.some((state) => state === 'stopped' || (state === 'waiting' && this.#plan.seed % 4 > 0))
      ) {
        site.proc('repl')?.crash('to start anew');
      }
      site.start('site');
      site.start('recv');
      if (this.#plan.topology !== 'failover') site.start('repl');
      this.#repeat(site);
      this.#openOnce(site);
    }
    if (this.#plan.topology === 'failover')
      this.#commands.agree().catch((error) => this.oracle.report('unexpected', String(error)));
    const isSetBack = isCopying(this.#plan.topology) && this.oracle.wasSetBack(this.#sites[0]?.disk);
    if (isSetBack) this.#commands.discard().catch((error) => this.oracle.report('unexpected', String(error)));
  }

  /** What was lost with power is crawled again: a feed's validators went with it. */
  #repeat(site: Site): void {
    for (const { database, id } of site.toRepeat.splice(0)) {
      this.#token += 1;
      const token = this.#token;
      void this.#writeAgain(site, database, id, token);
    }
  }

  async #writeAgain(site: Site, database: DatabaseName, id: string, token: number): Promise<void> {
    const how = database === 'states' ? 'expect' : 'blind';
    for (let tries = 0; tries < REPEAT_TRIES_MAX; tries += 1) {
      if (await site.client?.write(database, [id], how, token)) return;
    }
  }

  /** Whoever opens a writer takes over the slots of the dead. */
  #openOnce(site: Site): void {
    const store = this.#hand(site);
    for (const name of this.#plan.databases) {
      store
        .database(name)
        .openWriter({ owner: 'hand', durability: 'sync' })
        .then((writer) => writer.close())
        .catch(() => {});
    }
  }

  #settle(): void {
    const until = this.world.now + QUIET_MS_MAX;
    let waitsFor = '';
    let opensAt = this.world.now + MINUTE_MS;
    for (let wait = LOOK_MS; this.world.now < until; wait = Math.min(wait * 1.5, 5000)) {
      this.world.runUntil(this.world.now + wait);
      waitsFor = this.#unsettled();
      if (waitsFor === '') return;
      if (this.world.now < opensAt) continue;
      opensAt += MINUTE_MS;
      for (const site of this.#sites) this.#openOnce(site);
    }
    for (const { name, destinations } of this.#sites) {
      for (const destination of destinations) {
        this.trace.add(`${name}.repl`, () => JSON.stringify(destination.status()));
      }
    }
    this.oracle.report('stuck', `${waitsFor} after ${QUIET_MS_MAX / 1000} s without trouble`);
  }

  /** What is still to come; empty: all is quiet. */
  #unsettled(): string {
    for (const site of this.#sites) {
      if ((site.client?.pending ?? 0) > 0) return `an edit at ${site.name} has no answer`;
    }
    if (this.#commands.isAgreeing) return 'the sites do not agree on a primary';
    const [difference] = this.oracle.differences();
    if (difference !== undefined) return difference;
    for (const [from, to] of edgesOf(this.#plan)) {
      const [source, target] = [this.#sites[from], this.#sites[to]];
      if (!source || !target) continue;
      if (this.#plan.topology === 'failover' && source !== primaryOf(this.#sites)) continue;
      for (const name of this.#plan.databases) {
        const note = target.disk.notes.get(checkpointFrom(source.disk.site, name))?.value as Checkpoint | undefined;
        for (const slot of source.disk.database(name).slots.values()) {
          const stable = source.disk.engine === 'sqlite' ? lastOf(slot) : slot.stable;
          if (stable > (note?.vector[slot.slot] ?? 0)) {
            return `${target.name} keeps no checkpoint for ${slot.slot}:${stable} of ${name} of ${source.name}`;
          }
        }
      }
    }
    return '';
  }
}

function textOf({ gapMs: _gap, ...action }: Step): string {
  return JSON.stringify(action);
}
