import type { SiteId, Writer } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { storeError } from '../../store/errors.ts';
import { type Checkpoint, checkpointFrom, readCheckpoint } from '../checkpoint.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { FIRST_ROLE, readRole, type SiteRole } from '../role.ts';
import type { Runtime } from '../runtime.ts';
import type { Comparable, Hello, Push, Pushed, SiteInfo, Target, TargetSession } from '../target.ts';
import { covers } from '../vector.ts';
import { type Admitted, admit, closeAll } from './admit.ts';
import { applyTwoWay } from './two-way.ts';

export interface StoreTargetOptions {
  readonly engine: 'sqlite' | 'mongodb';
  readonly runtime: Runtime;
  /** What closing the target closes; nothing where the store is somebody else's. */
  readonly close?: () => Promise<void>;
}

/** A store as a destination. */
export function storeTarget(store: ReplicatedStore, options: StoreTargetOptions): Target {
  const { runtime, engine } = options;
  const infoOf = (role: SiteRole): SiteInfo => ({
    ...{ site: store.site, engine, role, clock: runtime.clock() },
  });
  const sessions = new Set<StoreSession>();
  const close = async (): Promise<void> => {
    await Promise.all([...sessions].map((session) => session.close()));
    await options.close?.();
  };
  return {
    url: store.url,
    inspect: async () => infoOf(await readRole(store.control)),
    connect: async (hello) => {
      const admitted = await admit(store, hello, runtime);
      const session = new StoreSession(store, hello, admitted, infoOf(admitted.role ?? FIRST_ROLE), runtime);
      sessions.add(session);
      session.onClose = () => sessions.delete(session);
      return session;
    },
    compare: (name): Comparable => {
      const database = store.database(name);
      return {
        bucketSums: () => database.bucketSums(),
        digests: (query) => database.digests(query),
        versions: (ids) => database.versions(ids),
      };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** An admitted sender. Its writers are its admission: once they are fenced, nothing of it gets through. */
class StoreSession implements TargetSession {
  readonly info: SiteInfo;
  readonly checkpoints: Readonly<Partial<Record<DatabaseName, Checkpoint | null>>>;
  onClose: () => void = () => {};
  readonly #store: ReplicatedStore;
  readonly #hello: Hello;
  readonly #writers: ReadonlyMap<DatabaseName, Writer<unknown>>;
  readonly #runtime: Runtime;
  /** The furthest checkpoint that is kept: one that comes late must not set it back. */
  readonly #kept = new Map<DatabaseName, Checkpoint>();
  readonly #indexing = new Map<DatabaseName, Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(store: ReplicatedStore, hello: Hello, admitted: Admitted, info: SiteInfo, runtime: Runtime) {
    this.info = info;
    this.checkpoints = admitted.checkpoints;
    this.#store = store;
    this.#hello = hello;
    this.#writers = admitted.writers;
    this.#runtime = runtime;
  }

  async push(push: Push): Promise<Pushed> {
    const { database, docs, checkpoint } = push;
    const writer = this.#writers.get(database);
    if (!writer || this.#closing) {
      throw storeError('WRITER_CLOSED', `This session with ${this.#store.url} does not write ${database} any more.`);
    }
    const began = this.#worked();
    const note = checkpoint && this.#noteOf(this.#hello.site, database, checkpoint);
    const counts = await this.#apply(writer, push, note ?? undefined);
    if (docs.length > 0) await this.#checkRole();
    if (note) this.#kept.set(database, note.value);
    if (push.caughtUp) this.#keepIndexes(database);
    return { ...counts, appliedMs: docs.length === 0 ? 0 : this.#worked() - began };
  }

  /** Time that goes by, but for what readers were given way. */
  #worked(): number {
    return this.#runtime.elapsed() - (this.#runtime.foreground?.aside?.asideMs ?? 0);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await closeAll(this.#writers);
    await Promise.allSettled(this.#indexing.values());
    this.onClose();
  }

  async #apply(
    writer: Writer<unknown>,
    { database, docs, caughtUp }: Push,
    note: { readonly id: string; readonly value: Checkpoint } | undefined,
  ): Promise<Omit<Pushed, 'appliedMs'>> {
    if (docs.length === 0 && note === undefined) {
      await this.#checkKept(database);
      return { written: 0, stale: 0, conflicts: 0 };
    }
    const between = caughtUp ? undefined : this.#runtime.foreground?.aside?.now;
    if (this.#hello.direction === 'two-way') {
      const policy = this.#hello.policies[database];
      const context = { store: this.#store, database, writer, policy, runtime: this.#runtime, between };
      return await applyTwoWay(context, docs, note);
    }
    const outcomes = await writer.apply(docs, note, between);
    let written = 0;
    for (const { result } of outcomes) if (result === 'written') written += 1;
    return { written, stale: outcomes.length - written, conflicts: 0 };
  }

  /**
   * Asked after every batch: a promotion that began meanwhile may have been killed before it fenced this session, and what
   * was found to be older may have met an edit of a new primary's that never saw it. Neither is delivered. A promotion
   * writes the role before it does anything else.
   */
  async #checkRole(): Promise<void> {
    const role = await readRole(this.#store.control);
    const { role: kind, epoch, primary } = this.info.role;
    if (role.role === kind && role.epoch === epoch && role.primary === primary) return;
    const message = `The role of ${this.#store.site} changed since this sender was admitted.`;
    throw storeError('WRITER_FENCED', message, { input: this.#store.url });
  }

  /** A sign without news: the store must not have been set back below what this session kept in it. */
  async #checkKept(database: DatabaseName): Promise<void> {
    const kept = this.#kept.get(database);
    if (kept === undefined) return;
    const note = await readCheckpoint(this.#store.control, checkpointFrom(this.#hello.site, database));
    if (note !== null && covers(note.vector, kept.vector)) return;
    const message = `The checkpoint of ${database} in ${this.#store.url} is another one than was kept.`;
    throw storeError('WRITER_FENCED', message, { input: this.#store.url });
  }

  #noteOf(source: SiteId, database: DatabaseName, checkpoint: Checkpoint): { id: string; value: Checkpoint } | null {
    const kept = this.#kept.get(database);
    if (kept && covers(kept.vector, checkpoint.vector)) return null;
    return { id: checkpointFrom(source, database), value: checkpoint };
  }

  /** In the background: what a load left out is made up for. Where it was not, this costs nothing. */
  #keepIndexes(database: DatabaseName): void {
    if (this.#indexing.has(database)) return;
    const indexing = this.#store
      .database(database)
      .setIndexes('kept')
      .then(() => {});
    this.#indexing.set(database, indexing);
    // The next push that says so tries again.
    indexing.catch(() => this.#indexing.delete(database));
  }
}
