/** What is known of the primary and of its replicas, from a look at all of them every few hundred ms. */
import type { ArticlesDatabase, Clock } from '../store/contract.ts';
import { covers, type Positions } from './positions.ts';
import { type Look, PrimaryHistory } from './primary-history.ts';

/** Between two looks. */
export const LOOK_MS = 300;
/** A store that has not answered a look within this time does not answer. */
const ANSWER_MS_MAX = 1_000;

/** A copy of the articles, as `cli` opens it. */
export interface ReadReplica {
  /** Without credentials. */
  readonly url: string;
  /** Throws STORE_* where it cannot be reached. */
  readonly articles: () => ArticlesDatabase;
  /** How far it has the primary's articles; null: it is no copy of this primary. */
  positions(): Promise<Positions | null>;
}

export interface LookOptions {
  readonly primary: ArticlesDatabase;
  readonly replicas: readonly ReadReplica[];
  readonly stalenessMsMax: number;
  readonly clock: Clock;
  /** Default `ANSWER_MS_MAX`. */
  readonly answerMsMax?: number;
}

export interface Known {
  readonly replica: ReadReplica;
  /** As of the last look that was answered. */
  positions: Positions | null;
  answers: boolean;
  /** It has all that the primary had at this moment, ms since 1970; null: not known. */
  asOf: number | null;
}

export type ReplicaState = 'read' | 'behind' | 'no copy' | 'not answering';

export class ReadLooks implements Disposable {
  readonly replicas: readonly Known[];
  readonly #options: LookOptions;
  readonly #history: PrimaryHistory;
  readonly #onPrimaryDown = new Set<() => void>();
  #isClosed = false;
  #primaryAnswers = true;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LookOptions) {
    this.#options = options;
    this.#history = new PrimaryHistory(options.stalenessMsMax);
    this.replicas = options.replicas.map((replica) => ({ replica, positions: null, answers: false, asOf: null }));
  }

  get primaryAnswers(): boolean {
    return this.#primaryAnswers;
  }

  get latest(): Look | undefined {
    return this.#history.latest;
  }

  /** Looks now, and every `LOOK_MS` until it is closed. Without replicas there is nothing to look at. */
  async start(): Promise<void> {
    if (this.replicas.length === 0 || this.#isClosed) return;
    await this.look();
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.start(), LOOK_MS);
    this.#timer.unref();
  }

  /** Calls that meet share one look. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  stateOf({ answers, positions, asOf }: Known): ReplicaState {
    if (!answers) return 'not answering';
    if (positions === null) return 'no copy';
    const oldest = this.#options.clock() - this.#options.stalenessMsMax;
    return asOf !== null && asOf >= oldest ? 'read' : 'behind';
  }

  /** Of those that answer, however old. */
  freshest(): Known | undefined {
    const able = this.replicas.filter(({ answers, asOf }) => answers && asOf !== null);
    return able.toSorted((a, b) => (b.asOf ?? 0) - (a.asOf ?? 0))[0];
  }

  /** What a read has found out between two looks; the next look decides anew. */
  failed(url: string | null): void {
    if (url === null) this.#primaryIs(false);
    for (const known of this.replicas) if (known.replica.url === url) known.answers = false;
  }

  /** Calls back when the primary is found not to answer; at once where that is known. Returns what takes it back. */
  onPrimaryDown(listener: () => void): () => void {
    if (!this.#primaryAnswers) listener();
    this.#onPrimaryDown.add(listener);
    return () => this.#onPrimaryDown.delete(listener);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const { clock, primary } = this.#options;
    const at = clock();
    const [here] = await Promise.all([
      this.#answer(() => primary.changes.slots()),
      ...this.replicas.map((known) => this.#lookAt(known)),
    ]);
    this.#primaryIs(here !== undefined);
    if (here !== undefined) {
      this.#history.add({ at, positions: Object.fromEntries(here.map(({ slot, stable }) => [slot, stable])) });
    }
    for (const known of this.replicas) {
      if (known.positions !== null) known.asOf = this.#history.asOf(known.positions) ?? known.asOf;
    }
  }

  async #lookAt(known: Known): Promise<void> {
    const positions = await this.#answer(() => known.replica.positions());
    known.answers = positions !== undefined;
    if (positions === undefined) return;
    // It was put back to an older state, or is filled anew.
    if (positions === null || !covers(positions, known.positions ?? {})) known.asOf = null;
    known.positions = positions;
  }

  /** Undefined: it failed, or took too long. */
  async #answer<T>(call: () => Promise<T>): Promise<T | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), this.#options.answerMsMax ?? ANSWER_MS_MAX);
    try {
      return await Promise.race([call().catch(() => undefined), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #primaryIs(answers: boolean): void {
    const wentDown = this.#primaryAnswers && !answers;
    this.#primaryAnswers = answers;
    if (wentDown) for (const listener of this.#onPrimaryDown) listener();
  }
}
