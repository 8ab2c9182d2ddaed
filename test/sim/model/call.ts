import { storeError } from '../../../store/errors.ts';
import { type Process, textOf, type Words } from '../process.ts';
import type { ModelDisk } from './disk.ts';

/** What may happen to one call of a store's server and to its answer. */
export interface Fate {
  /** Until it arrives. */
  readonly ms: number;
  /** From there until the answer is back. */
  readonly backMs: number;
  /** Who called is told that the server is silent; `late`: and the call arrives nevertheless, then. */
  readonly lost: 'no' | 'call' | 'answer' | { readonly late: number };
}

/** How one process reaches one store. */
export type Line = (proc: Process) => Fate;

/** A call that changes or reads the store in one step. */
export class Caller {
  readonly disk: ModelDisk;
  readonly proc: Process;
  readonly #line: Line;
  isClosed = false;
  readonly #incarnation: number;

  constructor(disk: ModelDisk, proc: Process, line: Line) {
    this.disk = disk;
    this.proc = proc;
    this.#line = line;
    this.#incarnation = disk.incarnation;
  }

  /**
   * An embedded store works while its process runs. A server works by itself: what was sent arrives although the sender
   * has crashed or sleeps, and the answer may be lost (STORE_UNREACHABLE). `mayComeLate`: doing it after the caller was
   * told that it failed is harmless, or is what the call itself has to be safe against.
   */
  call<T>(what: Words, run: () => T, mayComeLate = false): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.isClosed) reject(storeError('STORE_CLOSED', 'The store was closed.'));
    else if (this.disk.incarnation !== this.#incarnation) reject(storeError('STORE_GONE', 'The store was replaced.'));
    else if (this.disk.engine === 'sqlite') this.#embedded(what, run, resolve, reject);
    else this.#served(what, run, mayComeLate, resolve, reject);
    return promise;
  }

  #embedded<T>(what: Words, run: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): void {
    const { proc } = this;
    proc.world.after(this.#line(proc).ms, () => {
      proc.deliver(() => {
        if (!proc.begins(what)) return;
        try {
          const value = run();
          proc.ends(what);
          if (!proc.isDead) resolve(value);
        } catch (error) {
          proc.ends(what);
          if (!proc.isDead) reject(error);
        }
      });
    });
  }

  #comeLate(what: Words, ms: number, run: () => unknown): void {
    this.proc.world.after(ms, () => {
      if (this.disk.incarnation !== this.#incarnation || this.proc.isOutlived) return;
      this.proc.trace.add(this.proc.name, () => `late: ${textOf(what)}`);
      attempt(run);
    });
  }

  #served<T>(
    what: Words,
    run: () => T,
    mayComeLate: boolean,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): void {
    const { proc } = this;
    if (!proc.begins(what)) return;
    const { ms, backMs, lost } = this.#line(proc);
    const answer = (tell: () => void): void => {
      if (backMs === 0) proc.deliver(tell);
      else proc.world.after(backMs, () => proc.deliver(tell));
    };
    if (lost === 'call' || typeof lost === 'object') {
      proc.trace.add(proc.name, () => `${textOf(what)}: the call is ${lost === 'call' ? 'lost' : 'held up'}`);
      proc.world.after(ms, () => answer(() => reject(silent(what))));
      if (mayComeLate && typeof lost === 'object') this.#comeLate(what, ms + lost.late, run);
      return;
    }
    proc.world.after(ms, () => {
      // What was under way to a server that was restored meanwhile is gone with its connection.
      if (this.disk.incarnation !== this.#incarnation) return answer(() => reject(silent(what)));
      const done = attempt(run);
      proc.ends(what);
      if (lost === 'answer') {
        proc.trace.add(proc.name, () => `${textOf(what)}: the answer is lost`);
        answer(() => reject(silent(what)));
      } else answer(() => ('error' in done ? reject(done.error) : resolve(done.value)));
    });
  }
}

function attempt<T>(run: () => T): { value: T } | { error: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

function silent(what: Words): Error {
  return storeError('STORE_UNREACHABLE', `The model's server did not answer: ${textOf(what)}.`, { retryable: true });
}
