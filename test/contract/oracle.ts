import type { ChangeFeed, Outcome, Version, Versioned } from '../../store/contract.ts';
import type { User } from '../../store/documents.ts';

/** A write that someone asked for. `token` is the content's name; null: a deletion. */
export interface Issued {
  readonly id: string;
  readonly token: string | null;
  readonly ifVer?: Version | null;
}

type Doc = Versioned<User>;

/** What was asked for and what was acknowledged, kept outside of any store. */
export class Ledger {
  readonly #tokens = new Map<string, string>();
  readonly #deleted = new Set<string>();
  readonly #acknowledged: { write: Issued; ver: Version; n: number }[] = [];

  issue(write: Issued): void {
    if (write.token === null) this.#deleted.add(write.id);
    else this.#tokens.set(write.token, write.id);
  }

  acknowledge(write: Issued, outcome: Outcome | undefined): void {
    if (outcome?.result === 'written') this.#acknowledged.push({ write, ver: outcome.ver, n: outcome.n });
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** Whether somebody issued what this document says. */
  isIssued({ id, content }: Doc): boolean {
    return content === null ? this.#deleted.has(id) : this.#tokens.get(content.name) === id;
  }

  /** What acknowledged writes say against the documents that are there in the end. */
  violations(there: ReadonlyMap<string, Doc>): string[] {
    const found: string[] = [];
    const wonBy = new Map<string, Issued>();
    for (const { write, ver, n } of this.#acknowledged) {
      const what = `${textOf(write)} acknowledged as ${ver}`;
      const doc = there.get(write.id);
      if (!doc || doc.ver < ver) found.push(`lost: ${what}, there is ${doc ? describe(doc) : 'nothing'}`);
      if (doc?.ver === ver && (doc.content?.name ?? null) !== write.token)
        found.push(`changed: ${what}, there is ${describe(doc)}`);
      if (doc?.ver === ver && doc.n !== n) found.push(`moved: ${what} at ${n}, there is ${describe(doc)}`);
      if (write.ifVer === undefined || write.ifVer === null) continue;
      const key = `${write.id} ${write.ifVer}`;
      const other = wonBy.get(key);
      if (other) found.push(`two won with one ifVer: ${what}, and ${textOf(other)}`);
      wonBy.set(key, write);
    }
    return found;
  }
}

/** Follows a change feed as a replicator does: page by page up to `stable`, from checkpoint to checkpoint. */
export class Tailer {
  readonly #changes: ChangeFeed<User>;
  readonly #checkpoints = new Map<number, number>();
  readonly #start: ReadonlyMap<number, number>;
  readonly #stable = new Map<number, number>();
  readonly #seenAt = new Map<string, string>();
  readonly #contents = new Map<string, string>();
  /** The newest version seen of each id, as at a destination behind the `ver` guard. */
  readonly latest = new Map<string, Doc>();
  readonly seen: Doc[] = [];
  readonly violations: string[] = [];

  private constructor(changes: ChangeFeed<User>, start: Map<number, number>) {
    this.#changes = changes;
    this.#start = start;
  }

  /** Starts behind all that is there now. */
  static async open(changes: ChangeFeed<User>): Promise<Tailer> {
    const slots = await changes.slots();
    return new Tailer(changes, new Map(slots.map(({ slot, stable }) => [slot, stable])));
  }

  /** Reads a page of one slot. Returns whether that got it further. */
  async step(slot: number, limit: number): Promise<boolean> {
    const after = this.#checkpoints.get(slot) ?? this.#start.get(slot) ?? 0;
    const page = await this.#changes.read(slot, after, limit);
    let last = after;
    for (const doc of page.docs) {
      if (doc.slot !== slot || doc.n <= last) this.#report(`out of order: ${describe(doc)} after ${last}`);
      last = doc.n;
      this.#see(doc);
    }
    if (page.docs.length > 0 && last > page.stable)
      this.#report(`slot ${slot}: read ${last} past stable ${page.stable}`);
    if (page.through < last) this.#report(`slot ${slot}: through ${page.through} is before ${last}`);
    const before = this.#stable.get(slot) ?? 0;
    if (page.stable < before) this.#report(`slot ${slot}: stable fell from ${before} to ${page.stable}`);
    this.#stable.set(slot, page.stable);
    this.#checkpoints.set(slot, page.through);
    return page.through > after;
  }

  /** As after a crash of the tailer: back to an older checkpoint. */
  rewind(slot: number, share: number): void {
    const start = this.#start.get(slot) ?? 0;
    const now = this.#checkpoints.get(slot) ?? start;
    this.#checkpoints.set(slot, start + Math.floor((now - start) * share));
  }

  async readToTheEnd(): Promise<void> {
    for (const { slot } of await this.#changes.slots()) {
      while (await this.step(slot, 50));
    }
  }

  #see(doc: Doc): void {
    this.seen.push(doc);
    const text = describe(doc);
    const place = `${doc.slot}:${doc.n}`;
    const before = this.#seenAt.get(place);
    if (before !== undefined && before !== text) this.#report(`at ${place} first ${before}, then ${text}`);
    this.#seenAt.set(place, text);
    const version = `${doc.id} ${doc.ver}`;
    const content = doc.content?.name ?? 'deleted';
    if ((this.#contents.get(version) ?? content) !== content) this.#report(`${version} has two contents`);
    this.#contents.set(version, content);
    const newest = this.latest.get(doc.id);
    if (!newest || newest.ver < doc.ver) this.latest.set(doc.id, doc);
  }

  #report(what: string): void {
    this.violations.push(what);
  }
}

/** Everything that a change feed must not have done, once all is settled. `docs`: all that is there, tombstones too. */
export function verdict(ledger: Ledger, tailer: Tailer, docs: readonly Doc[]): string[] {
  const there = new Map(docs.map((doc) => [doc.id, doc]));
  const found = [...tailer.violations, ...ledger.violations(there)];
  for (const doc of docs) {
    const seen = tailer.latest.get(doc.id);
    if (seen?.ver === doc.ver && seen.content?.name === doc.content?.name) continue;
    found.push(`missed: there is ${describe(doc)}, the tailer saw ${seen ? describe(seen) : 'nothing'}`);
  }
  for (const doc of tailer.seen) {
    if (!ledger.isIssued(doc)) found.push(`phantom: nobody wrote ${describe(doc)}`);
    if (!there.has(doc.id)) found.push(`phantom: ${describe(doc)} was seen and is not there`);
  }
  return found;
}

function describe(doc: Doc): string {
  return `${doc.id}=${doc.content?.name ?? 'deleted'} ${doc.ver}`;
}

function textOf(write: Issued): string {
  return `${write.id}=${write.token ?? 'deleted'}`;
}
