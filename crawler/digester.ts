/**
 * Where bodies are digested: in a thread beside this one, so that parsing and sanitizing hold up neither the store nor
 * readers' pages, and so that a body that takes for ever can be given up; or here, where there is but one core.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Article } from '../store/documents.ts';
import { CodedError } from '../store/errors.ts';
import type { Serialized } from '../store/serialized.ts';
import { type PackedArticles, unpackArticles } from './article-bytes.ts';
import { BodiesInFlight } from './bodies-in-flight.ts';
import type { DigestedFeed, DigestInput, Wanted } from './digest.ts';
import type { Answer, FromThread, ThreadError, ToThread } from './digest-thread.ts';
import { crawlerError } from './errors.ts';

export interface Digester extends AsyncDisposable {
  /** Throws CodedError PARSE_*, CRAWL_BODY_SLOW and CRAWL_INTERNAL. */
  digest(input: DigestInput): Promise<OpenDigest>;
}

/** Serialized in the thread. */
export type ArticleContent = Article | Serialized<Article>;

/** Held open until `release`. */
export interface OpenDigest {
  readonly digested: DigestedFeed;
  /**
   * In the order of the wanted; to be written before the next call and the release. `isLast`: these are all, as far as one
   * knows, so that the next body takes the place of this one; should it be asked once more, it is read again. Throws as
   * `digest` does, and BATCH_INVALID.
   */
  articles(wanted: readonly Wanted[], isLast?: boolean): Promise<ArticleContent[]>;
  release(): void;
}

/** In the thread, until the release. */
interface HeldDigest {
  readonly digested: DigestedFeed;
  articles(wanted: readonly Wanted[]): Promise<PackedArticles>;
  /** To be called once. */
  release(): void;
}

/** For one step of one body. The largest that are let in take a second. */
export const DIGEST_MS_MAX = 30_000;

/** For the thread to load its code. */
const START_MS_MAX = 30_000;

/** MB of the thread's heap: the young part small, for nearly all it makes is garbage at once. */
const THREAD_HEAP = { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: 512 };

export interface DigesterOptions {
  /** Default: where there is more than one core. */
  readonly threads?: boolean;
  /** Default DIGEST_MS_MAX. */
  readonly msMax?: number;
  /** What the thread runs, for tests that need it to misbehave. Default: `digest-thread.ts` beside this file. */
  readonly thread?: URL;
}

export function openDigester(options: DigesterOptions = {}): Digester {
  const threads = options.threads ?? availableParallelism() > 1;
  if (!threads) return new InlineDigester();
  // Compiled or not.
  const thread = options.thread ?? new URL(import.meta.url.replace(/digester\.([jt]s)$/, 'digest-thread.$1'));
  return new ThreadDigester(thread, options.msMax ?? DIGEST_MS_MAX);
}

