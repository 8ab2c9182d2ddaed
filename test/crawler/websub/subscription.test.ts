/** Random lives of subscriptions: hubs of all moods, feeds that change their minds, processes that die and come late. */
import t from 'tap';
import {
  LEASE_MS_ASKED,
  LEASE_MS_MAX,
  LEAVING_MAX,
  RENEW_MS_MIN,
  RETRY_MS_MAX,
  VERIFY_MS_MAX,
} from '../../../crawler/websub/limits.ts';
import type { Offer } from '../../../crawler/websub/offer.ts';
import {
  dueAt,
  type FeedSubscription,
  newFeedSubscription,
  nextStep,
  pushedUntil,
  type Step,
} from '../../../crawler/websub/subscription.ts';
import * as events from '../../../crawler/websub/subscription-events.ts';
import { type Random, seededRandom, testSchedules, testSeed } from '../../contract/random.ts';

const SCHEDULES = testSchedules(300);
const STEPS = 200;
/** Of one moment: a step more would mean that there is always something to do. */
const STEPS_AT_ONCE_MAX = 12;

const OFFERS: readonly Offer[] = [
  { hubs: ['https://a.example/'], topic: 'https://t.example/1' },
  { hubs: ['https://a.example/', 'https://b.example/'], topic: 'https://t.example/1' },
  { hubs: ['https://b.example/', 'https://c.example/'], topic: 'https://t.example/2' },
];

/** What the hubs know, and what is true whatever happens. */
class World {
  readonly random: Random;
  now = 1_000_000_000_000;
  state: FeedSubscription | null = newFeedSubscription('feed', OFFERS[0] ?? { hubs: [], topic: '' }, 0);
  /** By token: when it was asked last, and whether it was ever verified. */
  readonly asked = new Map<string, { at: number; verified: boolean; topic: string; renewable: boolean }>();
  #tokens = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  get chance() {
    return { now: this.now, random: () => this.random.next() };
  }

  fresh = () => {
    this.#tokens += 1;
    return {
      token: `token-${this.#tokens}`,
      secret: 's',
      callback: `https://r.example/websub/feed.token-${this.#tokens}`,
    };
  };

  /** Does all that is due. */
  work(): void {
    for (let steps = 0; this.state !== null && dueAt(this.state) <= this.now; steps += 1) {
      if (steps > STEPS_AT_ONCE_MAX) throw new Error(`there is always something to do: ${JSON.stringify(this.state)}`);
      const step = nextStep(this.state, this.chance, this.fresh);
      if (step.kind === 'forget') {
        this.state = null;
        return;
      }
      this.state = step.state;
      if (step.kind === 'subscribe') this.#subscribe(step);
      if (step.kind === 'unsubscribe' && this.random.chance(0.5))
        this.ask('unsubscribe', step.leaving.token, step.leaving.topic);
      if (this.state !== null) this.state = { ...this.state, told: pushedUntil(this.state) };
    }
  }

  #subscribe({ subscription }: Extract<Step, { kind: 'subscribe' }>): void {
    const { token, topic } = subscription;
    const before = this.asked.get(token);
    if (before?.renewable === false && this.now - before.at < RENEW_MS_MIN) throw new Error('asked to renew too soon');
    this.asked.set(token, { at: this.now, verified: before?.verified ?? false, topic, renewable: false });
    const { random } = this;
    if (this.state === null) return;
    // The process dies, the hub fails, or it asks back now or never.
    if (random.chance(0.1)) return;
    if (random.chance(0.2)) {
      this.state = events.answered(this.state, token, { code: 'FETCH_RESET', message: '' }, this.chance);
    } else if (random.chance(0.7)) this.ask('subscribe', token, topic);
  }

  /** A hub asks; what it is told must be right. */
  ask(mode: string, token: string, topic: string): void {
    if (this.state === null) return;
    const leaseMs = this.random.pick([1_000, 60_000, 3_600_000, LEASE_MS_ASKED, 10 * LEASE_MS_MAX]);
    const next = events.verified(this.state, { mode, token, topic, leaseMs }, this.chance);
    const asked = this.asked.get(token);
    if (next === undefined) return;
    if (asked === undefined || asked.topic !== topic) throw new Error('said yes to what was never asked for');
    if (mode === 'subscribe' && this.now > asked.at + VERIFY_MS_MAX) throw new Error('said yes too late');
    if (mode === 'subscribe') asked.verified = true;
    this.state = next;
  }

  check(): void {
    const { state } = this;
    if (state === null) return;
    const { subscription, leaving, hubIndex, offer, retryAt } = state;
    const until = pushedUntil(state);
    if (until !== null && until > this.now + LEASE_MS_MAX) throw new Error('a lease without end');
    if (subscription?.since && !this.asked.get(subscription.token)?.verified) throw new Error('nobody verified this');
    if (leaving.length > LEAVING_MAX) throw new Error('too many are being left');
    if (offer !== null && hubIndex >= offer.hubs.length) throw new Error('there is no such hub');
    if (subscription === null && offer !== null && retryAt > this.now + RETRY_MS_MAX * 1.2)
      throw new Error('never tried again');
  }

  /** What was broken off may be asked again at once: the hub may never have heard of it. */
  breakOff(state: FeedSubscription, token: string): void {
    this.state = events.brokenOff(state, token, this.now);
    const asked = this.asked.get(token);
    if (asked !== undefined) this.asked.set(token, { ...asked, renewable: true });
  }

  happen(): void {
    const { random, state } = this;
    if (state === null) {
      this.state = newFeedSubscription('feed', random.pick(OFFERS), this.now);
      return;
    }
    const tokens = [...this.asked.keys()];
    const token = state.subscription?.token ?? 'none';
    const what = random.below(8);
    if (what === 0) this.state = events.offered(state, random.pick([...OFFERS, null]), this.chance);
    else if (what === 1)
      this.state = events.polled(state, random.below(2), this.now - random.below(10_000_000), this.chance);
    else if (what === 2) this.state = events.pushed(state, 1, this.now);
    else if (what === 3)
      this.state =
        events.denied(state, { token, topic: state.subscription?.topic ?? '', reason: '' }, this.chance) ?? state;
    else if (what === 4) this.state = events.left(state, this.now);
    else if (what === 5) this.breakOff(state, token);
    else if (tokens.length > 0)
      this.ask(random.pick(['subscribe', 'unsubscribe']), random.pick(tokens), random.pick(OFFERS).topic);
    if (random.chance(0.6)) this.now += random.pick([1_000, 60_000, 900_001, 3_600_000, 86_400_000, 40 * 86_400_000]);
  }
}

