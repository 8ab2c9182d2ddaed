import { dominates, vectorOf } from '../../replicator/applying/version-vectors.ts';
import { type Checkpoint, checkpointFrom, checkpointTo, resumeFrom } from '../../replicator/checkpoint.ts';
import { ROLE_NOTE, type SiteRole } from '../../replicator/role.ts';
import type { Vector } from '../../replicator/vector.ts';
import type { Mode, SiteId, Version } from '../../store/contract.ts';
import type { DatabaseName, ReadMark } from '../../store/documents.ts';
import { readVersion } from '../../store/version.ts';
import type { Ears, ModelDisk, Row } from './model/disk.ts';

/** One version of one document, as the world made it: outside of any store, and never forgotten. */
interface Made {
  readonly row: Row;
  readonly database: DatabaseName;
  readonly site: SiteId;
  readonly seq: number;
  /** What it replaced when it was made. Null: it was merged out of others, to be told by its vector. */
  readonly parent: string | null | undefined;
  isAcknowledged: boolean;
  /** Why nobody may ask for it: it was acknowledged lazily and lost with power, or the store was set back. */
  excuse: string;
}

export interface Violation {
  readonly kind: 'lost' | 'resurrected' | 'diverged' | 'checkpoint' | 'fence' | 'phantom' | 'stuck' | 'unexpected';
  readonly what: string;
}

const VIOLATIONS_MAX = 20;

/**
 * Knows every version that anybody made, what it was made from, and which of them were acknowledged; looks at every
 * checkpoint when it is kept; and judges what the sites hold in the end.
 */
export class Oracle implements Ears {
  readonly violations: Violation[] = [];
  readonly #made = new Map<string, Made>();
  readonly #byDocument = new Map<string, Made[]>();
  readonly #fenced = new Set<string>();
  readonly #setBack = new Set<SiteId>();
  /** Losers of conflicts that a site had listed before it was set back. */
  readonly #forgotten = new Set<string>();
  readonly #powerless = new Set<SiteId>();
  readonly #promoted = new Map<SiteId, number>();
  readonly #raised = new Map<SiteId, { readonly epoch: number; readonly at: number }>();
  readonly #now: () => number;
  #disks: readonly ModelDisk[] = [];
  #seq = 0;
  acknowledged = 0;

  /** `now`: virtual time. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** All sites that hold the same databases. */
  watch(disks: readonly ModelDisk[]): void {
    this.#disks = disks;
  }

  get seq(): number {
    return this.#seq;
  }

  report(kind: Violation['kind'], what: string): void {
    const at = `${this.#now().toFixed(1)} ms`;
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push({ kind, what: `${what} (found at ${at})` });
  }

  edited(disk: ModelDisk, database: DatabaseName, row: Row, there: Row | undefined, by: string): void {
    if (this.#fenced.has(`${disk.site} ${database}`)) {
      this.report('fence', `${by} wrote ${textOf(database, row)} at ${disk.site}, which was fenced before`);
    }
    this.#make(disk, database, row, there && keyOf(database, there));
  }