/** The code is loaded when the first body comes: a crawl that meets only 304s does without. */
class InlineDigester implements Digester {
  async digest(input: DigestInput): Promise<OpenDigest> {
    const { digestFeed } = await import('./digest.ts');
    const digestion = digestFeed(input);
    return {
      digested: digestion.digested,
      articles: async (wanted) => digestion.articles(wanted),
      release: () => {},
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface Asked {
  readonly message: ToThread;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One thread, started at the first body. It answers in the order it is asked, so the first that is not answered is the one
 * it is busy with: if that takes too long, the thread is ended, that body fails, and the others are asked again in
 * a new thread.
 */
class ThreadDigester implements Digester {
  readonly #thread: URL;
  readonly #msMax: number;
  readonly #bodies = new BodiesInFlight();
  #worker: Worker | undefined;
  #ready = false;
  #asked: Asked[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lastJob = 0;
  #closed = false;

  constructor(thread: URL, msMax: number) {
    this.#thread = thread;
    this.#msMax = msMax;
  }

  /** Waits for room in the thread. */
  async digest(input: DigestInput): Promise<OpenDigest> {
    let held: HeldDigest | undefined = await this.#place(input);
    /** What came last. */
    let memory: ArrayBuffer | undefined;
    return {
      digested: held.digested,
      articles: async (wanted, isLast = false) => {
        held ??= await this.#place(input);
        const packed = await held.articles(wanted);
        giveBack(memory);
        memory = packed.memory;
        if (isLast) {
          held.release();
          held = undefined;
        }
        return unpackArticles(packed);
      },
      release: () => {
        giveBack(memory);
        held?.release();
        held = undefined;
      },
    };
  }

  /** The body stays in its place until the release, for the case that the thread ends. */
  async #place(input: DigestInput): Promise<HeldDigest> {
    const placed = await this.#bodies.place(input.body, input.packed?.byteLength);
    try {
      const digest = await this.#ofPlaced({ ...input, body: placed.bytes });
      const release = () => {
        digest.release();
        placed.release();
      };
      return { ...digest, release };
    } catch (error) {
      placed.release();
      throw error;
    }
  }

  async #ofPlaced(input: DigestInput): Promise<HeldDigest> {
    if (this.#closed) throw stopping();
    this.#lastJob += 1;
    const job = this.#lastJob;
    const answer = await this.#ask({ kind: 'digest', job, input });
    if (answer.kind !== 'digested') throw unexpected(answer.kind);
    const worker = this.#worker;
    return {
      digested: answer.digested,
      articles: async (wanted) => {
        try {
          if (this.#worker !== worker) throw new ThreadLost();
          const more = await this.#ask({ kind: 'articles', job, wanted });
          if (more.kind !== 'articles') throw unexpected(more.kind);
          return more.packed;
        } catch (error) {
          if (error instanceof ThreadLost) return this.#again(input, wanted);
          throw error;
        }
      },
      release: () => {
        if (this.#worker === worker) worker?.postMessage({ kind: 'release', job } satisfies ToThread);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    for (const { reject } of this.#asked.splice(0)) reject(stopping());
    await worker?.terminate();
  }

  /** The thread that held a body is gone: from the start, in the new one. */
  async #again(input: DigestInput, wanted: readonly Wanted[]): Promise<PackedArticles> {
    const digest = await this.#ofPlaced(input);
    try {
      return await digest.articles(wanted);
    } finally {
      digest.release();
    }
  }

  #ask(message: ToThread): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ message, resolve, reject });
      this.#post(message);
      if (this.#asked.length === 1) this.#watch();
    });
  }

  #post(message: ToThread): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const worker = new Worker(this.#thread, { execArgv: [], resourceLimits: THREAD_HEAP });
    worker.unref();
    this.#ready = false;
    worker.on('message', (message: FromThread) => {
      if (this.#worker === worker) this.#heard(message);
    });
    worker.on('error', (error) => this.#lost(worker, threadFault(error)));
    worker.on('exit', () => this.#lost(worker, threadFault(new Error('The thread ended'))));
    return worker;
  }

  #heard(message: FromThread): void {
    this.#ready = true;
    const asked = message.kind === 'ready' ? undefined : this.#asked.shift();
    this.#watch();
    if (message.kind === 'ready') return;
    if (message.kind === 'failed') asked?.reject(asCoded(message.error));
    else asked?.resolve(message);
  }

  /** Gives the first of those that wait its time; the timer also keeps the process alive until all have an answer. */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#asked.length === 0) return;
    const ms = this.#ready ? this.#msMax : START_MS_MAX;
    this.#timer = setTimeout(() => {
      const worker = this.#worker;
      if (worker === undefined) return;
      this.#lost(worker, crawlerError('CRAWL_BODY_SLOW', `The feed was not read within ${ms / 1_000} s`));
      void worker.terminate();
    }, ms);
  }

  /** The first that waits was the one the thread broke on. The others begin again. */
  #lost(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    clearTimeout(this.#timer);
    const [broken, ...others] = this.#asked.splice(0);
    broken?.reject(error);
    for (const asked of others) {
      if (asked.message.kind === 'digest') {
        this.#asked.push(asked);
        this.#post(asked.message);
      } else {
        asked.reject(new ThreadLost());
      }
    }
    this.#watch();
  }
}

/** Now, not when the collector comes by: until then it would be as much as the heaps. */
function giveBack(memory: ArrayBuffer | undefined): void {
  memory?.transfer(0);
}

/** What the thread held is gone with it. */
class ThreadLost extends Error {}

function asCoded({ code, message, input, advice, retryable }: ThreadError): Error {
  if (code === null) return crawlerError('CRAWL_INTERNAL', message);
  return new CodedError(code, message, { input, advice, retryable });
}

function threadFault(cause: Error): Error {
  return crawlerError('CRAWL_INTERNAL', `The thread that reads feeds ended: ${cause.message}`, { cause });
}

function stopping(): Error {
  return crawlerError('CRAWL_STOPPED', 'The crawler is stopping');
}

function unexpected(kind: string): Error {
  return crawlerError('CRAWL_INTERNAL', `The thread that reads feeds answered ${kind}`);
}
