/** What happens to a feed's subscription: polls, the hub's answers, questions, refusals and pushes. Pure. */
import {
  LEASE_MS_MAX,
  LEAVING_MAX,
  MISSES_MAX,
  RENEW_MS_MIN,
  RENEW_SHARE_LEFT,
  RENEW_SHARE_SPREAD,
  SILENT_FAILURES_MIN,
  VERIFY_MS_MAX,
} from './limits.ts';
import { isSameOffer, type Offer } from './offer.ts';
import { type Chance, type Failure, type FeedSubscription, withoutHub } from './subscription.ts';

/** What the feed offers, as of a poll. Another hub or topic: another subscription. */
export function offered(state: FeedSubscription, offer: Offer | null, { now }: Chance): FeedSubscription {
  if (isSameOffer(state.offer, offer)) return state;
  const stays =
    offer !== null && state.subscription?.topic === offer.topic && offer.hubs.includes(state.subscription.hub);
  if (stays) return { ...state, offer, hubIndex: offer.hubs.indexOf(state.subscription.hub) };
  return { ...left(state, now), offer, hubIndex: 0, retryAt: now, failures: 0, missed: 0 };
}

/** The subscription is given up; where the hub had taken it, it is told so. */
export function left(state: FeedSubscription, now: number): FeedSubscription {
  const { subscription, leaving } = state;
  if (subscription === null) return state;
  const { token, callback, hub, topic, until } = subscription;
  const isOn = until !== null && until > now;
  const one = { token, callback, hub, topic, until: until ?? 0, askedAt: null, times: 0, confirmed: false };
  return { ...state, subscription: null, leaving: isOn ? [...leaving, one].slice(-LEAVING_MAX) : leaving };
}

/** What became of the request. Null: the hub took it, and asks back. */
export function answered(
  state: FeedSubscription,
  token: string,
  failure: Failure | null,
  chance: Chance,
): FeedSubscription {
  const { subscription } = state;
  if (failure === null || subscription?.token !== token) return state;
  if (subscription.until === null) return withoutHub(state, failure, chance);
  return { ...state, lastError: { code: failure.code, message: failure.message, at: chance.now } };
}

/** The request was broken off because this process stops: it is made again by the next. */
export function brokenOff(state: FeedSubscription, token: string, now: number): FeedSubscription {
  const { subscription } = state;
  if (subscription?.token === token) {
    if (subscription.until === null) return { ...state, subscription: null, retryAt: now };
    return { ...state, subscription: { ...subscription, renewAt: now } };
  }
  const leaving = state.leaving.map((one) =>
    one.token === token ? { ...one, askedAt: null, times: one.times - 1 } : one,
  );
  return { ...state, leaving };
}

/** The hub asks whether it is meant. Undefined: it is not. `leaseMs`: granted. */
export function verified(
  state: FeedSubscription,
  asked: { readonly mode: string; readonly token: string; readonly topic: string; readonly leaseMs: number },
  { now, random }: Chance,
): FeedSubscription | undefined {
  const { subscription } = state;
  const isOpen = (askedAt: number | null): boolean => askedAt !== null && now <= askedAt + VERIFY_MS_MAX;
  if (asked.mode === 'subscribe') {
    if (subscription?.token !== asked.token || subscription.topic !== asked.topic) return undefined;
    if (!isOpen(subscription.askedAt)) return undefined;
    const leaseMs = Math.min(asked.leaseMs, LEASE_MS_MAX);
    const early = leaseMs * (RENEW_SHARE_LEFT + RENEW_SHARE_SPREAD * random());
    const renewAt = Math.round(Math.max(now + leaseMs - early, subscription.askedAt + RENEW_MS_MIN));
    const renewed = { ...subscription, since: subscription.since ?? now, until: now + leaseMs, renewAt };
    const failures = subscription.since === null ? state.failures : 0;
    return { ...state, subscription: renewed, failures, lastError: null };
  }
  const one = state.leaving.find(({ token, topic }) => token === asked.token && topic === asked.topic);
  if (asked.mode !== 'unsubscribe' || one === undefined || !isOpen(one.askedAt)) return undefined;
  return { ...state, leaving: state.leaving.map((other) => (other === one ? { ...one, confirmed: true } : other)) };
}

/** The hub ends it, at any time it likes. Undefined: it is about no subscription of ours. */
export function denied(
  state: FeedSubscription,
  { token, topic, reason }: { readonly token: string; readonly topic: string; readonly reason: string },
  chance: Chance,
): FeedSubscription | undefined {
  const { subscription } = state;
  if (subscription?.token === token && subscription.topic === topic) {
    const message = `${subscription.hub} denied the subscription${reason === '' ? '' : `: ${reason}`}`;
    return withoutHub(state, { code: 'WEBSUB_DENIED', message }, chance);
  }
  const leaving = state.leaving.filter((one) => one.token !== token || one.topic !== topic);
  return leaving.length === state.leaving.length ? undefined : { ...state, leaving };
}

/** The hub delivers. */
export function pushed(state: FeedSubscription, articles: number, now: number): FeedSubscription {
  const counted = { pushes: state.pushes + 1, articles: state.articles + articles };
  return { ...state, ...counted, lastPushAt: now, missed: 0, failures: 0 };
}

/**
 * A poll found articles. Those that came since the poll before it, at `previousAt`, should have been pushed; after a few
 * of such polls the hub counts as one that delivers nothing.
 */
export function polled(
  state: FeedSubscription,
  added: number,
  previousAt: number | null,
  chance: Chance,
): FeedSubscription {
  const { subscription, lastPushAt } = state;
  const since = subscription?.since ?? null;
  if (added === 0 || since === null || previousAt === null || previousAt < since) return state;
  if (lastPushAt !== null && lastPushAt >= previousAt) return state;
  const missed = state.missed + 1;
  if (missed < MISSES_MAX || subscription === null) return { ...state, missed };
  const message = `${subscription.hub} pushed nothing of what ${missed} polls found`;
  const failures = Math.max(state.failures, SILENT_FAILURES_MIN - 1);
  return withoutHub({ ...left(state, chance.now), failures }, { code: 'WEBSUB_HUB_SILENT', message }, chance);
}
