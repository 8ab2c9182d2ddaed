/**
 * Where a reader's articles are read: at the primary, or at a replica that is fresh enough for this reader. A replica is
 * asked only
 * - within the staleness bound: it has all that the primary had at some moment not longer ago than that,
 * - where it has all that this reader brought in (`reader-token.ts`),
 * - and where it has all that another replica has shown this reader before.
 * Choosing costs no I/O (`read-looks.ts`). Where the primary does not answer, reading goes on at the freshest replica.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ArticlesDatabase } from '../store/contract.ts';
import { CodedError } from '../store/errors.ts';
import type { SiteMetrics } from './metrics.ts';
import { covers, meet, type Positions } from './positions.ts';
import { type Known, type LookOptions, ReadLooks, type ReplicaState } from './read-looks.ts';
import type { ReaderToken } from './reader-token.ts';

/** Stores tried for one read. */
const TRIES_MAX = 3;

export interface ReadSpreadOptions extends LookOptions {
  readonly metrics: SiteMetrics;
}

/** Where to read now. */
export interface Source {
  readonly articles: ArticlesDatabase;
  /** Null: the primary. */
  readonly replica: string | null;
  /** What the primary had at this moment is there, ms since 1970. */
  readonly asOf: number;
}

/** For the status page. */
export interface ReadStatus {
  readonly primary: 'answers' | 'not answering';
  /** A sentence for people. */
  readonly why: string;
  readonly stalenessMs: number;
  readonly primaryReads: number;
  readonly replicas: readonly {
    readonly url: string;
    readonly state: ReplicaState;
    /** Null: not known. */
    readonly upToDateAt: number | null;
    readonly reads: number;
  }[];
}

/** What one request has read at so far. */
interface Request {
  source: Source | undefined;
  /** Of what it has read; 0: nothing yet. */
  asOf: number;
}

export class ReadSpread implements Disposable {
  readonly #options: ReadSpreadOptions;
  readonly #looks: ReadLooks;
  readonly #requests = new AsyncLocalStorage<Request>();
  readonly #reads = new Map<string | null, number>();
  #turn = 0;

  constructor(options: ReadSpreadOptions) {
    this.#options = options;
    this.#looks = new ReadLooks(options);
  }

  get hasReplicas(): boolean {
    return this.#looks.replicas.length > 0;
  }

  /** False: pages are made from a replica, and nothing can be written. */
  get primaryAnswers(): boolean {
    return this.#looks.primaryAnswers;
  }

  get stalenessMsMax(): number {
    return this.#options.stalenessMsMax;
  }

  /** Keeps looking at the stores until it is closed. */
  start(): Promise<void> {
    return this.#looks.start();
  }

  look(): Promise<void> {
    return this.#looks.look();
  }

