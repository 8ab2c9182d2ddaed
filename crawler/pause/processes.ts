/** Which processes crawl for this site: each writes a note of its own now and then, and takes it away when it ends. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock, Control } from '../../store/contract.ts';

const PREFIX = 'crawlers/process/';
/** Between two signs of life; while a pause is awaited, more often. */
const BEAT_MS = 5_000;
const BEAT_PAUSING_MS = 500;
/** Without a sign for so long a process counts as gone, by the clock of whoever asks. */
export const SEEN_MS_MAX = 20_000;
/** And is forgotten after this. */
const FORGET_MS = 24 * 3_600_000;
const PROCESSES_MAX = 1_000;

export interface ProcessKind {
  /** `serve`, `crawl`. */
  readonly command: string;
  readonly version: string;
  /** The queue's URL without credentials. */
  readonly queue: string;
}

export interface ProcessState {
  /** `pausing`: nothing is claimed, something is in flight. */
  readonly state: 'crawling' | 'waiting' | 'pausing' | 'paused' | 'stopping';
  readonly inFlight: number;
  readonly waiting: number;
  /** Id of the pause that it has seen. */
  readonly pause: string | null;
  /** Of that pause: how many were in flight when it was seen, and how many of them were broken off and given back. */
  readonly inFlightThen: number;
  readonly givenBack: number;
}

export interface CrawlerProcess extends ProcessKind, ProcessState {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: number;
  /** By its own clock. */
  readonly seenAt: number;
}

export interface SeenProcess extends CrawlerProcess {
  /** Of its note: another one shows that it lives, whatever the clocks say. */
  readonly rev: number;
}

export async function listProcesses(control: Pick<Control, 'list'>): Promise<SeenProcess[]> {
  const notes = await control.list(PREFIX, { limit: PROCESSES_MAX });
  return notes.map(({ rev, value }) => ({ ...(value as CrawlerProcess), rev }));
}

/** Best effort: those that were killed long ago. */
export async function forgetProcesses(control: Control, now: number): Promise<void> {
  const old = (await listProcesses(control)).filter(({ seenAt }) => Math.abs(now - seenAt) > FORGET_MS);
  for (const { id } of old) await control.delete(PREFIX + id);
}

export interface HeartbeatOptions {
  readonly control: Control;
  readonly clock: Clock;
  readonly kind: ProcessKind;
  readonly state: () => ProcessState;
}

/** The signs of life of this process. Never throws: a store that does not answer has others to say so. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #id = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  readonly #startedAt: number;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #again = false;
  #isNoted = false;
  #stopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#startedAt = options.clock();
  }

  /** The first sign comes after so long: a process that ends sooner leaves no trace. */
  start(afterMs: number): void {
    this.#schedule(afterMs);
  }

  /** Something has changed that others wait for. */
  beat(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#beating ??= this.#beatAll();
  }

  /** The process ends in good order: its note goes. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#beating;
    if (this.#isNoted) await this.#options.control.delete(PREFIX + this.#id).catch(() => {});
  }

  async #beatAll(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        await this.#write();
      }
    } catch {
      // The next one comes all the same.
    } finally {
      this.#beating = undefined;
    }
    this.#schedule(this.#options.state().state === 'pausing' ? BEAT_PAUSING_MS : BEAT_MS);
  }

  async #write(): Promise<void> {
    const { control, clock, kind, state } = this.#options;
    const now = clock();
    const about = { id: this.#id, host: hostname(), pid: process.pid, startedAt: this.#startedAt, seenAt: now };
    const isFirst = !this.#isNoted;
    this.#isNoted = true;
    await control.put(PREFIX + this.#id, { ...about, ...kind, ...state() } satisfies CrawlerProcess, undefined, 'lazy');
    if (isFirst) await forgetProcesses(control, now);
  }

  #schedule(ms: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.beat(), ms);
    this.#timer.unref();
  }
}
