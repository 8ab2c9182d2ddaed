/**
 * What `verify --repair` does about what it found. The source's version goes to the destination wherever the destination
 * lacks it; what only the destination has is left alone unless `force` is asked for. docs/verify.md has the rules.
 */
import { randomUUID } from 'node:crypto';
import type { Replica, SiteId, Versioned, WriterOptions } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import { DEFAULT_POLICIES } from '../policy.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import type { SiteRole } from '../role.ts';
import type { Hello, Target, TargetSession } from '../target.ts';
import { bodyOf, Portions, readable } from './bodies.ts';
import { readApplied, type VerifyEnd } from './ends.ts';
import type { Seen } from './look.ts';
import { type Act, type Acts, decideRepair, isAsWritten, type LeftWhy } from './repair-rules.ts';
import type { Side } from './report.ts';
import { hasSameWords } from './standing.ts';

const WRITER: WriterOptions = { owner: 'verify --repair', durability: 'sync' };

type Found = Pick<Seen, 'id' | 'source' | 'destination'>;

export interface RepairEnd {
  readonly end: VerifyEnd;
  readonly target: Target;
  /** Null: behind a receiver, where nothing can be edited from here. */
  readonly store: ReplicatedStore | null;
}

/** Of one database. */
export interface RepairCounts {
  /** Written at the destination, as the source has them. */
  sent: number;
  /** Two-way: written at the source, as the destination has them. */
  fetched: number;
  /** Damaged at the source, and sound there again. */
  healed: number;
  /** Written anew at the source, so that the destination's own version gives way. */
  forced: number;
  /** Not repaired. */
  left: Partial<Record<LeftWhy, number>>;
}

export interface RepairOptions {
  readonly source: RepairEnd;
  readonly destination: RepairEnd;
  readonly databases: readonly DatabaseName[];
  /** One-way: also discards what only the destination has. */
  readonly force: boolean;
}

/** Takes what `verify` finds, group by group. Close it afterwards. */
export class Repairer implements AsyncDisposable {
  readonly #options: RepairOptions;
  readonly #sessions = new Map<string, Promise<TargetSession>>();
  readonly #counts = new Map<DatabaseName, RepairCounts>();

  constructor(options: RepairOptions) {
    this.#options = options;
  }

  get counts(): ReadonlyMap<DatabaseName, RepairCounts> {
    return this.#counts;
  }

  /** Throws REPLICATION_* where an end refuses the other's documents, and the codes of both ends. */
  async take(database: DatabaseName, found: readonly Seen[]): Promise<void> {
    const { source, destination, force } = this.#options;
    const { back } = await readApplied(source.end, destination.end, database);
    const isTwoWay = back !== null && (await arePrimaries(source.end, destination.end));
    const acts: Acts = { isTwoWay, force, canEditSource: source.store !== null };
    const groups = Map.groupBy(found, (seen) => decideRepair(seen, acts));
    for (const [act, some] of groups) await this.#perform(database, act, some, isTwoWay);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sessions = await Promise.allSettled(this.#sessions.values());
    await Promise.allSettled(sessions.map((one) => one.status === 'fulfilled' && one.value.close()));
  }

