/** Two sides in memory, of whose documents each can be damaged, and which change between any two calls of a verifier. */
import type { Checkpoint } from '../../../replicator/checkpoint.ts';
import { FIRST_ROLE } from '../../../replicator/role.ts';
import type { Comparable } from '../../../replicator/target.ts';
import type { VerifyEnd } from '../../../replicator/verify/ends.ts';
import type {
  BucketSum,
  Digest,
  DigestPage,
  DigestQuery,
  SiteId,
  Version,
  Versioned,
} from '../../../store/contract.ts';
import { bucketOf, canonicalJson, fingerprints } from '../../../store/envelope.ts';
import { writeVersion } from '../../../store/version.ts';

/** Small, so that documents move between two pages. */
const PAGE = 10;

export interface ModelDoc {
  readonly id: string;
  readonly ver: Version;
  readonly content: unknown;
  readonly slot: number;
  readonly n: number;
  readonly words: { readonly h1: number; readonly h2: number; readonly h3: number };
}

export class ModelSide implements VerifyEnd, Comparable {
  readonly url: string;
  readonly site: SiteId;
  readonly docs = new Map<string, ModelDoc>();
  readonly notes = new Map<string, unknown>();
  readonly control: VerifyEnd['control'];
  readonly role = async () => FIRST_ROLE;
  /** How a listing goes through the documents: as SQLite, or as MongoDB. */
  readonly order: 'n' | 'words';
  readonly #between: () => void;
  #n = 0;
  #clock = 1000;

  constructor(site: string, order: 'n' | 'words', between: () => void) {
    this.url = `model:${site}`;
    this.site = site as SiteId;
    this.order = order;
    this.#between = between;
    this.control = {
      get: async (id) => {
        this.#between();
        return this.notes.has(id) ? { id, rev: 1, value: this.notes.get(id) } : undefined;
      },
    };
  }

  compare(): Comparable {
    return this;
  }

  get last(): number {
    return this.#n;
  }

  edit(id: string, content: unknown): ModelDoc {
    const there = this.docs.get(id);
    this.#clock = Math.max(this.#clock, there ? Number.parseInt(there.ver.slice(0, 12), 16) : 0) + 1;
    return this.put(id, writeVersion(this.#clock, 0, this.site), content);
  }

  apply(doc: Pick<ModelDoc, 'id' | 'ver' | 'content'>): void {
    const there = this.docs.get(doc.id);
    if (there === undefined || there.ver < doc.ver) this.put(doc.id, doc.ver, doc.content);
  }

  put(id: string, ver: Version, content: unknown): ModelDoc {
    this.#n += 1;
    const words = fingerprints(id, canonicalJson(content), ver, content === null);
    const doc = { id, ver, content, slot: 1, n: this.#n, words };
    this.docs.set(id, doc);
    return doc;
  }

  /** Behind the back of everything: neither the words nor the place change. */
  spoil(id: string, content: unknown): void {
    const doc = this.docs.get(id);
    if (doc) this.docs.set(id, { ...doc, content });
  }

  saveCheckpoint(name: string, n: number): void {
    const vector = { 1: n };
    const checkpoint: Checkpoint = { session: 's', vector, seed: {}, history: [], at: 0 };
    this.notes.set(name, checkpoint);
  }

  async bucketSums(): Promise<BucketSum[]> {
    this.#between();
    const sums = new Map<number, BucketSum>();
    for (const { id, words } of this.docs.values()) {
      const b = bucketOf(id);
      const { count, s1, s2, s3 } = sums.get(b) ?? { count: 0, s1: 0, s2: 0, s3: 0 };
      sums.set(b, { b, count: count + 1, s1: s1 + words.h1, s2: s2 + words.h2, s3: s3 + words.h3 });
    }
    return [...sums.values()];
  }

  async digests({ ids, buckets, cursor, limit, deep = false }: DigestQuery): Promise<DigestPage> {
    if (ids) {
      const found: Digest[] = [];
      for (const id of ids) {
        this.#between();
        const doc = this.docs.get(id);
        if (doc) found.push(digestOf(doc, deep));
      }
      return { digests: found, cursor: null };
    }
    this.#between();
    const wanted = buckets && new Set(buckets);
    const after = cursor === undefined ? Number.NEGATIVE_INFINITY : Number(cursor);
    const rest = [...this.docs.values()]
      .filter((doc) => (wanted?.has(bucketOf(doc.id)) ?? true) && this.#place(doc) > after)
      .sort((a, b) => this.#place(a) - this.#place(b));
    const page = rest.slice(0, Math.min(limit, PAGE));
    const end = page.at(-1);
    const next = end && rest.length > page.length ? String(this.#place(end)) : null;
    return { digests: page.map((doc) => digestOf(doc, deep)), cursor: next };
  }

  async versions(ids: readonly string[]): Promise<Map<string, Versioned<unknown>>> {
    this.#between();
    const found = ids.flatMap((id) => this.docs.get(id) ?? []);
    return new Map(
      found.map(({ id, ver, slot, n, content }) => [
        id,
        { id, ver, org: this.site, vv: null, slot, n, delAt: content === null ? 0 : null, content },
      ]),
    );
  }

  #place({ n, words }: ModelDoc): number {
    return this.order === 'n' ? n : words.h1;
  }
}

function digestOf({ id, ver, content, slot, n, words }: ModelDoc, deep: boolean): Digest {
  const real = fingerprints(id, canonicalJson(content), ver, content === null);
  const sound = deep ? real.h1 === words.h1 && real.h2 === words.h2 && real.h3 === words.h3 : null;
  return { id, ver, deleted: content === null, slot, n, ...words, sound };
}
