import type { Comparable, Hello, Push, Pushed, SiteInfo, Target, TargetSession } from '../../replicator/target.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { CodedError } from '../../store/errors.ts';
import type { Random } from '../contract/random.ts';
import type { Fate } from './model/call.ts';
import { type Process, textOf, type Words } from './process.ts';
import type { World } from './world.ts';

/** Nothing that was lost or cut is known to be so earlier than this. */
const RESET_MS = 20;
const LATE_MS_MAX = 90_000;

/** What may happen to what passes between two places, in one direction. Each is a probability. */
export interface Trouble {
  readonly lost: number;
  readonly answerLost: number;
  readonly doubled: number;
  readonly late: number;
  /** Added to every way, at most; what is sent later may arrive first. */
  readonly slowMs: number;
}

const NO_TROUBLE: Trouble = { lost: 0, answerLost: 0, doubled: 0, late: 0, slowMs: 0 };

/** The way from one place to another, and back. */
export class Way {
  trouble: Trouble = NO_TROUBLE;
  isCut = false;
  readonly #random: Random;
  readonly #usualMs: number;

  constructor(random: Random, usualMs: number) {
    this.#random = random;
    this.#usualMs = usualMs;
  }

  heal(): void {
    this.trouble = NO_TROUBLE;
    this.isCut = false;
  }

  ms(): number {
    return this.#random.next() * (this.#usualMs + this.trouble.slowMs);
  }

  /** Of a message and its answer. */
  fate(): Fate {
    const { trouble } = this;
    const ms = this.ms();
    const backMs = trouble.slowMs > 0 ? this.ms() : 0;
    if (this.isCut) return { ms: RESET_MS, backMs: 0, lost: 'call' };
    if (trouble === NO_TROUBLE) return { ms, backMs, lost: 'no' };
    const at = this.#random.next();
    if (at < trouble.lost) return { ms: RESET_MS, backMs: 0, lost: 'call' };
    if (at < trouble.lost + trouble.answerLost) return { ms, backMs: RESET_MS, lost: 'answer' };
    if (at < trouble.lost + trouble.answerLost + trouble.late) {
      return { ms: RESET_MS, backMs: 0, lost: { late: this.#random.next() ** 3 * LATE_MS_MAX } };
    }
    return { ms, backMs, lost: 'no' };
  }

  isDoubled(): boolean {
    return this.trouble.doubled > 0 && this.#random.chance(this.trouble.doubled);
  }
}

/** A process at the destination that takes what senders bring. */
export interface Receiver {
  readonly proc: Process;
  readonly target: Target;
}

/**
 * The target as a sender at another site sees it: every call is a message to the receiver there, and its answer another.
 * Either may be lost, late or doubled; a receiver that crashes or is another one by now resets the connection.
 */
export class RemoteTarget implements Target {
  readonly url: string;
  readonly #world: World;
  readonly #proc: Process;
  readonly #way: Way;
  readonly #receiver: () => Receiver | undefined;

  constructor(url: string, proc: Process, way: Way, receiver: () => Receiver | undefined) {
    this.url = url;
    this.#world = proc.world;
    this.#proc = proc;
    this.#way = way;
    this.#receiver = receiver;
  }

  inspect(): Promise<SiteInfo> {
    return this.#ask('inspect', ({ target }) => target.inspect());
  }

  async connect(hello: Hello): Promise<TargetSession> {
    const { session, receiver } = await this.#ask('connect', async (at) => ({
      session: await at.target.connect(hello),
      receiver: at,
    }));
    const ask = <T>(what: Words, run: () => Promise<T>): Promise<T> =>
      this.#ask(what, (at) => (at === receiver ? run() : Promise.reject(reset(what))));
    const close = () => ask('close', () => session.close());
    return {
      info: session.info,
      checkpoints: session.checkpoints,
      push: (push: Push): Promise<Pushed> =>
        ask(
          () => textOfPush(push),
          () => session.push(push),
        ),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  compare(database: DatabaseName): Comparable {
    return {
      bucketSums: () => this.#ask('bucket sums', ({ target }) => target.compare(database).bucketSums()),
      digests: (query) => this.#ask('digests', ({ target }) => target.compare(database).digests(query)),
      versions: (ids) => this.#ask('compare', ({ target }) => target.compare(database).versions(ids)),
    };
  }

  async close(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #ask<T>(what: Words, run: (receiver: Receiver) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const proc = this.#proc;
    const way = this.#way;
    if (!proc.begins(what)) return promise;
    proc.ends(what);
    const fate = way.fate();
    const { lost } = fate;
    const fail = (ms: number): void => void this.#world.after(ms, () => proc.deliver(() => reject(reset(what))));
    if (lost === 'call') {
      proc.trace.add(proc.name, () => `${textOf(what)}: the message is lost`);
      fail(fate.ms);
      return promise;
    }
    if (typeof lost === 'object') {
      proc.trace.add(proc.name, () => `${textOf(what)}: the message is held up for ${Math.round(lost.late)} ms`);
      fail(fate.ms);
    }
    const arrives = (ms: number): void =>
      void this.#world.after(ms, () => {
        const receiver = this.#receiver();
        if (!receiver || receiver.proc.isDead) return fail(fate.backMs);
        let isAnswered = false;
        receiver.proc.onDeath(() => {
          if (!isAnswered) fail(RESET_MS);
        });
        const answer = (tell: () => void): void => {
          isAnswered = true;
          if (lost === 'answer' || way.isCut) {
            receiver.proc.trace.add(receiver.proc.name, () => `${textOf(what)}: the answer is lost`);
            fail(RESET_MS);
          } else this.#world.after(way.ms(), () => proc.deliver(tell));
        };
        receiver.proc.deliver(() => {
          if (proc.isOutlived) return;
          run(receiver).then(
            (value) => answer(() => resolve(value)),
            (error: unknown) => answer(() => reject(error)),
          );
        });
      });
    arrives(typeof lost === 'object' ? fate.ms + lost.late : fate.ms);
    if (way.isDoubled()) {
      proc.trace.add(proc.name, () => `${textOf(what)}: the message is doubled`);
      arrives(fate.ms + way.ms() * 20);
    }
    return promise;
  }
}

function textOfPush({ database, docs, checkpoint }: Push): string {
  const what = docs.map(({ id }) => id).join(', ') || 'a checkpoint';
  return `push of ${what} of ${database}${checkpoint ? ` with ${JSON.stringify(checkpoint.vector)}` : ''}`;
}

/** As `undici` says it, brought into a code: nobody knows whether it arrived. */
function reset(what: Words): Error {
  return new CodedError('STORE_UNREACHABLE', `The connection was reset: ${textOf(what)}.`, { retryable: true });
}
