/** What an attempt leaves behind in the feed's record. Pure: applied again to a newer record, it merges. */
import type { Attempt, FeedRecord } from '../store/documents.ts';
import type { CodedError } from '../store/errors.ts';
import type { Validators } from './conditional-get.ts';
import type { FeedFacts } from './digest.ts';
import { CONFIRM_ERRORS_MAX, missingAfter, type Step } from './missing-feed.ts';
import { adoptedUrl, movedAfter } from './permanent-redirect.ts';
import { duration, type Happened, type NextFetch, type ScheduleLimits, type Wait } from './schedule.ts';
import { BACKUP_MS_MAX, isPushed, scheduleBeside, webSubAfter } from './websub/backup-poll.ts';
import type { Offer } from './websub/offer.ts';

/** Attempts that a record keeps. */
export const HISTORY_MAX = 20;
const MESSAGE_CHARS_MAX = 300;

/** What one attempt found. */
export interface Findings {
  /** Start, ms since 1970. */
  readonly at: number;
  /** End: the schedule counts from here. */
  readonly endedAt: number;
  readonly ms: number;
  readonly status: number | null;
  /** Wire bytes. */
  readonly bytes: number;
  /** What was asked for: the feed, or something in its place. */
  readonly step: Step;
  /** Of a look at the site: `missing-feed.ts`. */
  readonly found?: string | null | undefined;
  readonly result: Result;
  /** To send next time; undefined: as before. */
  readonly validators: Validators | undefined;
  /** The URL that gave them, after redirects. */
  readonly answeredBy?: string | undefined;
  readonly permanentUrl: string | null;
  /** The URL that this fetch makes the feed's own, and another feed that has it already. Null: nothing to adopt. */
  readonly adoption: { readonly url: string; readonly heldBy: string | null } | null;
  /** Null: not known. */
  readonly isFollowed?: boolean | null | undefined;
  readonly freshMs: number | null;
  readonly retryAfterMs: number | null;
  /** What the answer says of hubs: `websub/offer.ts`. */
  readonly offer?: Offer | null | undefined;
}

export type Result =
  | {
      readonly kind: 'parsed';
      readonly facts: FeedFacts;
      readonly bodyHash: string;
      readonly added: number;
      readonly changed: number;
      /** Some entries are told apart by the whole feed only. */
      readonly whole: boolean;
    }
  /** 200 with the body of last time. */
  | { readonly kind: 'same-body' }
  | { readonly kind: 'not-modified' }
  /** `bodyHash`: of a body that could not be parsed, marked as such. */
  | { readonly kind: 'failed'; readonly error: CodedError; readonly bodyHash: string | null };

/** Before the hash of a body that could not be parsed. */
export const UNPARSED_MARK = '!';
/** The same, where the validators that go back are those of that body, and no longer those of the last good one. */
const ADOPTED_MARK = UNPARSED_MARK + UNPARSED_MARK;

/** Is this the body of last time? `hash`: of the one that came now. */
export function isBodyOfLastTime(before: FeedRecord, hash: string): boolean {
  const { bodyHash } = before;
  return bodyHash === hash || bodyHash === UNPARSED_MARK + hash || bodyHash === ADOPTED_MARK + hash;
}