  applied(disk: ModelDisk, database: DatabaseName, row: Row, by: string, openedAt: number): void {
    if (openedAt < (this.#promoted.get(disk.site) ?? 0)) {
      this.report(
        'fence',
        `${by} wrote ${textOf(database, row)} at ${disk.site}, by what it was let in for before that was promoted`,
      );
    }
    const known = this.#made.get(keyOf(database, row));
    if (!known) this.#make(disk, database, row, null);
    else if (known.row.body !== row.body) {
      this.report('phantom', `${textOf(database, row)} came to ${disk.site}, and was made as ${known.row.body}`);
    }
  }

  noted(disk: ModelDisk, id: string, value: unknown): void {
    if (id === ROLE_NOTE) this.#raise(disk.site, value as SiteRole);
    if (!id.startsWith('replication/')) return;
    for (const other of this.#disks) {
      for (const database of disk.databases.keys()) {
        const checkpoint = value as Checkpoint;
        if (id === checkpointFrom(other.site, database)) this.#checkFrom(other, disk, database, checkpoint);
        if (id !== checkpointTo(other.site, database)) continue;
        // The source may not know yet what the destination has lost with power: what counts is what both say.
        const there = other.notes.get(checkpointFrom(disk.site, database))?.value as Checkpoint | undefined;
        this.#checkClaim(disk, other, database, resumeFrom(there ?? null, checkpoint) ?? {});
      }
    }
  }

  modeIs({ site }: ModelDisk, database: DatabaseName, mode: Mode): void {
    const key = `${site} ${database}`;
    if (mode === 'read-write') this.#fenced.delete(key);
    else this.#fenced.add(key);
  }

  /** A promotion is complete: whoever was let in before the role was written is fenced. */
  promoted(site: SiteId): void {
    this.#promoted.set(site, this.#raised.get(site)?.at ?? 0);
  }

  acknowledge(database: DatabaseName, id: string, ver: Version): void {
    this.acknowledged += 1;
    const made = this.#made.get(`${database}/${id}@${ver}`);
    if (made) made.isAcknowledged = true;
    else this.report('phantom', `an edit of ${id} was acknowledged as ${ver}, and nobody wrote it`);
  }

  /** A power cut took it from where it was made, before it was synced: that is what lazy means. */
  lostPower(site: SiteId, database: DatabaseName, row: Row): void {
    this.#powerless.add(site);
    const made = this.#made.get(keyOf(database, row));
    if (made?.site === site) made.excuse = 'lazy';
  }

  /** Of the versions that this site has made, in ms since 1970. */
  greatestMs(site: SiteId): number {
    let greatest = 0;
    for (const made of this.#made.values()) {
      if (made.site === site) greatest = Math.max(greatest, readVersion(made.row.ver).ms);
    }
    return greatest;
  }

  /** An older copy of a site is about to take its place: what was made there since may be gone, and what it had listed. */
  setBack(disk: ModelDisk, seq: number): void {
    const { site } = disk;
    this.#setBack.add(site);
    for (const loser of losersOf(disk)) this.#forgotten.add(loser);
    for (const made of this.#made.values()) if (made.site === site && made.seq > seq) made.excuse = 'set back';
  }

  wasSetBack(disk: ModelDisk | undefined): boolean {
    return disk !== undefined && this.#setBack.has(disk.site);
  }

  /** What still differs between the sites, as few words; nothing: they have converged. */
  differences(): string[] {
    const found: string[] = [];
    const [first, ...others] = this.#disks;
    if (!first) return found;
    for (const other of others) {
      for (const name of new Set([...first.databases.keys(), ...other.databases.keys()])) {
        const [a, b] = [first.database(name).rows, other.database(name).rows];
        for (const id of new Set([...a.keys(), ...b.keys()])) {
          const [one, two] = [a.get(id), b.get(id)];
          if (one === two || (one && two && isSame(one, two))) continue;
          const at = (site: SiteId, row: Row | undefined) => `${site} has ${row ? textOf(name, row) : 'nothing'}`;
          found.push(`${name}/${id}: ${at(first.site, one)}, ${at(other.site, two)}`);
        }
      }
    }
    return found;
  }

  /** Everything that was acknowledged, held against what is there in the end. `kept`: losers listed outside of stores. */
  judge(kept: ReadonlySet<string>): void {
    for (const what of this.differences()) this.report('diverged', what);
    const losers = new Set([...kept, ...this.#forgotten, ...this.#disks.flatMap(losersOf)]);
    for (const versions of this.#byDocument.values()) this.#judgeDocument(versions, losers);
  }

  #raise(site: SiteId, { role, epoch }: SiteRole): void {
    if (role !== 'primary' || (this.#raised.get(site)?.epoch ?? 0) >= epoch) return;
    this.#raised.set(site, { epoch, at: this.#now() });
  }

  #make(disk: ModelDisk, database: DatabaseName, row: Row, parent: string | null | undefined): void {
    const key = keyOf(database, row);
    const there = this.#made.get(key);
    if (there) {
      if (there.row.body !== row.body) this.report('phantom', `${key} was made twice, differently`);
      return;
    }
    this.#seq += 1;
    const made = { row, database, site: disk.site, seq: this.#seq, parent, isAcknowledged: false, excuse: '' };
    this.#made.set(key, made);
    const document = `${database}/${row.id}`;
    const versions = this.#byDocument.get(document);
    if (versions) versions.push(made);
    else this.#byDocument.set(document, [made]);
  }

  /** Where a source has lost something since, to a power cut or an older copy, what counts is what both ends' notes say. */
  #checkFrom(source: ModelDisk, destination: ModelDisk, database: DatabaseName, there: Checkpoint): void {
    const here = source.notes.get(checkpointTo(destination.site, database))?.value as Checkpoint | undefined;
    const hasLost = this.#powerless.has(source.site) || this.#setBack.has(source.site);
    const vector = hasLost ? (resumeFrom(there, here ?? null) ?? {}) : there.vector;
    this.#checkClaim(source, destination, database, vector);
  }

  /** Whatever the source has up to there must be at the destination, in this version or a greater one. */
  #checkClaim(source: ModelDisk, destination: ModelDisk, database: DatabaseName, vector: Vector): void {
    const there = destination.database(database).rows;
    for (const [number, slot] of source.database(database).slots) {
      const upTo = vector[number] ?? 0;
      if (source.engine === 'mongodb' && upTo > slot.stable && !this.#setBack.has(source.site)) {
        this.report(
          'checkpoint',
          `${destination.site} is said to have ${number}:${upTo} of ${source.site}, stable is ${slot.stable}`,
        );
      }
      for (const [n, row] of slot.places) {
        if (row === null || n > upTo || row.ver.endsWith(destination.site)) continue;
        const holds = there.get(row.id);
        if (holds && holds.ver >= row.ver) continue;
        const has = holds ? textOf(database, holds) : 'nothing';
        this.report(
          'checkpoint',
          `${destination.site} is said to have ${number}:${upTo} of ${source.site}, and has ${has} for ${number}:${n} ${textOf(database, row)}`,
        );
      }
    }
  }

  #judgeDocument(versions: readonly Made[], losers: ReadonlySet<string>): void {
    const [{ database, row }] = versions as [Made];
    const roots = versions.filter((made) => losers.has(keyOf(database, made.row)));
    let final: Row | undefined;
    for (const disk of this.#disks) {
      const there = disk.database(database).rows.get(row.id);
      if (!there) continue;
      final = there;
      const made = this.#made.get(keyOf(database, there));
      if (!made || made.row.body !== there.body)
        this.report('phantom', `${disk.site} has ${textOf(database, there)}, nobody made it`);
      else roots.push(made);
    }
    // What gave way to a version that said the same, before power took that one, is excused with it.
    const excused = new Set(versions.filter(({ excuse }) => excuse !== ''));
    roots.push(...versions.filter((made) => excused.size > 0 && isRepeated(made, excused)));
    const accounted = this.#accounted(roots, versions);
    for (const made of versions) {
      if (!made.isAcknowledged || made.excuse !== '' || accounted.has(made)) continue;
      const isBack = made.row.del && final !== undefined && !final.del;
      const there = final ? textOf(database, final) : 'nothing';
      this.report(
        isBack ? 'resurrected' : 'lost',
        `${textOf(database, made.row)}, acknowledged at ${made.site}; there is ${there}`,
      );
    }
  }

  /** Everything that these stem from, and what lost to a version that says the same, with all that it stems from. */
  #accounted(roots: readonly Made[], versions: readonly Made[]): Set<Made> {
    const found = new Set<Made>();
    this.#addAncestors(found, roots, versions);
    for (let size = 0; size !== found.size; ) {
      size = found.size;
      const repeated = versions.filter((made) => !found.has(made) && isRepeated(made, found));
      this.#addAncestors(found, repeated, versions);
    }
    return found;
  }

  #addAncestors(found: Set<Made>, roots: readonly Made[], versions: readonly Made[]): void {
    const open = [...roots];
    for (let made = open.pop(); made; made = open.pop()) {
      if (found.has(made)) continue;
      found.add(made);
      if (made.parent === null) open.push(...versions.filter((other) => made !== other && wasMerged(made, other)));
      const parent = made.parent && this.#made.get(made.parent);
      if (parent) open.push(parent);
    }
  }
}

/** Whether a merged version speaks for another one: it has seen it, and says what it said. */
function wasMerged({ row: merged }: Made, { row: other }: Made): boolean {
  if (!dominates(vectorOf(merged), vectorOf(other))) return false;
  const [whole, part] = [merged.content as ReadMark | null, other.content as ReadMark | null];
  if (whole === null || part === null || whole.kind !== 'mark' || part.kind !== 'mark') return true;
  const reads = (num: number) => (num <= whole.upTo ? !whole.unread.includes(num) : whole.read.includes(num));
  return part.upTo <= whole.upTo && part.read.every(reads) && part.unread.every((num) => !reads(num));
}

/** A later version says the same: equal contents need no arbiter. */
function isRepeated({ row, database }: Made, accounted: ReadonlySet<Made>): boolean {
  for (const { row: other } of accounted) {
    if (other.ver <= row.ver) continue;
    if (database === 'feeds' || other.body === row.body) return true;
    const [a, b] = [row.content, other.content] as [{ fingerprint?: string } | null, { fingerprint?: string } | null];
    if (database === 'articles' && a !== null && b !== null && a.fingerprint === b.fingerprint) return true;
  }
  return false;
}

/** As its conflict notes list them. */
function losersOf({ notes }: ModelDisk): string[] {
  return [...notes.keys()].filter((id) => id.startsWith('conflict/')).map((id) => id.slice('conflict/'.length));
}

function isSame(a: Row, b: Row): boolean {
  if (a.ver !== b.ver || a.body !== b.body || a.delAt !== b.delAt) return false;
  return dominates(vectorOf(a), vectorOf(b)) && dominates(vectorOf(b), vectorOf(a));
}

export function keyOf(database: DatabaseName, { id, ver }: Pick<Row, 'id' | 'ver'>): string {
  return `${database}/${id}@${ver}`;
}

export function textOf(database: DatabaseName, { id, ver, body }: Row): string {
  return `${database}/${id}@${ver} ${body}`;
}
