/** One feed, from its record to its record: fetch, parse, identify, store. */
import type { Clock, Live } from '../store/contract.ts';
import type { FeedRecord } from '../store/documents.ts';
import { CodedError, codeOf } from '../store/errors.ts';
import { NO_VALIDATORS, validatorsOf } from './conditional-get.ts';
import { type Digested, type DigestedBody, digestBody } from './digest-body.ts';
import type { Digester } from './digester.ts';
import { crawlerError } from './errors.ts';
import {
  type Findings,
  holdsAttempt,
  isBodyOfLastTime,
  lastingFailure,
  updatedFeed,
  wouldAdopt,
} from './feed-update.ts';
import type { FetchedBody, Fetcher, FetchResult } from './fetch.ts';
import { hostOf } from './host-budget.ts';
import type { HostPatience } from './host-patience.ts';
import { digest } from './identity.ts';
import { lookForFeed } from './look-for-feed.ts';
import { mergeFeeds } from './merge-feeds.ts';
import { nextStep, type Step } from './missing-feed.ts';
import { freshMs, retryAfterMs } from './publisher-wishes.ts';
import type { Claim } from './queue/contract.ts';
import { afterSkipped, duration, JITTER, type ScheduleLimits } from './schedule.ts';
import { type StoredEntries, takeBack } from './store-feed.ts';
import { type StoreSession, StoreTrouble } from './store-session.ts';
import type { WayTo } from './way-to-host.ts';
import { offerOf } from './websub/offer.ts';

export interface CrawlFeedOptions {
  readonly session: StoreSession;
  readonly fetcher: Fetcher;
  readonly digester: Digester;
  readonly limits: ScheduleLimits;
  readonly clock: Clock;
  readonly random: () => number;
  /** Aborted: fetches end at once, their feeds stay due. */
  readonly signal?: AbortSignal | undefined;
  /** Hosts that asked to be left alone. Default: nobody is heeded but by the feed that was asked. */
  readonly patience?: HostPatience | undefined;
  /** Does anybody follow the feed? Null: not known. Default: not asked. */
  readonly isFollowed?: ((feed: string) => Promise<boolean | null>) | undefined;
  /** How the requests of this claim get their turns. Default: they are sent at once. */
  readonly wayTo?: WayTo | undefined;
  /** Told of every poll that was stored, before the feed counts as done. Must not throw. */
  readonly onPolled?: ((poll: Poll) => Promise<void>) | undefined;
}

/** What a poll made of a feed's record. */
export interface Poll {
  readonly feed: string;
  readonly before: FeedRecord;
  readonly after: FeedRecord;
  /** Articles. */
  readonly added: number;
}

export type CrawledFeed =
  | { readonly kind: 'fetched'; readonly entries: StoredEntries; readonly bytes: number; readonly ms: number }
  | { readonly kind: 'not-modified'; readonly bytes: number; readonly ms: number }
  | { readonly kind: 'failed'; readonly error: CodedError; readonly bytes: number; readonly ms: number }
  /** Not due any more, or removed: nothing was done. */
  | { readonly kind: 'passed-over' }
  /** Stopped before anything was stored: still due. */
  | { readonly kind: 'unfinished' };

/** Raise it when the same body would be parsed to something else: every feed is then parsed once more. */
const BODY_HASH_VERSION = '1';

const NOTHING: StoredEntries = { added: 0, changed: 0, unchanged: 0, fresh: [] };

/** Attempts to write the record beside others who change it. */
const RECORD_ATTEMPTS_MAX = 10;

/**
 * Throws StoreTrouble; all else that goes wrong goes into the feed's history. `wanted` is asked with the record as it is
 * now: another process may have been here meanwhile.
 */
export async function crawlFeed(
  options: CrawlFeedOptions,
  claim: Claim,
  wanted: (record: FeedRecord) => boolean,
): Promise<CrawledFeed> {
  const { fetcher, clock, signal } = options;
  const live = await options.session.feed(claim.job.feed);
  if (live === undefined || !wanted(live.content)) return { kind: 'passed-over' };
  const at = clock();
  // Somebody who waits for the feed waits for no other page.
  const step = claim.job.urgent ? feedItself(live, at < live.content.nextAt) : nextStep(live.content, at);
  const { etag, lastModified } = step.kind === 'fetch' ? live.content : NO_VALIDATORS;
  if (await isPutOff(options, live, step)) return { kind: 'passed-over' };
  const fetched = await fetcher.fetch({
    ...{ url: step.url, etag, lastModified, validatorsFrom: live.content.validatorsFrom },
    ...{ feed: live.id, overrides: live.content.overrides },
    ...{ signal, keepConnection: claim.more, wayTo: options.wayTo },
  });
  if (fetched.kind === 'failed' && fetched.error.code === 'FETCH_ABORTED') return { kind: 'unfinished' };
  await options.patience?.heed(fetched);
  return storeFetched(options, live, fetched, at, step);
}