export function updatedFeed(
  before: FeedRecord,
  findings: Findings,
  limits: ScheduleLimits,
  random: () => number,
): FeedRecord {
  const { result, at } = findings;
  // The body that could not be read is still the latest one: nothing has become better.
  const failure = result.kind === 'failed' ? result.error : lastingFailure(before, result);
  // A reader's impatience makes the crawler wait no longer, so that it does not put off looking for a feed that has moved.
  const isOutOfTurn = findings.step.kind === 'fetch' && findings.step.outOfTurn === true && before.errors > 0;
  const errors = failure === null ? 0 : before.errors + (isOutOfTurn ? 0 : 1);
  const parsed = result.kind === 'parsed' ? result : null;
  const missing = failure === null ? null : missingAfter(before, findings.step, findings);
  const input = {
    now: findings.endedAt,
    happened: happenedIn(before, findings, failure, missing?.found ? Math.min(errors, CONFIRM_ERRORS_MAX) : errors),
    intervalMs: before.intervalMs,
    hints: parsed?.facts.hints ?? before.hints,
    freshMs: findings.freshMs,
    retryAfterMs: findings.retryAfterMs,
    limits,
    random,
    ...(findings.isFollowed === false ? { atLeast: unfollowed(limits) } : {}),
  };
  const pushed = isPushed(before, findings.endedAt) && findings.offer !== null;
  const { next: schedule, plain } = scheduleBeside(input, pushed, limits.backupMsMax ?? BACKUP_MS_MAX);
  const webSub = webSubAfter(before, { offer: findings.offer, whole: parsed?.whole }, plain);
  const state = stateAfter(before, findings);
  const whereTo = failure === null ? placeAfter(before, findings) : {};
  const news = parsed !== null && parsed.added + parsed.changed > 0;
  return {
    ...before,
    ...(parsed === null ? {} : described(before, parsed.facts)),
    ...(findings.validators ?? {}),
    ...sourceAfter(before, findings, whereTo.url ?? before.url),
    ...schedule,
    ...(isOutOfTurn && failure !== null ? turnAfter(before, schedule) : {}),
    ...(state === 'gone' ? { nextWhy: 'never again: the publisher has taken the feed away (410)' } : {}),
    ...whereTo,
    ...(missing === null && before.missing === undefined ? {} : { missing }),
    ...(webSub === undefined ? {} : { webSub }),
    bodyHash: bodyHashAfter(before, findings),
    triedAt: at,
    succeededAt: failure === null ? at : before.succeededAt,
    changedAt: news ? at : before.changedAt,
    errors,
    state,
    lastError: failure === null ? null : { code: failure.code, message: short(failure.message), at },
    history: [attemptOf(findings, failure, whereTo), ...before.history].slice(0, HISTORY_MAX),
  };
}

/** Whoever follows it again has what was in it meanwhile, and waits for a day at most, or asks for it at once. */
function unfollowed({ maxIntervalMs }: ScheduleLimits): Wait {
  return { ms: maxIntervalMs, why: `${duration(maxIntervalMs)}, as nobody follows it` };
}

/** Its own turn stays when it was. */
function turnAfter(
  before: FeedRecord,
  { nextAt, allowedAt }: NextFetch,
): Pick<FeedRecord, 'nextAt' | 'nextWhy'> | object {
  const turn = Math.max(before.nextAt, allowedAt);
  return turn < nextAt ? { nextAt: turn, nextWhy: before.nextWhy } : {};
}

/** Validators go back to where they came from (RFC 9110 section 8.8: they are those of one resource), and nowhere else. */
function sourceAfter(before: FeedRecord, { validators, answeredBy }: Findings, url: string): SourceAfter {
  if (before.validatorsFrom === undefined && answeredBy === undefined && url === before.url) return {};
  const earlier = before.validatorsFrom ?? new URL(before.url).origin;
  const from = validators === undefined || answeredBy === undefined ? earlier : new URL(answeredBy).origin;
  if (from !== new URL(url).origin) return { validatorsFrom: from };
  return before.validatorsFrom === undefined ? {} : { validatorsFrom: null };
}

type SourceAfter = Pick<FeedRecord, 'validatorsFrom'>;

/** Is this attempt in the record already? Then a write that seemed lost did land. */
export function holdsAttempt(record: FeedRecord, findings: Findings): boolean {
  return record.history.some((attempt) => attempt.at === findings.at && attempt.ms === findings.ms);
}

function bodyHashAfter({ bodyHash }: FeedRecord, { result, validators }: Findings): string | null {
  if (result.kind === 'parsed') return result.bodyHash;
  if (result.kind === 'failed') return result.bodyHash ?? bodyHash;
  if (bodyHash?.startsWith(UNPARSED_MARK) !== true || bodyHash.startsWith(ADOPTED_MARK)) return bodyHash;
  // A 304 says that the last good body is back, whose hash is no longer known.
  if (result.kind === 'not-modified') return null;
  return validators === undefined ? bodyHash : UNPARSED_MARK + bodyHash;
}

/**
 * The same body again after one that could not be parsed, or a 304 for it: why it could not. A 304 for the validators
 * of the last good body is no failure: that body is what the publisher has again.
 */