  async #perform(database: DatabaseName, act: Act, found: readonly Seen[], isTwoWay: boolean): Promise<void> {
    const { source, destination } = this.#options;
    const counts = this.#countsOf(database);
    switch (act) {
      case 'send':
        counts.sent += await this.#carry(database, found, 'source', await this.#session(source, destination, isTwoWay));
        break;
      case 'fetch':
        counts.fetched += await this.#carry(
          database,
          found,
          'destination',
          await this.#session(destination, source, true),
        );
        break;
      case 'heal':
        counts.healed += await this.#heal(database, found);
        break;
      case 'force': {
        const forced = await this.#restamp(database, found);
        // Replication would bring them; this does it also where none runs.
        await this.#carry(database, forced, 'source', await this.#session(source, destination, isTwoWay));
        counts.forced += forced.length;
        break;
      }
      default:
        this.#leave(database, act, found.length);
    }
  }

  /** Sends documents as one end has them, but those whose body there is not what was written. Returns how many. */
  async #carry(database: DatabaseName, found: readonly Found[], from: Side, session: TargetSession): Promise<number> {
    let written = 0;
    for await (const docs of this.#sound(database, found, from)) {
      const pushed = await push(session, database, docs);
      written += pushed.written;
      this.#leave(database, 'refused', pushed.refused);
      this.#leave(database, 'changed', docs.length - pushed.written - pushed.refused);
    }
    return written;
  }

  /** The documents of one end, some at a time. */
  async *#sound(database: DatabaseName, found: readonly Found[], from: Side): AsyncGenerator<Versioned<unknown>[]> {
    const side = this.#options[from].end.compare(database);
    const portions = new Portions();
    for (let at = 0; at < found.length; ) {
      const some = found.slice(at, at + portions.size);
      at += some.length;
      const ids = some.map(({ id }) => id);
      const docs = await readable(side, ids);
      portions.saw([...docs.values()]);
      const sound = some.flatMap((one) => {
        const doc = docs.get(one.id);
        const digest = one[from];
        return doc && (digest?.ver !== doc.ver || isAsWritten(doc, digest)) ? [doc] : [];
      });
      this.#leave(database, `damaged-${from}`, some.length - sound.length);
      if (sound.length > 0) yield sound;
    }
  }

  /** A sound copy of the very version that is damaged at the source. */
  async #heal(database: DatabaseName, found: readonly Seen[]): Promise<number> {
    const { store } = this.#options.source;
    if (!store) return 0;
    await using writer = await store.database(database).openWriter(WRITER);
    let healed = 0;
    for await (const docs of this.#sound(database, found, 'destination')) {
      const own = await this.#written(database, found, docs);
      const outcomes = await writer.apply(own.map(replicaOf));
      const written = outcomes.filter(({ result }) => result === 'written').length;
      healed += written;
      this.#leave(database, 'damaged-source', docs.length - own.length);
      this.#leave(database, 'changed', own.length - written);
    }
    return healed;
  }

  /**
   * Copies of what was written at the source, not of what became of it: a body that was damaged before it was replicated
   * is sound at the destination, under other words. Where only the words were damaged the bodies are the same.
   */
  async #written(
    database: DatabaseName,
    found: readonly Seen[],
    docs: readonly Versioned<unknown>[],
  ): Promise<Versioned<unknown>[]> {
    const seen = new Map(found.map((one) => [one.id, one]));
    const ids = docs.map(({ id }) => id);
    const here = await readable(this.#options.source.end.compare(database), ids);
    return docs.filter((doc) => {
      const { source = null, destination = null } = seen.get(doc.id) ?? {};
      if (source && destination && hasSameWords(source, destination)) return true;
      const own = here.get(doc.id);
      return own !== undefined && bodyOf(own) === bodyOf(doc);
    });
  }

  /** Writes each at the source as a new version above the destination's. Those that changed meanwhile are left out. */
  async #restamp(database: DatabaseName, found: readonly Seen[]): Promise<Found[]> {
    const { store, end } = this.#options.source;
    if (!store) return [];
    const forced: Found[] = [];
    await using writer = await store.database(database).openWriter(WRITER);
    for (const { id, source, destination } of found) {
      const doc = (await readable(end.compare(database), [id])).get(id);
      const isSound = doc === undefined || source === null || isAsWritten(doc, source);
      const isSame = destination !== null && doc?.ver === source?.ver;
      const content = doc?.content ?? null;
      // Nothing and a tombstone are alike to `ifVer`.
      const ifVer = content === null ? null : (source?.ver ?? null);
      const edit = { id, content, ifVer, ...(destination && { above: destination.ver }) };
      const [outcome] = isSound && isSame ? await writer.edit([edit]) : [];
      if (outcome?.result === 'written') forced.push({ id, source: null, destination: null });
      else this.#leave(database, isSound ? 'changed' : 'damaged-source', 1);
    }
    return forced;
  }

  #leave(database: DatabaseName, why: LeftWhy, count: number): void {
    const { left } = this.#countsOf(database);
    if (count > 0) left[why] = (left[why] ?? 0) + count;
  }

  #session(from: RepairEnd, to: RepairEnd, isTwoWay: boolean): Promise<TargetSession> {
    const key = `${to.end.site} ${isTwoWay}`;
    const session = this.#sessions.get(key) ?? this.#connect(from, to, isTwoWay);
    this.#sessions.set(key, session);
    return session;
  }

  async #connect(from: RepairEnd, to: RepairEnd, isTwoWay: boolean): Promise<TargetSession> {
    const { role } = await from.target.inspect();
    return await to.target.connect(helloOf(from.end.site, role, isTwoWay, this.#options.databases));
  }

  #countsOf(database: DatabaseName): RepairCounts {
    const counts = this.#counts.get(database) ?? { sent: 0, fetched: 0, healed: 0, forced: 0, left: {} };
    this.#counts.set(database, counts);
    return counts;
  }
}

/** A replica gives its primary nothing, though the notes of the way that documents take look like those of a way back. */
async function arePrimaries(...ends: readonly VerifyEnd[]): Promise<boolean> {
  const roles = await Promise.all(ends.map((end) => end.role()));
  return roles.every(({ role }) => role === 'primary');
}

function helloOf(site: SiteId, from: SiteRole, isTwoWay: boolean, databases: readonly DatabaseName[]): Hello {
  const { epoch, role, primary } = from;
  return {
    ...{ session: `verify-${randomUUID()}`, site, epoch, databases, policies: DEFAULT_POLICIES },
    ...{ direction: isTwoWay ? 'two-way' : 'one-way', adopt: false, docsToDo: 0, isRepair: true },
    ...(role === 'replica' && primary !== null && { follows: primary }),
  };
}

/** One by one where the end refuses a document for good: the others pass. */
async function push(
  session: TargetSession,
  database: DatabaseName,
  docs: readonly Versioned<unknown>[],
): Promise<{ written: number; refused: number }> {
  try {
    const pushed = { database, docs: docs.map(replicaOf), checkpoint: null, caughtUp: false };
    return { written: (await session.push(pushed)).written, refused: 0 };
  } catch (error) {
    if (codeOf(error) !== 'BATCH_INVALID') throw error;
    if (docs.length === 1) return { written: 0, refused: 1 };
  }
  const all = { written: 0, refused: 0 };
  for (const doc of docs) {
    const { written, refused } = await push(session, database, [doc]);
    all.written += written;
    all.refused += refused;
  }
  return all;
}

/** Also over the very same version, where what is stored there is not that. */
function replicaOf({ id, ver, org, vv, delAt, content, body }: Versioned<unknown>): Replica<unknown> {
  return { id, ver, org, vv, delAt, content, heal: true, ...(body !== undefined && { body }) };
}