/**
 * What is due may have to wait all the same: its host has asked for patience since, or nobody was there to fetch it before
 * an hour that it skips. Where the record was changed meanwhile, it is looked at again soon.
 */
async function isPutOff(options: CrawlFeedOptions, { id, content, ver }: Live<FeedRecord>, step: Step) {
  if (options.patience === undefined) return false;
  const now = options.clock();
  const until = (await options.patience.until(hostOf(step.url))) ?? now;
  const spread = Math.ceil(until + (until - now) * JITTER * options.random());
  const nextAt = afterSkipped(spread, content.hints);
  if (nextAt <= now) return false;
  const patience = `Retry-After of ${duration(until - now)}, which another feed of its host was told`;
  const nextWhy = until > now ? patience : 'past the hours and days that the feed skips';
  await options.session.writeFeed({ id, content: { ...content, nextAt, nextWhy }, ifVer: ver });
  return true;
}

function feedItself({ content }: Live<FeedRecord>, outOfTurn = false): Step {
  return { kind: 'fetch', url: content.url, outOfTurn };
}

/** `at`: when the fetch began. `step`: what was fetched; default: the feed itself. */
export async function storeFetched(
  options: CrawlFeedOptions,
  live: Live<FeedRecord>,
  fetched: FetchResult,
  at: number,
  step: Step = feedItself(live),
): Promise<CrawledFeed> {
  const { digested, entries, ...found } = await answerOf(options, live, fetched, at, step);
  const endedAt = options.clock();
  const findings: Findings = {
    ...{ at, endedAt, ms: fetched.ms, status: fetched.status, bytes: fetched.wireBytes, step, ...found },
    result: digested.result,
    validators: digested.validators,
    answeredBy: fetched.kind === 'failed' ? undefined : fetched.url,
    isFollowed: await options.isFollowed?.(live.id),
    freshMs: freshMs(fetched.headers, endedAt),
    retryAfterMs: fetched.kind === 'failed' ? fetched.retryAfterMs : retryAfterMs(fetched.headers, endedAt),
    offer: offerIn(fetched, digested),
  };
  const written = await writeRecord(options, live, findings);
  if (written === null) {
    await takeBack(options.session, entries);
  } else {
    await options.onPolled?.({ feed: live.id, ...written, added: entries.added });
    if (findings.adoption?.heldBy) await mergeInto(options, live, findings.adoption.heldBy);
  }
  return crawled(findings, entries, live.content);
}

/** What the answer says of hubs; undefined: nothing. */
function offerIn(fetched: FetchResult, { result }: Digested): Findings['offer'] {
  if (fetched.kind === 'failed' || result.kind === 'failed') return undefined;
  return offerOf(fetched.headers, fetched.url, result.kind === 'parsed' ? result.facts : undefined);
}

function crawled({ result, bytes, ms }: Findings, entries: StoredEntries, before: FeedRecord): CrawledFeed {
  if (result.kind === 'failed') return { kind: 'failed', error: result.error, bytes, ms };
  const lasting = lastingFailure(before, result);
  if (lasting !== null) return { kind: 'failed', error: new CodedError(lasting.code, lasting.message), bytes, ms };
  if (result.kind === 'not-modified') return { kind: 'not-modified', bytes, ms };
  return { kind: 'fetched', entries, bytes, ms };
}

/**
 * The feed has moved to where another one is fetched from: they are one from now on. Where readers can't be written to
 * just now, such as in a move of the site, it goes on by itself until the next fetch. What is fetched with secrets of
 * its own may be another feed for all we know.
 */
async function mergeInto({ session }: CrawlFeedOptions, live: Live<FeedRecord>, into: string): Promise<void> {
  if (live.content.overrides?.origin !== undefined) return;
  try {
    await session.read((store) => mergeFeeds({ store, from: live.id, into, owner: 'crawler: merge' }));
  } catch (error) {
    const code = error instanceof StoreTrouble ? codeOf(error.cause) : codeOf(error);
    if (code !== 'DATABASE_READ_ONLY' && code !== 'EDIT_CONTENDED' && code !== 'CRAWL_FEED_UNKNOWN') throw error;
  }
}

type Answered = DigestedBody & Pick<Findings, 'permanentUrl' | 'adoption' | 'found'>;

async function answerOf(
  options: CrawlFeedOptions,
  live: Live<FeedRecord>,
  fetched: FetchResult,
  at: number,
  step: Step,
): Promise<Answered> {
  if (step.kind === 'look') {
    const { error, found } = await lookForFeed(options.session, live, fetched);
    return { digested: failure(error, null), entries: NOTHING, permanentUrl: null, adoption: null, found };
  }
  if (step.kind === 'try') return tryOut(options, live, fetched, { url: step.url, at });
  const permanentUrl = fetched.kind === 'failed' ? null : fetched.permanentUrl;
  const adoption = await adoptionOf(options, live, wouldAdopt(live.content, permanentUrl, at));
  return { ...(await digestAndStore(options, live, fetched, at)), permanentUrl, adoption };
}

