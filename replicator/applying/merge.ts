/**
 * What becomes of a document that arrives where another version is. Pure: every site that meets the same two versions
 * decides alike, so that sites converge without asking each other, and nothing is sent back and forth.
 *
 * The greater `ver` wins, always. Where it has not seen the other one (neither version vector dominates), the two are
 * concurrent, and the policy says what becomes of the loser.
 */
import { hash } from 'node:crypto';
import type { Replica, SiteId, Version, Versioned } from '../../store/contract.ts';
import type { Article, DatabaseName, ReaderState } from '../../store/documents.ts';
import { canonicalJson } from '../../store/envelope.ts';
import { readVersion, writeVersion } from '../../store/version.ts';
import type { Policy } from '../policy.ts';
import { mergeMarks, mergeStars } from './merge-states.ts';
import { dominates, union, type VersionVector, vectorOf } from './version-vectors.ts';

/** A version with its content, without its place in a change feed. */
export type Side = Omit<Replica<unknown>, 'ifVer'>;

export interface Decision {
  /** What is to be written over what is there; null: nothing. */
  readonly write: Side | null;
  /** To be kept and listed, durably, before anything is written. */
  readonly losers: readonly Side[];
  /** Two concurrent versions met that do not say the same. */
  readonly isConflict: boolean;
}

/** A merged version is above both of its inputs by this much, out of reach of the clock's own counter. */
const MERGE_STEP = 0x100;
const COUNTER_LIMIT = 0x10000;

const STALE: Decision = { write: null, losers: [], isConflict: false };

/** `there`: the document in the store, tombstones included. */
export function decide(
  there: Versioned<unknown> | undefined,
  incoming: Replica<unknown>,
  policy: Policy,
  database: DatabaseName,
): Decision {
  if (there === undefined) return { write: sideOf(incoming), losers: [], isConflict: false };
  if (there.ver === incoming.ver) return STALE;
  const isNewer = incoming.ver > there.ver;
  const [winner, loser] = isNewer ? [incoming, there] : [there, incoming];
  const write = isNewer ? sideOf(incoming) : null;
  if (dominates(vectorOf(winner), vectorOf(loser))) return { write, losers: [], isConflict: false };
  if (dominates(vectorOf(loser), vectorOf(winner)))
    return { write: lifted(loser, winner), losers: [], isConflict: false };
  const isConflict = !saySame(there, incoming, database);
  const merged = policy === 'merge' ? mergeContents(winner.content, loser.content, database) : undefined;
  if (merged !== undefined) {
    const losers = merged.isLossy ? [sideOf(there), sideOf(incoming)] : [];
    return { write: mergedDocument(winner, loser, merged.content), losers, isConflict };
  }
  return { write, losers: isConflict && policy !== 'newest' ? [sideOf(loser)] : [], isConflict };
}

/** Without what belongs to one store, and without conditions. */
export function sideOf({ id, ver, org, vv, delAt, content, body }: Side): Side {
  return { id, ver, org, vv, delAt, content, ...(body !== undefined && { body }) };
}

/** Equal content needs no arbiter; nor do two crawlers' copies of an article that readers see as the same. */
function saySame(a: Side, b: Side, database: DatabaseName): boolean {
  if (a.content === null || b.content === null) return a.content === b.content;
  if (database === 'articles') {
    const [one, other] = [a.content as Article, b.content as Article];
    if (one.fingerprint === other.fingerprint && one.feed === other.feed) return true;
  }
  return (a.body ?? canonicalJson(a.content)) === (b.body ?? canonicalJson(b.content));
}

/** Undefined: there is no rule for these two. `isLossy`: somebody's explicit wish does not show in the result. */
function mergeContents(
  a: unknown,
  b: unknown,
  database: DatabaseName,
): { readonly content: ReaderState; readonly isLossy: boolean } | undefined {
  if (database !== 'states' || a === null || b === null) return undefined;
  const [one, other] = [a as ReaderState, b as ReaderState];
  if (one.kind === 'mark' && other.kind === 'mark') return mergeMarks(one, other);
  if (one.kind === 'star' && other.kind === 'star') return { content: mergeStars(one, other), isLossy: false };
  return undefined;
}

/**
 * Merged versions are not made by a clock: one that knows more can be the lesser. What it says then gets a version
 * above both, so that the greater version still wins everywhere.
 */
function lifted(side: Side, above: Side): Side {
  const body = side.body ?? canonicalJson(side.content);
  return made(side, { winner: above, loser: side, body, vv: vectorOf(side) });
}

function mergedDocument(winner: Side, loser: Side, content: ReaderState): Side {
  const vv = union(vectorOf(winner), vectorOf(loser));
  return made({ id: winner.id, content, delAt: null }, { winner, loser, body: canonicalJson(content), vv });
}

/**
 * The same whichever site makes it. It belongs to no site: its origin is a hash of what it was made of, so that no
 * replicator takes it for something that the other side wrote and has.
 */
function made(
  { id, content, delAt }: Pick<Side, 'id' | 'content' | 'delAt'>,
  { winner, loser, body, vv }: { winner: Side; loser: Side; body: string; vv: VersionVector },
): Side {
  const digest = hash('sha256', `${loser.ver}\n${winner.ver}\n${body}`, 'hex');
  const org = Number.parseInt(digest.slice(0, 10), 16).toString(32).padStart(8, '0') as SiteId;
  return { id, ver: above(winner.ver, org), org, vv, delAt, content, body };
}

function above(ver: Version, org: SiteId): Version {
  const { ms, counter } = readVersion(ver);
  const next = counter + MERGE_STEP;
  return next < COUNTER_LIMIT ? writeVersion(ms, next, org) : writeVersion(ms + 1, next - COUNTER_LIMIT, org);
}
