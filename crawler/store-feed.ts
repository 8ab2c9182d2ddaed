/** Articles to the store: new and changed entries only, each exactly once whoever else writes at the same time. */
import type { AnyEdit, KnownArticle, Outcome, Version } from '../store/contract.ts';
import type { Article } from '../store/documents.ts';
import { storeError } from '../store/errors.ts';
import { type Arrival, sortTime } from './arrival.ts';
import type { DigestedItem } from './digest.ts';
import type { OpenDigest } from './digester.ts';
import type { StoreSession } from './store-session.ts';

export interface StoredEntries {
  added: number;
  changed: number;
  unchanged: number;
  /** The added ones, as they were written. */
  readonly fresh: { readonly id: string; readonly ver: Version }[];
}

/** Attempts to write beside another writer that changes the same articles. */
const ATTEMPTS_MAX = 5;

type Item = DigestedItem & { readonly index: number };

/** When an article that is there stays as it is. Default: never. */
export interface Reservations {
  /** May this entry take the place of the article that is there? */
  readonly mayReplace?: (entry: DigestedItem, there: Article) => boolean;
  /** Was something later stored meanwhile? Then no entry takes the place of any. */
  readonly isOutdated?: () => Promise<boolean>;
}

type GuardedEdit = AnyEdit<Article> & { ifVer: Version | null };

/**
 * Resolves when all is acknowledged. `now`: when the entries arrived, ms since 1970. An
 * article that stays counts as unchanged. Throws StoreTrouble, what the digest throws, and EDIT_CONTENDED where others are always faster.
 */
export async function storeEntries(
  session: StoreSession,
  feed: string,
  digest: OpenDigest,
  now: number,
  { mayReplace, isOutdated }: Reservations = {},
): Promise<StoredEntries> {
  const stored: StoredEntries = { added: 0, changed: 0, unchanged: 0, fresh: [] };
  let open: Item[] = digest.digested.items.map((item, index) => ({ ...item, index }));
  /** What an edit meant to do that met another version: perhaps its own, whose acknowledgement got lost. */
  const meant = new Map<string, 'added' | 'changed'>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX && open.length > 0; attempt += 1) {
    const known = await session.known(open.map(({ id }) => id));
    const fresh = open.filter(({ id }) => !known.has(id));
    const differing = open.filter((item) => isAltered(item, known));
    const isLate = differing.length > 0 && (await isOutdated?.()) === true;
    const altered = isLate ? [] : await changes(session, differing, known, mayReplace);
    const writing = [...fresh, ...altered.map(({ item }) => item)];
    const toWrite = new Set(writing);
    for (const item of open) {
      if (!toWrite.has(item)) stored[meant.get(item.id) ?? 'unchanged'] += 1;
    }
    if (writing.length === 0) return stored;
    const outcomes: Outcome[] = [];
    const left = portions([...additions(fresh, now), ...altered]);
    for (let plans = left.shift(); plans !== undefined; plans = left.shift()) {
      outcomes.push(...(await session.writeArticles(await editsFor(digest, plans, left.length === 0))));
    }
    const written = new Map(
      outcomes.flatMap((outcome) => (outcome.result === 'written' ? [[outcome.id, outcome.ver]] : [])),
    );
    for (const { id } of writing) {
      const kind = known.has(id) ? 'changed' : 'added';
      const ver = written.get(id);
      if (ver === undefined) meant.set(id, kind);
      else stored[kind] += 1;
      if (ver !== undefined && kind === 'added') stored.fresh.push({ id, ver });
    }
    open = writing.filter(({ id }) => !written.has(id));
  }
  if (open.length > 0) {
    throw storeError('EDIT_CONTENDED', `${open.length} articles of feed ${feed} were changed by others all the time`);
  }
  return stored;
}

/** The feed was removed while its articles were on their way: they go too, unless somebody has changed them since. */
export async function takeBack(session: StoreSession, { fresh }: StoredEntries): Promise<void> {
  if (fresh.length > 0) await session.writeArticles(fresh.map(({ id, ver }) => ({ id, content: null, ifVer: ver })));
}

function isAltered(item: Item, known: Map<string, KnownArticle>): boolean {
  const there = known.get(item.id);
  return there !== undefined && there.fingerprint !== item.fingerprint;
}

/** An edit without its content. */
interface Plan {
  readonly item: Item;
  readonly arrival: Arrival;
  readonly ifVer: Version | null;
}

/** Oldest first, so that numbers grow with age; entries of the same time as the feed lists them, from the last one up. */
function additions(items: readonly Item[], now: number): Plan[] {
  return items
    .map((item) => ({ item, at: sortTime(item, now) }))
    .sort((a, b) => a.at - b.at || b.item.index - a.item.index)
    .map(({ item }) => ({ item, arrival: { num: 0, arrived: now }, ifVer: null }));
}

/** A changed article keeps its number and the time it arrived. */
async function changes(
  session: StoreSession,
  items: readonly Item[],
  known: Map<string, KnownArticle>,
  mayReplace: Reservations['mayReplace'] = () => true,
): Promise<Plan[]> {
  if (items.length === 0) return [];
  const there = await session.articles(items.map(({ id }) => id));
  const replaced = items.filter((item) => {
    const article = there.get(item.id)?.content;
    return article === undefined || mayReplace(item, article);
  });
  return replaced.map((item) => {
    const old = known.get(item.id);
    const arrived = there.get(item.id)?.content.arrived ?? old?.at ?? 0;
    return { item, arrival: { num: old?.num ?? 0, arrived }, ifVer: old?.ver ?? null };
  });
}

/** The articles of a large feed are not all in memory at once. */
const PORTION_CHARS = 512 * 1024;

function portions(plans: readonly Plan[]): Plan[][] {
  const found: Plan[][] = [];
  let chars = PORTION_CHARS;
  for (const plan of plans) {
    const portion = found.at(-1);
    if (portion === undefined || chars >= PORTION_CHARS) {
      found.push([plan]);
      chars = 0;
    } else portion.push(plan);
    chars += plan.item.chars ?? 0;
  }
  return found;
}

async function editsFor(digest: OpenDigest, plans: readonly Plan[], isLast: boolean): Promise<GuardedEdit[]> {
  const wanted = plans.map(({ item, arrival }) => ({ index: item.index, ...arrival }));
  const articles = await digest.articles(wanted, isLast);
  return plans.flatMap(({ item: { id }, ifVer }, i) => {
    const content = articles[i];
    return content === undefined ? [] : { id, content, ifVer };
  });
}
