/** Every wait and bound of WebSub in one place; docs/websub.md lists them for people. */
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What is asked for. */
export const LEASE_MS_ASKED = 10 * DAY_MS;
/** A longer lease is renewed as if it were this long. */
export const LEASE_MS_MAX = 30 * DAY_MS;

/** So long after it was asked a hub may ask back; then it counts as one that does not work. */
export const VERIFY_MS_MAX = 15 * MINUTE_MS;

/** A hub is not asked to renew more often than this, however short its leases are. */
export const RENEW_MS_MIN = 10 * MINUTE_MS;
/** Renewed when this share of the lease is left, and up to so much more at random. */
export const RENEW_SHARE_LEFT = 0.1;
export const RENEW_SHARE_SPREAD = 0.2;

/** When no hub of a feed works: doubled each time. */
export const RETRY_MS_MIN = HOUR_MS;
export const RETRY_MS_MAX = 14 * DAY_MS;
export const RETRY_JITTER = 0.1;
/** A hub that takes subscriptions and delivers nothing counts as one that failed so often. */
export const SILENT_FAILURES_MIN = 5;
/** Polls in a row that found what the hub had not pushed. */
export const MISSES_MAX = 2;

/** Attempts to unsubscribe, and the wait between two. */
export const LEAVE_TIMES_MAX = 3;
export const LEAVE_WAIT_MS = HOUR_MS;
/** Subscriptions of one feed that are being ended. */
export const LEAVING_MAX = 4;

/** Characters of what a hub says in a callback, and of the reason for a denial that is kept. */
export const CHALLENGE_CHARS_MAX = 4_096;
export const REASON_CHARS_MAX = 200;

/** Pushes that are received and stored at once, in one process; the others are told to come back. */
export const PUSHES_MAX = 8;
/** Patience with the store while a hub waits. */
export const PUSH_STORE_MS_MAX = 5_000;
/** What a hub is told that must come back. */
export const RETRY_AFTER_S = 60;

/** The crawler hears of what other processes changed after at most this. */
export const LOOK_MS = 60_000;
/** All feeds are compared with all subscriptions when a crawler starts, and then so often. */
export const SWEEP_MS = 6 * HOUR_MS;
/** Subscriptions that one look gives to the queue. */
export const JOBS_MAX = 200;
