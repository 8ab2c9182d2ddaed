/**
 * A feed's subscription at its hubs (W3C WebSub section 5), as a note that is replaced whole, and what is to be done next
 * with it: ask a hub, renew, leave; the next hub where one does not work, and polling alone where none does. Pure.
 */
import type { WebSubErrorCode } from './errors.ts';
import {
  LEAVE_TIMES_MAX,
  LEAVE_WAIT_MS,
  RENEW_MS_MIN,
  RETRY_JITTER,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  VERIFY_MS_MAX,
} from './limits.ts';
import type { Offer } from './offer.ts';

/** Where and by what name a hub knows us. */
interface Address {
  /** The secret part of the callback. */
  readonly token: string;
  readonly callback: string;
  readonly hub: string;
  readonly topic: string;
}

export interface Subscription extends Address {
  /** Signs what the hub pushes. */
  readonly secret: string;
  /** The hub may ask whether it is meant for VERIFY_MS_MAX after this. */
  readonly askedAt: number;
  /** When the hub first asked back; null: it has not. */
  readonly since: number | null;
  /** End of the lease, and when the next one is asked for. Null before `since`. */
  readonly until: number | null;
  readonly renewAt: number | null;
}

/** A subscription that is being ended. */
export interface Leaving extends Address {
  /** It ends by itself then. */
  readonly until: number;
  readonly askedAt: number | null;
  readonly times: number;
  readonly confirmed: boolean;
}

export interface FeedSubscription {
  readonly feed: string;
  /** What the feed offers; null: nothing is wanted of hubs any more, and the note goes once all are left. */
  readonly offer: Offer | null;
  /** The hub whose turn it is, and when. */
  readonly hubIndex: number;
  readonly retryAt: number;
  /** Times in a row that no hub worked. */
  readonly failures: number;
  /** Polls in a row that found what should have been pushed. */
  readonly missed: number;
  readonly subscription: Subscription | null;
  readonly leaving: readonly Leaving[];
  /** The lease end that the feed's record was last told of. */
  readonly told: number | null;
  readonly lastPushAt: number | null;
  readonly pushes: number;
  /** New and changed ones that came by pushes. */
  readonly articles: number;
  readonly lastError: { readonly code: string; readonly message: string; readonly at: number } | null;
}

export type Failure = { readonly code: WebSubErrorCode | (string & {}); readonly message: string };

export type Step =
  | { readonly kind: 'subscribe'; readonly state: FeedSubscription; readonly subscription: Subscription }
  | { readonly kind: 'unsubscribe'; readonly state: FeedSubscription; readonly leaving: Leaving }
  | { readonly kind: 'rest'; readonly state: FeedSubscription }
  /** Nothing is left to be done or known. */
  | { readonly kind: 'forget' };

export interface Chance {
  readonly now: number;
  /** 0 to 1. */
  readonly random: () => number;
}

export function newFeedSubscription(feed: string, offer: Offer, retryAt: number): FeedSubscription {
  return {
    ...{ feed, offer, hubIndex: 0, retryAt, failures: 0, missed: 0, subscription: null, leaving: [], told: null },
    ...{ lastPushAt: null, pushes: 0, articles: 0, lastError: null },
  };
}

/** Until when a hub pushes; null: none does. */
export function pushedUntil({ subscription }: FeedSubscription): number | null {
  return subscription?.until ?? null;
}

/** When there is something to do. */
export function dueAt(state: FeedSubscription): number {
  const { offer, subscription, leaving, retryAt, told } = state;
  const times = leaving.map(leavingDueAt);
  if (pushedUntil(state) !== told) times.push(0);
  if (subscription === null) {
    if (offer !== null) times.push(retryAt);
    else if (leaving.length === 0) times.push(0);
  } else {
    times.push(Math.min(subscription.until ?? Number.POSITIVE_INFINITY, askDueAt(subscription)));
  }
  return Math.min(Number.POSITIVE_INFINITY, ...times);
}

function askDueAt({ askedAt, renewAt }: Subscription): number {
  return renewAt ?? askedAt + VERIFY_MS_MAX;
}

