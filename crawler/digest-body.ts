/** A body to what it says of the feed, its new and changed articles stored. */
import { CodedError, codeOf } from '../store/errors.ts';
import { type Validators, validatorsOf } from './conditional-get.ts';
import type { Digester, OpenDigest } from './digester.ts';
import { crawlerError } from './errors.ts';
import { type Result, UNPARSED_MARK } from './feed-update.ts';
import type { FetchedBody } from './fetch.ts';
import { type Reservations, type StoredEntries, storeEntries } from './store-feed.ts';
import { type StoreSession, StoreTrouble } from './store-session.ts';

/** What an answer says of the feed. */
export interface Digested {
  readonly result: Result;
  /** To send next time; undefined: as before. */
  readonly validators: Validators | undefined;
}

export interface DigestedBody {
  readonly digested: Digested;
  readonly entries: StoredEntries;
}

/**
 * The articles are acknowledged before this resolves, so that the validators may follow. `now`: when the entries
 * arrived. Throws StoreTrouble; a body that can't be parsed is a result.
 */
export async function digestBody(
  { session, digester }: { readonly session: StoreSession; readonly digester: Digester },
  feed: string,
  fetched: FetchedBody,
  { bodyHash, now, isOutdated }: { bodyHash: string; now: number } & Pick<Reservations, 'isOutdated'>,
): Promise<DigestedBody> {
  let digest: OpenDigest | undefined;
  try {
    const { contentType, url, packed } = fetched;
    const bytes = packed === undefined ? { body: fetched.body } : { body: new Uint8Array(), packed };
    digest = await digester.digest({ feed, url, contentType, ...bytes });
    const entries = await storeEntries(session, feed, digest, now, isOutdated === undefined ? {} : { isOutdated });
    const { facts, cut, whole } = digest.digested;
    const { added, changed } = entries;
    const result: Result = { kind: 'parsed', facts, bodyHash, added, changed, whole };
    // A body that was cut off must not come back as "not modified"; if it is really the publisher's, it is the same
    // next time, and its validators are taken then.
    return { digested: { result, validators: cut ? undefined : validatorsOf(fetched) }, entries };
  } catch (error) {
    if (error instanceof StoreTrouble && codeOf(error.cause) !== 'BATCH_INVALID') throw error;
    const coded = asCoded(error, fetched.url);
    const hash = coded.code.startsWith('PARSE_') ? UNPARSED_MARK + bodyHash : null;
    return {
      digested: { result: { kind: 'failed', error: coded, bodyHash: hash }, validators: undefined },
      entries: { added: 0, changed: 0, unchanged: 0, fresh: [] },
    };
  } finally {
    digest?.release();
  }
}

function asCoded(error: unknown, url: string): CodedError {
  const cause = error instanceof StoreTrouble ? error.cause : error;
  if (cause instanceof CodedError) return cause;
  return crawlerError('CRAWL_INTERNAL', cause instanceof Error ? cause.message : String(cause), { input: url, cause });
}
