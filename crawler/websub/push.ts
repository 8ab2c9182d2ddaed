/**
 * What a hub pushes, to articles: the same parsing, identity and writes as after a fetch, but none of what a fetch says of the
 * feed as a whole. Validators and the hash of the body stay those of the last poll: a push is another
 * representation (often only the new entries), and no answer to a conditional request may be taken for one about it. What the
 * push lacks has not gone.
 */
import type { Live } from '../../store/contract.ts';
import type { Article, FeedRecord } from '../../store/documents.ts';
import { CodedError, codeOf } from '../../store/errors.ts';
import type { DigestedItem } from '../digest.ts';
import type { Digester, OpenDigest } from '../digester.ts';
import { withoutLogin } from '../login.ts';
import { type StoredEntries, storeEntries, takeBack } from '../store-feed.ts';
import { type StoreSession, StoreTrouble } from '../store-session.ts';
import { atPlainTime } from './backup-poll.ts';

export interface PushInput {
  /** `_id`. */
  readonly feed: string;
  readonly body: Uint8Array;
  readonly contentType: string | null;
  /** When it came, ms since 1970. */
  readonly now: number;
  readonly random: () => number;
}

export type StoredPush =
  /** `poll`: it could not be taken at its word, or not all of it, so the feed is fetched at its usual time. */
  | { readonly kind: 'stored'; readonly entries: StoredEntries; readonly poll: boolean }
  /** The feed is not there any more, or not crawled. */
  | { readonly kind: 'gone' };

const RECORD_ATTEMPTS_MAX = 10;

const NOTHING: StoredEntries = { added: 0, changed: 0, unchanged: 0, fresh: [] };

/** All is acknowledged when this resolves. Throws StoreTrouble: then the hub should come again. */
export async function storePush(session: StoreSession, digester: Digester, input: PushInput): Promise<StoredPush> {
  const live = await session.feed(input.feed);
  if (live === undefined || live.content.state !== 'active') return { kind: 'gone' };
  const { entries, poll } = live.content.webSub?.whole
    ? { entries: NOTHING, poll: true }
    : await digestAndStore(session, digester, live, input);
  const isThere = await noteNews(session, input, entries, poll);
  if (isThere) return { kind: 'stored', entries, poll };
  await takeBack(session, entries);
  return { kind: 'gone' };
}

async function digestAndStore(
  session: StoreSession,
  digester: Digester,
  { content }: Live<FeedRecord>,
  { feed, body, contentType, now }: PushInput,
): Promise<{ entries: StoredEntries; poll: boolean }> {
  let digest: OpenDigest | undefined;
  try {
    digest = await digester.digest({ feed, body, url: withoutLogin(new URL(content.url)), contentType });
    const { whole, cut } = digest.digested;
    if (whole) return { entries: NOTHING, poll: true };
    let unclear = false;
    const entries = await storeEntries(session, feed, digest, now, {
      mayReplace: (entry, there) => {
        const order = compareVersions(entry, there);
        unclear ||= order === 0;
        return order > 0;
      },
    });
    return { entries, poll: cut || unclear };
  } catch (error) {
    if (error instanceof StoreTrouble && codeOf(error.cause) !== 'BATCH_INVALID') throw error;
    if (!(error instanceof CodedError) && !(error instanceof StoreTrouble)) throw error;
    // It can't be read, whoever is to blame: what the publisher has is what counts.
    return { entries: NOTHING, poll: true };
  }
}

/**
 * Pushes come late, twice and in any order, so an entry replaces an article only where it says that it is newer. 0: that
 * can't be told.
 */
function compareVersions(entry: DigestedItem, there: Article): number {
  if (entry.updated !== null && there.updated !== null) return entry.updated - there.updated;
  if (entry.updated !== null || there.updated !== null) return 0;
  if (entry.published === null || there.published === null) return 0;
  return entry.published - there.published;
}

/** False: the feed was removed meanwhile. */
async function noteNews(
  session: StoreSession,
  { feed, now, random }: PushInput,
  { added, changed }: StoredEntries,
  poll: boolean,
): Promise<boolean> {
  for (let attempt = 0; attempt < RECORD_ATTEMPTS_MAX; attempt += 1) {
    const live = await session.feed(feed);
    if (live === undefined) return false;
    const record = poll ? atPlainTime(live.content, now, random) : live.content;
    const content = added + changed > 0 ? { ...record, changedAt: Math.max(now, record.changedAt ?? 0) } : record;
    if (content === live.content) return true;
    const { result } = await session.writeFeed({ id: feed, content, ifVer: live.ver });
    if (result === 'written') return true;
  }
  // Only a time that people look at: the articles are stored.
  return true;
}
