/**
 * The feeds of each host in Redis, and the host's budget: what BullMQ has no notion of. Every step is one script, so that
 * it happens whole or not at all, by the server's clock. docs/queue.md tells the keys.
 */
import type { Redis } from 'ioredis';
import type { Drained, Job, QueueCounts } from './contract.ts';
import { ADD, CLEAR, DRAIN, END, GO_ON, GREET, HOLD, LOOK, PAUSE, RESUME, TAKE } from './host-scripts.ts';
import { ServerClock } from './server-clock.ts';

/** A lane of a host: its BullMQ job. As many lanes as the host may have requests in flight. */
export interface Lane {
  /** Of the BullMQ job: the encoded host and a number. */
  readonly id: string;
  readonly token: string;
}

export interface LineLimits {
  readonly connections: number;
  readonly gapMs: number;
  readonly jobsMax: number;
  /** How long a claim lasts that is not renewed. */
  readonly claimMs: number;
  /** After a server came up empty nothing is claimed for so long: others say first what they have in flight. */
  readonly settleMs: number;
}

/** A claim, as its holder knows it. */
export interface HeldLane extends Lane {
  /** Of the server's memory when the claim was made: another one now means that it was emptied since. */
  readonly since: string;
}

export type Taken =
  | {
      readonly kind: 'claimed';
      readonly job: Job;
      readonly more: boolean;
      readonly waiting: number;
      readonly since: string;
    }
  /** The host may be asked again in so many ms. */
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'empty' }
  | { readonly kind: 'paused'; readonly by: string }
  /** The lane belongs to somebody else by now. */
  | { readonly kind: 'lost' };

export type Ended =
  | { readonly kind: 'next'; readonly left: number; readonly gapMs: number; readonly urgent: boolean }
  | { readonly kind: 'lost' };

export interface Added {
  /** -1: they don't fit. */
  readonly added: number;
  readonly waiting: number;
  /** Lanes that must be made. */
  readonly missing: readonly string[];
  /** Lanes that must go first. */
  readonly urgent: readonly string[];
}

/** A look at why nothing can be claimed. */
export interface Look {
  readonly waiting: number;
  readonly claimed: number;
  /** Under which id the queue is paused; null: it is not. */
  readonly pausedBy: string | null;
  /** Until one of the hosts looked at is free; null: not before a claim ends. */
  readonly ms: number | null;
  readonly missing: readonly string[];
  /** Lanes that wait although their host is free: somebody's clock is wrong. */
  readonly late: readonly string[];
}

/** Feeds of one script; Redis does nothing else meanwhile. */
export const ADD_JOBS_MAX = 1_000;

/** Scores of urgent feeds are below zero, and still in the order of their due times. */
const URGENT_SCORE = 1e14;

type LookReply = [number, number, number, string[], string[], number, string?];

export class HostLines {
  readonly clock = new ServerClock();
  readonly #client: Redis;
  readonly #keys: readonly [string, string];
  readonly #delayedKey: string;
  readonly #limits: LineLimits;

  /** `base`: what our keys begin with; `lanes`: what BullMQ's keys of single jobs begin with. */
  constructor(client: Redis, keys: { base: string; lanes: string; delayed: string }, limits: LineLimits) {
    this.#client = client;
    this.#keys = [keys.base, keys.lanes];
    this.#delayedKey = keys.delayed;
    this.#limits = limits;
  }

