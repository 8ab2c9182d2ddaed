/**
 * The other side of a callback URL: hubs ask whether a subscription is meant (W3C WebSub section 5.3), deny it (5.2) and
 * deliver (7). Any process of the site answers, from the note in the store.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Clock, Store } from '../../store/contract.ts';
import { type Digester, openDigester } from '../digester.ts';
import { CRAWLER } from '../pause/note.ts';
import { StoreSession, StoreTrouble } from '../store-session.ts';
import {
  CHALLENGE_CHARS_MAX,
  LEASE_MS_ASKED,
  PUSH_STORE_MS_MAX,
  PUSHES_MAX,
  REASON_CHARS_MAX,
  RETRY_AFTER_S,
} from './limits.ts';
import { count, type WebSubMetrics } from './metrics.ts';
import { changeNote, readNote } from './note.ts';
import { type StoredPush, storePush } from './push.ts';
import { checkSignature } from './signature.ts';
import type { Chance, FeedSubscription, Subscription } from './subscription.ts';
import { denied, offered, pushed, verified } from './subscription-events.ts';

export interface CallbackOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: WebSubMetrics;
  /** While the crawlers are paused nothing may be stored. */
  readonly isPaused: () => Promise<boolean>;
  /** Told of every change made here. */
  readonly onChange: (state: FeedSubscription) => void;
  /** Default: a thread of its own, started at the first push. */
  readonly digester?: Digester | undefined;
}

/** What a hub is answered. */
export interface HubAnswer {
  readonly status: number;
  /** Plain text. */
  readonly body: string;
  readonly retryAfterS?: number;
}

/** A push that may be received. */
export interface Delivery {
  push(headers: PushHeaders, body: Uint8Array): Promise<HubAnswer>;
  /** However it ended: the next one may come. */
  end(): void;
}

export interface PushHeaders {
  readonly signature: string | undefined;
  readonly contentType: string | null;
}

const UNKNOWN: HubAnswer = { status: 404, body: 'There is no such subscription.\n' };
/** A hub may end a subscription whose callback says so (W3C WebSub section 7). */
const GONE: HubAnswer = { status: 410, body: 'There is no such subscription any more.\n' };
/** Also for what was ignored: a hub learns nothing from trying signatures. */
const TAKEN: HubAnswer = { status: 200, body: '' };
const LATER: HubAnswer = { status: 503, body: 'Not now; please come again.\n', retryAfterS: RETRY_AFTER_S };

export class Callback implements AsyncDisposable {
  readonly #options: CallbackOptions;
  #session: StoreSession | undefined;
  #digester: Digester | undefined;
  #open = 0;

  constructor(options: CallbackOptions) {
    this.#options = options;
  }

  /** A `GET`. `path`: what follows CALLBACK_PATH. Throws what the store throws. */
  async confirm(path: string, query: Readonly<Record<string, unknown>>): Promise<HubAnswer> {
    const { store, metrics, onChange } = this.#options;
    const names = readPath(path);
    const [mode, topic, challenge] = ['hub.mode', 'hub.topic', 'hub.challenge'].map((name) => textIn(query, name));
    let answer = UNKNOWN;
    if (names !== undefined && mode !== undefined && topic !== undefined) {
      const event = { token: names.token, topic, mode, leaseMs: leaseOf(query), reason: reasonOf(query) };
      const isQuestion = mode !== 'denied' && challenge !== undefined && challenge.length <= CHALLENGE_CHARS_MAX;
      const state = await changeNote(store.control, names.feed, (there) => {
        answer = UNKNOWN;
        if (there === undefined || !knows(there, names.token)) return undefined;
        const chance = this.#chance();
        const next =
          mode === 'denied' ? denied(there, event, chance) : isQuestion ? verified(there, event, chance) : undefined;
        if (next !== undefined) answer = { status: 200, body: mode === 'denied' ? '' : (challenge ?? '') };
        return next;
      });
      if (state !== undefined && answer !== UNKNOWN) onChange(state);
    }
    count(metrics.questions, answer === UNKNOWN ? 'refused' : mode === 'denied' ? 'denied' : 'confirmed');
    return answer;
  }