function leavingDueAt({ askedAt, times, confirmed }: Leaving): number {
  if (askedAt === null) return 0;
  return askedAt + (confirmed || times >= LEAVE_TIMES_MAX ? VERIFY_MS_MAX : LEAVE_WAIT_MS);
}

/** The hub that the next step asks; null: none. Its host's budget is what the step waits for. */
export function nextHub({ offer, subscription, leaving, hubIndex }: FeedSubscription, now: number): string | null {
  const left = leaving.find((one) => leavingDueAt(one) <= now);
  return left?.hub ?? subscription?.hub ?? offer?.hubs[hubIndex] ?? null;
}

/** What is to be done now. `fresh`: what only this new subscription knows. */
export function nextStep(
  before: FeedSubscription,
  chance: Chance,
  fresh: () => Pick<Subscription, 'token' | 'secret' | 'callback'>,
): Step {
  const { now } = chance;
  const state = afterDeadlines(before, chance);
  const left = state.leaving.find((one) => leavingDueAt(one) <= now);
  if (left !== undefined) {
    const asked = { ...left, askedAt: now, times: left.times + 1 };
    const leaving = state.leaving.map((one) => (one === left ? asked : one));
    return { kind: 'unsubscribe', state: { ...state, leaving }, leaving: asked };
  }
  const { offer, subscription, hubIndex } = state;
  if (offer === null) {
    const isOver = state.leaving.length === 0 && subscription === null && state.told === null;
    return isOver ? { kind: 'forget' } : { kind: 'rest', state };
  }
  const hub = offer.hubs[hubIndex];
  if (subscription === null) {
    if (hub === undefined || state.retryAt > now) return { kind: 'rest', state };
    const asked = { ...fresh(), hub, topic: offer.topic, askedAt: now, since: null, until: null, renewAt: null };
    return { kind: 'subscribe', state: { ...state, subscription: asked }, subscription: asked };
  }
  if (askDueAt(subscription) > now) return { kind: 'rest', state };
  // Halfway to the end of the lease it is asked for once more, should this come to nothing.
  const renewAt = now + Math.max(RENEW_MS_MIN, ((subscription.until ?? now) - now) / 2);
  const asked = { ...subscription, askedAt: now, renewAt };
  return { kind: 'subscribe', state: { ...state, subscription: asked }, subscription: asked };
}

/** What has run out since somebody last looked. */
function afterDeadlines(before: FeedSubscription, chance: Chance): FeedSubscription {
  const { now } = chance;
  const isOver = (one: Leaving): boolean =>
    one.until <= now || (leavingDueAt(one) <= now && (one.confirmed || one.times >= LEAVE_TIMES_MAX));
  const state = before.leaving.some(isOver)
    ? { ...before, leaving: before.leaving.filter((one) => !isOver(one)) }
    : before;
  const { subscription } = state;
  if (subscription === null) return state;
  if (subscription.until === null) {
    if (now < subscription.askedAt + VERIFY_MS_MAX) return state;
    const message = `${subscription.hub} did not ask back within ${VERIFY_MS_MAX / 60_000} min`;
    return withoutHub(state, { code: 'WEBSUB_NOT_VERIFIED', message }, chance);
  }
  if (subscription.until > now) return state;
  return withoutHub(state, { code: 'WEBSUB_LAPSED', message: `The lease of ${subscription.hub} ran out` }, chance);
}

/** The next hub is tried; after the last one, the first after a while. */
export function withoutHub(state: FeedSubscription, failure: Failure, { now, random }: Chance): FeedSubscription {
  const hubIndex = (state.hubIndex + 1) % Math.max(1, state.offer?.hubs.length ?? 1);
  const failures = hubIndex === 0 ? state.failures + 1 : state.failures;
  const wait = Math.min(RETRY_MS_MIN * 2 ** Math.min(failures - 1, 30), RETRY_MS_MAX);
  const retryAt = hubIndex === 0 ? now + Math.round(wait * (1 + RETRY_JITTER * random())) : now;
  const lastError = { code: failure.code, message: failure.message, at: now };
  return { ...state, subscription: null, hubIndex, failures, retryAt, missed: 0, lastError };
}