  /** At most ADD_JOBS_MAX of them. `more`: so many others follow and must fit too. */
  async add(jobs: readonly Job[], hostOf: (job: Job) => string, more: number): Promise<Added> {
    const { jobsMax, connections } = this.#limits;
    const args = jobs.flatMap((job) => {
      const score = job.urgent ? job.nextAt - URGENT_SCORE : Math.max(0, job.nextAt);
      return [job.feed, encodeHost(hostOf(job)), score, job.urgent ? 1 : 0, JSON.stringify(job)];
    });
    const reply = await ADD.run(this.#client, this.#keys, [jobsMax, connections, more, ...args]);
    const [added, waiting, missing, urgent] = reply as [number, number, string[], string[]];
    return { added, waiting, missing, urgent };
  }

  /** The first feed of the lane's host, if the host may be asked now. Takes over what a dead holder of the lane had. */
  async take({ id, token }: Lane): Promise<Taken> {
    const { gapMs, claimMs, settleMs, connections } = this.#limits;
    const args = [id, hostOfLane(id), token, gapMs, claimMs, settleMs, connections];
    const askedAt = performance.now();
    const [kind, ...rest] = (await TAKE.run(this.#client, this.#keys, args)) as [Taken['kind'], ...unknown[]];
    if (kind === 'wait') return { kind, ms: Number(rest[0]) };
    if (kind === 'paused') return { kind, by: String(rest[0]) };
    if (kind !== 'claimed') return { kind };
    const [json, urgent, left, waiting, since, serverMs] = rest as [string, number, number, number, string, number];
    this.clock.note(askedAt, serverMs);
    const job = JSON.parse(json) as Job;
    return { kind, job: { ...job, urgent: urgent === 1 }, more: left > 0, waiting, since };
  }

  /** Leaves where the lane's request was; 0: it is at this host now; else in how many ms to ask again. */
  async goOn({ id, token }: Lane, host: string): Promise<number> {
    const { connections, gapMs } = this.#limits;
    const reply = await GO_ON.run(this.#client, this.#keys, [id, token, encodeHost(host), connections, gapMs]);
    return (reply as [number])[0];
  }

  async end({ id, token }: Lane, feed: string, back: boolean): Promise<Ended> {
    const args = [id, hostOfLane(id), token, this.#limits.gapMs, feed, back ? 1 : 0];
    const [kind, ...rest] = (await END.run(this.#client, this.#keys, args)) as [Ended['kind'], ...number[]];
    if (kind === 'lost') return { kind };
    const [left = 0, gapMs = 0, urgent = 0] = rest;
    return { kind, left, gapMs, urgent: urgent === 1 };
  }

  /** At the host of `lane`, or at some hosts where feeds wait. */
  async look(lane?: string): Promise<Look> {
    const { connections, gapMs, claimMs, settleMs } = this.#limits;
    const host = lane === undefined ? '' : hostOfLane(lane);
    const args = [this.#delayedKey, connections, gapMs, host, claimMs, settleMs];
    const askedAt = performance.now();
    const reply = await LOOK.run(this.#client, this.#keys, args);
    const [waiting, claimed, ms, missing, late, serverMs, by] = reply as LookReply;
    this.clock.note(askedAt, serverMs);
    return { waiting, claimed, ms: ms < 0 ? null : ms, missing, late, pausedBy: by ?? null };
  }

  /** Nothing is taken from now on. */
  async pause(id: string): Promise<void> {
    await PAUSE.run(this.#client, this.#keys, [id]);
  }

  async resume(id: string): Promise<boolean> {
    const [resumed] = (await RESUME.run(this.#client, this.#keys, [id])) as [number];
    return resumed === 1;
  }

  /** Pauses, and takes back what was claimed by those who do not renew it. */
  async drain(id: string): Promise<QueueCounts & Pick<Drained, 'pausedBy' | 'reclaimed'>> {
    const reply = await DRAIN.run(this.#client, this.#keys, [id, this.#limits.claimMs]);
    const [waiting, claimed, pausedBy, reclaimed] = reply as [number, number, string, number];
    return { waiting, claimed, pausedBy, reclaimed };
  }

  /** To be said at every connection, before all else. `run`: of the server, which begins another with each start. */
  async greet(run: string): Promise<void> {
    await GREET.run(this.#client, this.#keys, [run]);
  }

  /** Of claims whose locks are gone, the lanes that only a server without memory has lost: nobody else gets them. */
  async hold(claims: readonly HeldLane[]): Promise<string[]> {
    const args = claims.flatMap(({ id, token, since }) => [id, token, since]);
    return (await HOLD.run(this.#client, this.#keys, [this.#limits.claimMs, ...args])) as string[];
  }

  async clear(): Promise<number> {
    for (let cleared = 0; ; ) {
      const [now, left] = (await CLEAR.run(this.#client, this.#keys, [])) as [number, number];
      cleared += now;
      if (left === 0) return cleared;
    }
  }
}

/** BullMQ keeps the colon for itself, and this module the slash and the line end. */
function encodeHost(host: string): string {
  return encodeURIComponent(host);
}

function hostOfLane(id: string): string {
  return id.slice(0, id.lastIndexOf('/'));
}

/** The host as `hostOf` gives it. */
export function laneHost(id: string): string {
  return decodeURIComponent(hostOfLane(id));
}