  /** A `POST`, before its body is received: what to answer at once, or the right to deliver. Throws what the store throws. */
  async admit(path: string): Promise<HubAnswer | Delivery> {
    const { store, metrics, isPaused } = this.#options;
    const names = readPath(path);
    const state = names && (await readNote(store.control, names.feed))?.state;
    const subscription = state?.subscription ?? null;
    if (names === undefined || subscription === null || !isSame(subscription.token, names.token)) {
      count(metrics.pushes, 'gone');
      return GONE;
    }
    // Not verified: it is not ours yet, but may be in a moment.
    if (subscription.since === null) return UNKNOWN;
    if (await isPaused()) return this.#later('paused');
    if (this.#open >= PUSHES_MAX) return this.#later('busy');
    this.#open += 1;
    let isOpen = true;
    return {
      push: (headers, body) => this.#push(names.feed, subscription, headers, body),
      end: () => {
        if (isOpen) this.#open -= 1;
        isOpen = false;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const [session, digester] = [this.#session, this.#digester];
    this.#session = undefined;
    this.#digester = undefined;
    await digester?.[Symbol.asyncDispose]();
    await session?.close().catch(() => {});
  }

  async #push(
    feed: string,
    { secret, token }: Subscription,
    { signature, contentType }: PushHeaders,
    body: Uint8Array,
  ): Promise<HubAnswer> {
    const { metrics, store, onChange } = this.#options;
    if (checkSignature(signature, secret, body) !== 'valid') {
      count(metrics.pushes, 'signature');
      return TAKEN;
    }
    const stored = await this.#store(feed, contentType, body);
    if (stored === 'trouble') return this.#later('store');
    const { now } = this.#chance();
    if (stored.kind === 'gone') {
      await changeNote(store.control, feed, (there) => there && offered(there, null, this.#chance()));
      count(metrics.pushes, 'gone');
      return GONE;
    }
    const { entries, poll } = stored;
    const news = entries.added + entries.changed;
    metrics.articlesNew += entries.added;
    metrics.articlesChanged += entries.changed;
    count(metrics.pushes, poll ? 'poll' : news > 0 ? 'stored' : 'known');
    // Told to people only, and made good by the next push: no reason to have this one sent again.
    const change = (there: FeedSubscription | undefined) =>
      there?.subscription?.token === token ? pushed(there, news, now) : undefined;
    const state = await changeNote(store.control, feed, change, 'lazy').catch(() => undefined);
    if (state !== undefined) onChange(state);
    return TAKEN;
  }

  async #store(feed: string, contentType: string | null, body: Uint8Array): Promise<StoredPush | 'trouble'> {
    const { store, clock, random } = this.#options;
    // Of the crawlers' kind: a pause shuts it out too. Durable, for a hub does not come back after its 200.
    const how = { owner: `${CRAWLER}: hubs`, durability: 'sync', retryMsMax: PUSH_STORE_MS_MAX } as const;
    this.#session ??= new StoreSession({ store, ...how });
    this.#digester ??= this.#options.digester ?? openDigester();
    try {
      return await storePush(this.#session, this.#digester, { feed, body, contentType, now: clock(), random });
    } catch (error) {
      if (error instanceof StoreTrouble) return 'trouble';
      throw error;
    }
  }

  #later(why: string): HubAnswer {
    count(this.#options.metrics.pushes, why);
    return LATER;
  }

  #chance(): Chance {
    const { clock, random } = this.#options;
    return { now: clock(), random };
  }
}

function readPath(path: string): { feed: string; token: string } | undefined {
  const [, feed, token] = /^([a-z2-7]{16})\.([a-z2-7]{26})$/.exec(path) ?? [];
  return feed === undefined || token === undefined ? undefined : { feed, token };
}

function knows({ subscription, leaving }: FeedSubscription, token: string): boolean {
  return [...(subscription === null ? [] : [subscription]), ...leaving].some((one) => isSame(one.token, token));
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function textIn(query: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = query[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Hubs that grant what was asked for, or for ever, may not say so. */
function leaseOf(query: Readonly<Record<string, unknown>>): number {
  const seconds = Number(textIn(query, 'hub.lease_seconds') ?? Number.NaN);
  return Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1_000 : LEASE_MS_ASKED;
}

function reasonOf(query: Readonly<Record<string, unknown>>): string {
  return (textIn(query, 'hub.reason') ?? '').replace(/\s+/g, ' ').trim().slice(0, REASON_CHARS_MAX);
}