t.test(`random lives of subscriptions keep their promises (${SCHEDULES} of ${STEPS} steps)`, async (t) => {
  const first = testSeed();
  for (let seed = first; seed < first + SCHEDULES; seed += 1) {
    const world = new World(seed);
    try {
      for (let i = 0; i < STEPS; i += 1) {
        world.happen();
        world.check();
        world.work();
        world.check();
      }
    } catch (error) {
      t.fail(`FEEDFERRY_TEST_SEED=${seed}: ${(error as Error).message}`);
      return;
    }
  }
  t.pass(`seeds from ${first}`);
});

t.test(
  'from wherever it stands, a subscription comes to good with a good hub, and to nothing without an offer',
  async (t) => {
    const first = testSeed();
    for (let seed = first; seed < first + SCHEDULES; seed += 1) {
      const world = new World(seed);
      for (let i = 0; i < STEPS / 4; i += 1) {
        world.happen();
        world.work();
      }
      if (!comesToGood(world)) return void t.fail(`FEEDFERRY_TEST_SEED=${seed}: it never subscribes`);
      if (!comesToNothing(world)) return void t.fail(`FEEDFERRY_TEST_SEED=${seed}: it never ends`);
    }
    t.pass(`seeds from ${first}`);
  },
);

function comesToGood(world: World): boolean {
  let state = events.offered(
    world.state ?? newFeedSubscription('feed', { hubs: ['x'], topic: 'y' }, 0),
    OFFERS[1] ?? null,
    world.chance,
  );
  for (let hours = 0; hours < 24 * 40; hours += 1) {
    for (let steps = 0; dueAt(state) <= world.now && steps < STEPS_AT_ONCE_MAX; steps += 1) {
      const step = nextStep(state, world.chance, world.fresh);
      if (step.kind === 'forget') return false;
      state = step.state;
      if (step.kind === 'subscribe') {
        const { token, topic } = step.subscription;
        world.asked.set(token, { at: world.now, verified: true, topic, renewable: false });
        const asked = { mode: 'subscribe', token, topic, leaseMs: LEASE_MS_ASKED };
        state = events.verified(state, asked, world.chance) ?? state;
      }
      state = { ...state, told: pushedUntil(state) };
    }
    if ((pushedUntil(state) ?? 0) > world.now) {
      world.state = state;
      return true;
    }
    world.now += 3_600_000;
  }
  return false;
}

function comesToNothing(world: World): boolean {
  if (world.state === null) return true;
  world.state = events.offered(world.state, null, world.chance);
  for (let hours = 0; hours < 24; hours += 1) {
    world.work();
    if (world.state === null) return true;
    world.now += 3_600_000;
  }
  return false;
}