export function lastingFailure(before: FeedRecord, result: { kind: string }): { code: string; message: string } | null {
  if (result.kind !== 'not-modified' && result.kind !== 'same-body') return null;
  const mark = result.kind === 'same-body' ? UNPARSED_MARK : ADOPTED_MARK;
  if (before.bodyHash?.startsWith(mark) !== true) return null;
  if (before.lastError?.code.startsWith('PARSE_') === true) return before.lastError;
  const attempt = before.history.find(({ outcome }) => outcome.startsWith('PARSE_'));
  return { code: attempt?.outcome ?? 'PARSE_NOT_A_FEED', message: attempt?.message ?? 'The body could not be parsed' };
}

function happenedIn(
  before: FeedRecord,
  { result, status }: Findings,
  failure: Failure | null,
  errors: number,
): Happened {
  if (failure !== null) return { kind: 'failed', status, errors };
  if (result.kind !== 'parsed') return { kind: 'unchanged' };
  if (before.changedAt === null) return { kind: 'first', dates: result.facts.dates };
  return { kind: 'stored', added: result.added, changed: result.changed };
}

function stateAfter(before: FeedRecord, { result, status, step }: Findings): FeedRecord['state'] {
  if (before.state === 'paused') return 'paused';
  if (status === 410 && step.kind === 'fetch') return 'gone';
  return result.kind === 'failed' ? before.state : 'active';
}

function described(before: FeedRecord, facts: FeedFacts): Partial<FeedRecord> {
  return {
    title: facts.title || before.title,
    siteUrl: facts.siteUrl ?? before.siteUrl,
    description: facts.description,
    iconUrl: facts.iconUrl,
    format: facts.format,
    language: facts.language,
    hints: { ...facts.hints },
  };
}

type Place = Partial<Pick<FeedRecord, 'url' | 'moved'>>;

/**
 * A permanent redirect is noted, and adopted once it is confirmed. The validators stay: the last answers came from there
 * already, so they are the validators of that resource (RFC 9110 section 8.8).
 */
function placeAfter(before: FeedRecord, { permanentUrl, adoption, at, step }: Findings): Place {
  if (step.kind === 'try') return adoption?.heldBy === null ? { url: adoption.url, moved: null } : {};
  const moved = movedAfter(before, permanentUrl, at);
  if (moved === null) return before.moved === undefined ? {} : { moved: null };
  // In a record that was changed meanwhile something else may be confirmed: then the next fetch asks who has it.
  if (adoption === null || adoptedUrl(before.url, moved, at) !== adoption.url) return { moved };
  const { url, heldBy } = adoption;
  return heldBy === null ? { url, moved: null } : { moved: { ...moved, heldBy } };
}

/** The URL that this fetch would make the feed's own, if no other feed has it. Null: none. */
export function wouldAdopt(before: FeedRecord, permanentUrl: string | null, at: number): string | null {
  const moved = movedAfter(before, permanentUrl, at);
  return moved === null ? null : adoptedUrl(before.url, moved, at);
}

type Failure = { readonly code: string; readonly message: string };

function attemptOf(
  { at, ms, status, bytes, result, permanentUrl, step }: Findings,
  failure: Failure | null,
  { url, moved }: Place,
): Attempt {
  const held = moved?.heldBy === undefined ? '' : `, which is the feed ${moved.heldBy}`;
  const redirected = permanentUrl === null ? '' : `moved permanently to ${permanentUrl}${held}`;
  const where = step.kind === 'try' ? `found again at ${step.url}` : redirected;
  return {
    at,
    ms,
    status,
    outcome: failure?.code ?? (result.kind === 'not-modified' ? 'not-modified' : 'ok'),
    message: short(failure?.message ?? messageOf(result, url === undefined ? where : `${where}, adopted`)),
    bytes,
    added: result.kind === 'parsed' ? result.added : 0,
    changed: result.kind === 'parsed' ? result.changed : 0,
  };
}

function messageOf(result: Result, where: string): string {
  const what = result.kind === 'same-body' ? 'the same body as last time' : '';
  return [what, where].filter((text) => text !== '').join('; ');
}

function short(message: string): string {
  return message.length <= MESSAGE_CHARS_MAX ? message : `${message.slice(0, MESSAGE_CHARS_MAX - 1)}…`;
}