  /** How far the primary's change feed is settled now. */
  async primaryPositions(): Promise<Positions> {
    const slots = await this.orDown(this.#options.primary.changes.slots());
    return Object.fromEntries(slots.map(({ slot, stable }) => [slot, stable]));
  }

  /** Where this reader reads now. No I/O. Throws STORE_* where that store cannot be reached at all. */
  choose(token: ReaderToken): Source {
    const { clock, primary } = this.#options;
    const now = clock();
    const fresh = this.#looks.replicas.filter((known) => this.#mayRead(known, token, now));
    this.#turn += 1;
    const inTurn = fresh[this.#turn % Math.max(1, fresh.length)];
    const chosen = inTurn ?? (this.primaryAnswers ? undefined : this.#looks.freshest());
    if (chosen === undefined) return { articles: primary, replica: null, asOf: now };
    const { replica, asOf } = chosen;
    return { articles: replica.articles(), replica: replica.url, asOf: asOf ?? 0 };
  }

  /** All reads within go to one store, as long as that answers: a bound and the list it is about must agree. */
  asOne<T>(request: () => Promise<T>): Promise<T> {
    return this.hasReplicas ? this.#requests.run({ source: undefined, asOf: 0 }, request) : request();
  }

  /** Reads at one store, and at another where that does not answer. Throws what the last one says. */
  async read<T>(token: ReaderToken, use: (source: Source) => Promise<T>): Promise<T> {
    const request = this.#requests.getStore();
    for (let attempt = 1; ; attempt += 1) {
      const source = request?.source ?? this.choose(token);
      try {
        const result = await (source.replica === null ? this.orDown(use(source)) : use(source));
        this.#count(source);
        if (source.replica !== null) token.shown(source.replica, this.#options.clock());
        if (request !== undefined) Object.assign(request, { source, asOf: source.asOf });
        return result;
      } catch (error) {
        if (!isStoreTrouble(error) || !this.hasReplicas || attempt === TRIES_MAX) throw error;
        this.#options.metrics.readFailovers += 1;
        this.#looks.failed(source.replica);
        if (request === undefined) continue;
        request.source = undefined;
        // Half a page of one store and half of an older state would not agree; the next try gets one of a piece.
        if (this.choose(token).asOf < request.asOf) throw error;
      }
    }
  }

  /** The result of a call to the primary, unless that is found not to answer meanwhile: then STORE_UNREACHABLE. */
  async orDown<T>(call: Promise<T>): Promise<T> {
    if (!this.hasReplicas) return call;
    const { promise: down, reject } = Promise.withResolvers<never>();
    const takeBack = this.#looks.onPrimaryDown(() => reject(notAnswering()));
    try {
      return await Promise.race([down, call]);
    } finally {
      takeBack();
    }
  }

  /** Whether pages can be made although the primary has failed like this. */
  canGoOnAfter(error: unknown): boolean {
    if (!isStoreTrouble(error) || this.#looks.freshest() === undefined) return false;
    this.#looks.failed(null);
    return true;
  }

  /** For the reader: why a page is not up to date; null: it is. */
  notice(): string | null {
    const freshest = this.primaryAnswers ? undefined : this.#looks.freshest();
    if (freshest === undefined) return null;
    const seconds = Math.max(0, Math.round((this.#options.clock() - (freshest.asOf ?? 0)) / 1000));
    return `The main store does not answer. You read from a copy, as of ${seconds} s ago; nothing can be marked or starred just now.`;
  }

  status(): ReadStatus {
    const replicas = this.#looks.replicas.map((known) => {
      const { url } = known.replica;
      const reads = this.#reads.get(url) ?? 0;
      return { url, state: this.#looks.stateOf(known), upToDateAt: known.asOf, reads };
    });
    const primary = this.primaryAnswers ? 'answers' : 'not answering';
    const why = this.#why(replicas.some(({ state }) => state === 'read'));
    return { primary, why, stalenessMs: this.stalenessMsMax, primaryReads: this.#reads.get(null) ?? 0, replicas };
  }

  [Symbol.dispose](): void {
    this.#looks[Symbol.dispose]();
  }

  #why(isAnyRead: boolean): string {
    if (!this.primaryAnswers) return 'the primary does not answer: articles are read from the freshest replica';
    if (!isAnyRead) return 'no replica is within the bound: articles are read from the primary';
    return 'articles are read from the replicas in turn, and from the primary where a reader brought in what these lack';
  }

  #mayRead(known: Known, token: ReaderToken, now: number): boolean {
    const { positions, asOf } = known;
    if (this.#looks.stateOf(known) !== 'read' || positions === null || asOf === null) return false;
    const { latest } = this.#looks;
    // What a later look did not find was made up, or belongs to a primary that was put back to an older state.
    const isChecked = latest !== undefined && latest.at > token.raisedAt;
    const needed = isChecked ? meet(token.positions, latest.positions) : token.positions;
    return token.maySee(known.replica.url, asOf, now) && covers(positions, needed);
  }

  #count({ replica }: Source): void {
    this.#options.metrics.reads[replica === null ? 'primary' : 'replica'] += 1;
    this.#reads.set(replica, (this.#reads.get(replica) ?? 0) + 1);
  }
}

function isStoreTrouble(error: unknown): boolean {
  return error instanceof CodedError && error.code.startsWith('STORE_');
}

function notAnswering(): CodedError {
  const advice = 'Reading goes on from a copy; what cannot be saved now can be in a while.';
  return new CodedError('STORE_UNREACHABLE', 'The main store does not answer.', { advice, retryable: true });
}
