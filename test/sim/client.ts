import type { Edit, Version, Writer } from '../../store/contract.ts';
import type { DatabaseName, ReadMark } from '../../store/documents.ts';
import type { ModelStore } from './model/store.ts';
import type { Oracle } from './oracle.ts';
import type { Process } from './process.ts';

/** Readers and crawlers of one site: one process that edits, and tells the oracle what was acknowledged. */
export class Client {
  readonly proc: Process;
  readonly #store: ModelStore;
  readonly #oracle: Oracle;
  readonly #durability: 'sync' | 'lazy';
  readonly #writers = new Map<DatabaseName, Promise<Writer<unknown>>>();
  /** Edits under way. */
  pending = 0;

  constructor(proc: Process, store: ModelStore, oracle: Oracle, durability: 'sync' | 'lazy') {
    this.proc = proc;
    this.#store = store;
    this.#oracle = oracle;
    this.#durability = durability;
  }

  /** `token`: something that no other edit says. Resolves to whether all was written. */
  async write(
    database: DatabaseName,
    ids: readonly string[],
    how: 'blind' | 'expect' | 'delete',
    token: number,
  ): Promise<boolean> {
    this.pending += 1;
    try {
      const writer = await this.#writer(database);
      const edits = await this.#edits(database, ids, how, token);
      const outcomes = await writer.edit(edits);
      for (const outcome of outcomes) {
        if (outcome.result !== 'written') continue;
        this.#oracle.acknowledge(database, outcome.id, outcome.ver);
        this.proc.trace.add(this.proc.name, () => `${database}/${outcome.id}@${outcome.ver} is acknowledged`);
      }
      return outcomes.every(({ result }) => result === 'written');
    } catch (error) {
      // Nothing was acknowledged; any of it may have landed. The next edit opens another writer.
      this.#writers.delete(database);
      this.proc.trace.add(this.proc.name, () => `an edit of ${ids} of ${database} fails: ${(error as Error).message}`);
      if (!('code' in (error as Error))) this.#oracle.report('unexpected', String((error as Error).stack));
      return false;
    } finally {
      this.pending -= 1;
    }
  }

  /** A program that is done with its writers closes them. */
  putAway(): void {
    for (const opening of this.#writers.values()) opening.then((writer) => writer.close()).catch(() => {});
    this.#writers.clear();
  }

  #writer(database: DatabaseName): Promise<Writer<unknown>> {
    let opening = this.#writers.get(database);
    if (!opening) {
      const options = { owner: this.proc.name, durability: this.#durability };
      opening = this.#store.database(database).openWriter(options);
      this.#writers.set(database, opening);
    }
    return opening;
  }

  async #edits(
    database: DatabaseName,
    ids: readonly string[],
    how: 'blind' | 'expect' | 'delete',
    token: number,
  ): Promise<Edit<unknown>[]> {
    if (how === 'delete') return ids.map((id) => ({ id, content: null }));
    if (how === 'blind' && database !== 'states')
      return ids.map((id) => ({ id, content: contentOf(database, id, token) }));
    const there = await this.#store.database(database).versions(ids);
    return ids.map((id) => {
      const doc = there.get(id);
      const isThere = doc !== undefined && doc.content !== null;
      const ifVer: Version | null = isThere ? doc.ver : null;
      const content =
        database === 'states'
          ? markOf(isThere ? (doc.content as ReadMark) : null, token)
          : contentOf(database, id, token);
      return { id, content, ifVer };
    });
  }
}

/** Every seventh time two sites see the very same entry. */
function contentOf(database: DatabaseName, id: string, token: number): object {
  const isShared = token % 7 === 0;
  const title = isShared ? 'same' : `t${token}`;
  if (database !== 'articles') return { user: 'u', feed: id, title };
  return { num: 0, feed: 'f', title, fingerprint: title };
}

/** Another article is read, or a few are set back to unread. */
function markOf(there: ReadMark | null, token: number): ReadMark {
  const mark = there ?? { kind: 'mark', user: 'u', feed: 'f', upTo: 0, read: [], unread: [] };
  if (token % 5 === 0) {
    const upTo = Math.max(mark.upTo, token);
    const unread = [...new Set([...mark.unread, ...(token % 2 === 0 ? [token - 1] : [])])].sort((a, b) => a - b);
    return { ...mark, upTo, read: mark.read.filter((num) => num > upTo), unread };
  }
  return { ...mark, read: [...new Set([...mark.read, token])].filter((num) => num > mark.upTo).sort((a, b) => a - b) };
}
