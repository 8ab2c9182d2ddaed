/**
 * The crawler's side: which subscriptions are due, and what is done about one. They wait in the crawl queue as feeds do,
 * under the host of their hub, so that a hub gets no more requests than any host, whichever process asks.
 */
import { randomBytes } from 'node:crypto';
import type { Clock, Control, Live, Store } from '../../store/contract.ts';
import type { FeedRecord } from '../../store/documents.ts';
import { CodedError } from '../../store/errors.ts';
import type { CrawlFeedOptions, Poll } from '../crawl-feed.ts';
import { hostOf } from '../host-budget.ts';
import type { FormPoster, PostResult } from '../post-form.ts';
import type { Claim, Job } from '../queue/contract.ts';
import { type StoreSession, StoreTrouble } from '../store-session.ts';
import { withPushes } from './backup-poll.ts';
import { webSubError } from './errors.ts';
import { JOBS_MAX, LEASE_MS_ASKED, LOOK_MS, SWEEP_MS } from './limits.ts';
import { count, type WebSubMetrics } from './metrics.ts';
import { changeNote, forgetNote, NOTE_PREFIX, readNote, writeNote } from './note.ts';
import {
  type Chance,
  dueAt,
  type FeedSubscription,
  nextHub,
  nextStep,
  pushedUntil,
  type Step,
  type Subscription,
} from './subscription.ts';
import { answered, brokenOff, offered, polled } from './subscription-events.ts';
import { allNotes, asWanted, CALLBACK_PATH, firstNote, sweep, wantedOffer } from './sweep.ts';

export interface SubscriberOptions {
  readonly store: Store;
  readonly poster: FormPoster;
  readonly clock: Clock;
  readonly random: () => number;
  /** Where hubs reach this site, without a slash at its end; empty: WebSub is off, and what there is is left. */
  readonly publicUrl: string;
  readonly metrics: WebSubMetrics;
}

const RECORD_ATTEMPTS_MAX = 10;

/** What a step needs of the crawl that it is part of. `patience`: hosts that must not be asked now. */
export type Crawling = Pick<CrawlFeedOptions, 'session' | 'signal' | 'patience'>;

interface Known {
  readonly dueAt: number;
  readonly hub: string;
  readonly active: boolean;
}

