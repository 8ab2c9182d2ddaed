import type { Database, Version } from '../store/contract.ts';

/** Documents of one read, both of the first scan and of the change feed. */
const READ_DOCS = 500;

export interface ViewOptions<C, V> {
  readonly database: Database<C>;
  /** Ids that start with this are loaded at once; null: only those that `include` names. */
  readonly prefix: string | null;
  /** What is kept of a document. */
  readonly project: (content: C, id: string) => V;
}

/**
 * Part of a database in memory, kept current by its change feed: the way replicators follow a store (DESIGN section 5,
 * "backfill": note the positions, copy, then tail from there; the version guard settles the overlap). A page that
 * needs the state of 2,000 feeds reads only what changed since the page before.
 */
export class DatabaseView<C, V> {
  readonly #options: ViewOptions<C, V>;
  readonly #entries = new Map<string, { readonly ver: Version | ''; readonly value: V | undefined }>();
  readonly #positions = new Map<number, number>();
  /** Being read: a change that the tail meets meanwhile must not be passed over. */
  readonly #including = new Set<string>();
  #refreshing: Promise<void> | undefined;
  #revision = 0;

  private constructor(options: ViewOptions<C, V>) {
    this.#options = options;
  }

  static async open<C, V>(options: ViewOptions<C, V>): Promise<DatabaseView<C, V>> {
    const view = new DatabaseView(options);
    for (const { slot, stable } of await options.database.changes.slots()) view.#positions.set(slot, stable);
    if (options.prefix !== null) await view.#scan(options.prefix);
    return view;
  }

  /** Grows whenever what the view holds changes. */
  get revision(): number {
    return this.#revision;
  }

  get(id: string): V | undefined {
    return this.#entries.get(id)?.value;
  }

  /** The version of what `get` returns; undefined where nothing is there. */
  versionOf(id: string): string | undefined {
    return this.#entries.get(id)?.ver;
  }

  *values(): Iterable<V> {
    for (const { value } of this.#entries.values()) {
      if (value !== undefined) yield value;
    }
  }

  /** Takes in what changed in the store. Calls that meet share one reading. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#tail().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Takes these documents into the view from now on, whether they are there already or not. */
  async include(ids: readonly string[]): Promise<void> {
    const missing = ids.filter((id) => !this.#entries.has(id));
    for (let from = 0; from < missing.length; from += READ_DOCS) {
      const chunk = missing.slice(from, from + READ_DOCS);
      for (const id of chunk) this.#including.add(id);
      const found = await this.#options.database.getMany(chunk);
      for (const id of chunk) {
        const doc = found.get(id);
        this.#take(id, doc?.ver ?? '', doc?.content ?? null);
        this.#including.delete(id);
      }
    }
  }

  /** Takes in what this process wrote itself, so that its next page shows it. */
  observe(id: string, ver: Version, content: C | null): void {
    if (this.#concerns(id)) this.#take(id, ver, content);
  }

  #concerns(id: string): boolean {
    const { prefix } = this.#options;
    return prefix === null ? this.#entries.has(id) || this.#including.has(id) : id.startsWith(prefix);
  }

  #take(id: string, ver: Version | '', content: C | null): void {
    const there = this.#entries.get(id);
    if (there !== undefined && there.ver >= ver) return;
    const value = content === null ? undefined : this.#options.project(content, id);
    this.#entries.set(id, { ver, value });
    this.#revision += 1;
  }

  async #scan(prefix: string): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const from = after === undefined ? {} : { after };
      const docs = await this.#options.database.scan({ prefix, limit: READ_DOCS, ...from });
      for (const doc of docs) this.#take(doc.id, doc.ver, doc.content);
      after = docs.at(-1)?.id;
      if (after === undefined || docs.length < READ_DOCS) return;
    }
  }

  async #tail(): Promise<void> {
    const { changes } = this.#options.database;
    for (const { slot, stable } of await changes.slots()) {
      let position = this.#positions.get(slot) ?? 0;
      while (position < stable) {
        const page = await changes.read(slot, position, READ_DOCS);
        for (const doc of page.docs) this.observe(doc.id, doc.ver, doc.content);
        if (page.through <= position) break;
        position = page.through;
        this.#positions.set(slot, position);
      }
    }
  }
}