/** The feed that was found for a missing one. What can't be read leaves nothing behind: it is no feed of ours yet. */
async function tryOut(
  options: CrawlFeedOptions,
  live: Live<FeedRecord>,
  fetched: FetchResult,
  { url, at }: { url: string; at: number },
): Promise<Answered> {
  const adoption = await adoptionOf(options, live, url);
  const failed = (error: CodedError): Answered => ({
    ...{ digested: failure(error, null), entries: NOTHING, permanentUrl: null, adoption: null },
  });
  if (adoption?.heldBy) {
    return failed(crawlerError('DISCOVER_NONE', `${url} is the feed ${adoption.heldBy} by now`, { input: url }));
  }
  const digested = await digestAndStore(options, live, fetched, at);
  const { result } = digested.digested;
  return result.kind === 'failed' ? failed(result.error) : { ...digested, permanentUrl: null, adoption };
}

/** The articles are acknowledged before this resolves, so that the validators may follow. */
async function digestAndStore(
  options: CrawlFeedOptions,
  live: Live<FeedRecord>,
  fetched: FetchResult,
  at: number,
): Promise<DigestedBody> {
  if (fetched.kind === 'failed') {
    return { digested: failure(fetched.error, null), entries: NOTHING };
  }
  if (fetched.kind === 'not-modified') {
    return { digested: { result: { kind: 'not-modified' }, validators: validatorsOf(fetched) }, entries: NOTHING };
  }
  const bodyHash = `${BODY_HASH_VERSION}:${fetched.packed?.digest ?? digest([fetched.body])}`;
  if (isBodyOfLastTime(live.content, bodyHash)) {
    return { digested: sameBody(live.content, fetched), entries: NOTHING };
  }
  const isLate = async () => isOutdated(live, await options.session.feed(live.id), at);
  return digestBody(options, live.id, fetched, { bodyHash, now: options.clock(), isOutdated: isLate });
}

/**
 * The body of last time needs no parsing. One that could not be parsed then can't be now; but since it is what the
 * publisher has, its ETag may go back, so that it need not come again. Its date may not: a feed that returns with an
 * older date would be taken for unmodified.
 */
function sameBody(before: FeedRecord, fetched: FetchedBody): Digested {
  const result = { kind: 'same-body' } as const;
  if (lastingFailure(before, result) === null) return { result, validators: validatorsOf(fetched) };
  return { result, validators: fetched.etag === null ? undefined : { etag: fetched.etag, lastModified: null } };
}

/** Two feeds that take the same URL at the same moment may both not see the other. */
async function adoptionOf(
  { session }: CrawlFeedOptions,
  { id }: Live<FeedRecord>,
  url: string | null,
): Promise<Findings['adoption']> {
  if (url === null) return null;
  const ids = (await session.read((store) => store.feeds.byUrl([url]))).get(url);
  return { url, heldBy: ids?.find((other) => other !== id) ?? null };
}

function failure(error: CodedError, bodyHash: string | null): Digested {
  return { result: { kind: 'failed', error, bodyHash }, validators: undefined };
}

/**
 * Did somebody store an attempt meanwhile that began after this one, at `at`? It knows better: this answer was on its way
 * for long, or this process was stopped in the middle.
 */
function isOutdated(live: Live<FeedRecord>, there: Live<FeedRecord> | undefined, at: number): boolean {
  const triedAt = there?.content.triedAt ?? null;
  return triedAt !== null && triedAt !== live.content.triedAt && triedAt > at;
}

/**
 * Compare and set; on a conflict the findings are applied to the newer record, unless a later attempt made it. Null: the
 * feed was removed.
 */
async function writeRecord(
  options: CrawlFeedOptions,
  live: Live<FeedRecord>,
  findings: Findings,
): Promise<Pick<Poll, 'before' | 'after'> | null> {
  const { session, limits, random } = options;
  let there: Live<FeedRecord> | undefined = live;
  for (let attempt = 0; attempt < RECORD_ATTEMPTS_MAX; attempt += 1) {
    const content = updatedFeed(there.content, findings, limits, random);
    const outcome = await session.writeFeed({ id: live.id, content, ifVer: there.ver });
    if (outcome.result === 'written') return { before: there.content, after: content };
    there = await session.feed(live.id);
    if (there === undefined) return null;
    if (holdsAttempt(there.content, findings)) return { before: live.content, after: there.content };
    if (isOutdated(live, there, findings.at)) return { before: there.content, after: there.content };
  }
  throw new StoreTrouble(crawlerError('CRAWL_INTERNAL', `The record of ${live.content.url} is changed all the time`));
}