export class Subscriber implements AsyncDisposable {
  readonly #options: SubscriberOptions;
  readonly #control: Control;
  /** By feed. What other processes change is seen at the next look. */
  readonly #known = new Map<string, Known>();
  #lookedAt: number | undefined;
  #sweptAt: number | undefined;
  #sweeping: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#control = options.store.control;
  }

  owns(job: Job): boolean {
    return job.feed.startsWith(NOTE_PREFIX);
  }

  /** How many subscriptions there are, as of the last look. */
  counts(): { readonly subscribed: number; readonly waiting: number } {
    const subscribed = [...this.#known.values()].filter(({ active }) => active).length;
    return { subscribed, waiting: this.#known.size - subscribed };
  }

  /** For the queue. Throws what the store throws. */
  async due(): Promise<Job[]> {
    const { clock, store } = this.#options;
    const now = clock();
    // A site that only copies another one leaves its hubs to that one.
    if ((await store.feeds.mode()) !== 'read-write') return [];
    if (isTime(this.#lookedAt, LOOK_MS, now)) {
      this.#lookedAt = now;
      await this.#look();
    }
    if (isTime(this.#sweptAt, SWEEP_MS, now)) {
      this.#sweptAt = now;
      // Beside the crawl, which does not wait for it; what it does not finish is done by the next one.
      this.#sweeping = sweep({
        ...{ store: this.#options.store, publicUrl: this.#options.publicUrl, chance: this.#chance() },
        onState: (state) => this.touch(state),
        isEnded: () => this.#ended,
      }).catch(() => {});
    }
    const jobs: Job[] = [];
    for (const [feed, known] of this.#known) {
      if (known.dueAt > now) continue;
      jobs.push({ feed: NOTE_PREFIX + feed, url: known.hub, nextAt: Math.max(known.dueAt, 0), urgent: false });
      if (jobs.length === JOBS_MAX) break;
    }
    return jobs;
  }

  /** One step for the feed of this job. Throws StoreTrouble. `back`: it was broken off. */
  async work(claim: Claim, crawling: Crawling): Promise<'done' | 'back'> {
    const feed = claim.job.feed.slice(NOTE_PREFIX.length);
    try {
      return await this.#step(feed, claim, crawling);
    } catch (error) {
      throw error instanceof CodedError ? new StoreTrouble(error) : error;
    }
  }

  /** A feed was polled: what it offers, and what its hub has not delivered. Trouble is left to the next sweep. */
  async polled({ feed, before, after, added }: Poll): Promise<void> {
    if (!before.webSub && !after.webSub) return;
    const chance = this.#chance();
    const offer = wantedOffer(after, this.#options.publicUrl);
    try {
      const state = await changeNote(this.#control, feed, (there) => {
        if (there === undefined) return offer === null ? undefined : firstNote(feed, offer, after, chance.now);
        return polled(offered(there, offer, chance), added, before.triedAt, chance);
      });
      if (state !== undefined) this.touch(state);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
    }
  }

  /** Somebody in this process has changed it. */
  touch(state: FeedSubscription): void {
    const { clock } = this.#options;
    const hub = nextHub(state, clock()) ?? state.offer?.hubs[0] ?? `http://${state.feed}.invalid/`;
    this.#known.set(state.feed, { dueAt: dueAt(state), hub, active: pushedUntil(state) !== null });
  }

  /** Resolves when no sweep is under way. */
  async swept(): Promise<void> {
    await this.#sweeping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#sweeping;
  }

  async #step(feed: string, claim: Claim, crawling: Crawling): Promise<'done' | 'back'> {
    const { session, patience } = crawling;
    const note = await readNote(this.#control, feed);
    if (note === undefined) {
      this.#known.delete(feed);
      return 'done';
    }
    const live = await session.feed(feed);
    const chance = this.#chance();
    const there = asWanted(note.state, live?.content, this.#options.publicUrl, chance);
    const step = nextStep(there, chance, () => this.#fresh(feed));
    if (step.kind === 'forget') {
      this.#known.delete(feed);
      await forgetNote(this.#control, feed);
      return 'done';
    }
    const hub = hubOf(step);
    // The budget that was waited for is another host's: once more in its line.
    if (hub !== null && hostOf(hub) !== claim.host) {
      this.touch(there);
      return 'done';
    }
    const until = hub === null ? null : ((await patience?.until(claim.host)) ?? null);
    if (hub !== null && until !== null) {
      this.#known.set(feed, { dueAt: until, hub, active: pushedUntil(there) !== null });
      return 'done';
    }
    const isOurs = step.state === note.state || (await writeNote(this.#control, step.state, note.rev));
    const ended = isOurs && hub !== null ? await this.#ask(step, live?.content, crawling) : undefined;
    const state = (await readNote(this.#control, feed))?.state;
    if (state !== undefined) this.touch(await this.#tell(state, session));
    return ended ?? 'done';
  }

  async #ask(step: Step, record: FeedRecord | undefined, { signal, patience }: Crawling): Promise<'done' | 'back'> {
    if (step.kind !== 'subscribe' && step.kind !== 'unsubscribe') return 'done';
    const { feed } = step.state;
    const form = formOf(step);
    const { hub, token } = step.kind === 'subscribe' ? step.subscription : step.leaving;
    const result = await this.#options.poster.post({ url: hub, form, feed, overrides: record?.overrides, signal });
    const isBroken = result.kind === 'failed' && result.error.code === 'FETCH_ABORTED';
    const failure = failureOf(result, hub);
    if (result.kind === 'answered' && failure !== null) {
      const { status, retryAfterMs } = result;
      await patience?.heed({ kind: 'failed', status, error: failure, retryAfterMs });
    }
    count(this.#options.metrics.requests, `${step.kind} ${failure === null ? 'taken' : 'refused'}`);
    const chance = this.#chance();
    await changeNote(this.#control, feed, (state) => {
      if (state === undefined) return undefined;
      return isBroken ? brokenOff(state, token, chance.now) : answered(state, token, failure, chance);
    });
    return isBroken ? 'back' : 'done';
  }

  /** The feed's record is told until when a hub pushes, for the schedule. */
  async #tell(state: FeedSubscription, session: StoreSession): Promise<FeedSubscription> {
    const until = pushedUntil(state);
    if (state.told === until) return state;
    const { random } = this.#options;
    for (let attempt = 0; attempt < RECORD_ATTEMPTS_MAX; attempt += 1) {
      const live: Live<FeedRecord> | undefined = await session.feed(state.feed);
      const content = live && withPushes(live.content, until, this.#options.clock(), random);
      const outcome = content && (await session.writeFeed({ id: live.id, content, ifVer: live.ver }));
      if (outcome !== undefined && outcome.result !== 'written') continue;
      return (await changeNote(this.#control, state.feed, (there) => there && { ...there, told: until })) ?? state;
    }
    return state;
  }

  async #look(): Promise<void> {
    const found = new Set<string>();
    for await (const page of allNotes(this.#control)) {
      for (const { state } of page) {
        found.add(state.feed);
        this.touch(state);
      }
    }
    for (const feed of this.#known.keys()) if (!found.has(feed)) this.#known.delete(feed);
  }

  /** 130 bits in the path, 256 in the secret. */
  #fresh(feed: string): Pick<Subscription, 'token' | 'secret' | 'callback'> {
    const token = Array.from(randomBytes(26), (byte) => TOKEN_LETTERS[byte & 31]).join('');
    const callback = `${this.#options.publicUrl}${CALLBACK_PATH}${feed}.${token}`;
    return { token, callback, secret: randomBytes(32).toString('base64url') };
  }

  #chance(): Chance {
    const { clock, random } = this.#options;
    return { now: clock(), random };
  }
}

const TOKEN_LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';

/** Also after a clock was set back. */
function isTime(last: number | undefined, everyMs: number, now: number): boolean {
  return last === undefined || now - last >= everyMs || now < last;
}

function hubOf(step: Exclude<Step, { kind: 'forget' }>): string | null {
  if (step.kind === 'rest') return null;
  return step.kind === 'subscribe' ? step.subscription.hub : step.leaving.hub;
}

/** W3C WebSub section 5.1. */
function formOf(step: Extract<Step, { kind: 'subscribe' | 'unsubscribe' }>): URLSearchParams {
  const { callback, topic } = step.kind === 'subscribe' ? step.subscription : step.leaving;
  const form = new URLSearchParams({ 'hub.mode': step.kind, 'hub.topic': topic, 'hub.callback': callback });
  if (step.kind === 'subscribe') {
    form.set('hub.secret', step.subscription.secret);
    form.set('hub.lease_seconds', String(LEASE_MS_ASKED / 1_000));
  }
  return form;
}

function failureOf(result: PostResult, hub: string): CodedError | null {
  if (result.kind === 'failed') return result.error;
  if (result.status >= 200 && result.status < 300) return null;
  return webSubError('WEBSUB_HUB_REFUSED', `${hub} answered ${result.status}`, { input: hub });
}
