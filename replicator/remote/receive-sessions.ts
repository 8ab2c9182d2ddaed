import { randomUUID } from 'node:crypto';
import { replicatorError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Hello, Push, Pushed, Target, TargetSession } from '../target.ts';
import type { ReceiverLog } from './receive.ts';
import type { ReceiverLimits } from './receive-limits.ts';

/** Idle sessions are looked for so many times within the longest idle time. */
const SWEEPS = 4;

export interface SessionStatus {
  readonly source: string;
  readonly direction: Hello['direction'];
  readonly databases: readonly string[];
  readonly sinceMs: number;
  readonly idleMs: number;
  readonly pushes: number;
  readonly written: number;
  readonly stale: number;
  readonly conflicts: number;
}

interface Held {
  readonly session: TargetSession;
  readonly hello: Hello;
  readonly since: number;
  usedAt: number;
  active: number;
  pushes: number;
  written: number;
  stale: number;
  conflicts: number;
}

/** The senders that are connected. */
export class Sessions {
  readonly #target: Target;
  readonly #limits: ReceiverLimits;
  readonly #runtime: Runtime;
  readonly #log: ReceiverLog | undefined;
  readonly #held = new Map<string, Held>();
  readonly #ending = new Set<Promise<void>>();
  #connecting = 0;

  constructor(target: Target, limits: ReceiverLimits, runtime: Runtime, log: ReceiverLog | undefined) {
    this.#target = target;
    this.#limits = limits;
    this.#runtime = runtime;
    this.#log = log;
  }

  /** Throws RECEIVER_BUSY, and what the store refuses with. */
  async connect(hello: Hello): Promise<{ id: string; session: TargetSession }> {
    if (this.#held.size + this.#connecting >= this.#limits.sessionsMax) {
      const message = `There are ${this.#limits.sessionsMax} senders connected already.`;
      throw replicatorError('RECEIVER_BUSY', message, { retryable: true });
    }
    this.#connecting += 1;
    try {
      const session = await this.#target.connect(hello);
      this.#replace(hello);
      const id = randomUUID();
      const now = this.#runtime.elapsed();
      const none = { active: 0, pushes: 0, written: 0, stale: 0, conflicts: 0 };
      this.#held.set(id, { session, hello, since: now, usedAt: now, ...none });
      this.#log?.info({ source: hello.site, databases: hello.databases.join(',') }, 'A sender connected');
      return { id, session };
    } finally {
      this.#connecting -= 1;
    }
  }

  /** Throws RECEIVER_SESSION_UNKNOWN, and what the store fails with. */
  async push(id: string, push: Push): Promise<Pushed> {
    const held = this.find(id);
    held.active += 1;
    try {
      const pushed = await held.session.push(push);
      held.pushes += 1;
      held.written += pushed.written;
      held.stale += pushed.stale;
      held.conflicts += pushed.conflicts;
      return pushed;
    } finally {
      held.active -= 1;
      held.usedAt = this.#runtime.elapsed();
    }
  }

  /** Keeps it from ending. Throws RECEIVER_SESSION_UNKNOWN. */
  find(id: string): Held {
    const held = this.#held.get(id);
    if (held === undefined) {
      throw replicatorError('RECEIVER_SESSION_UNKNOWN', 'The receiver does not know this session (any more).', {
        retryable: true,
      });
    }
    held.usedAt = this.#runtime.elapsed();
    return held;
  }

  async close(id: string): Promise<void> {
    await this.#end(id, 'it said so');
  }

  async closeAll(): Promise<void> {
    for (const id of [...this.#held.keys()]) void this.#end(id, 'the receiver is being stopped');
    await Promise.all(this.#ending);
  }

  /** Ends idle sessions until the signal aborts. */
  async sweep(signal: AbortSignal): Promise<void> {
    const { idleMsMax } = this.#limits;
    while (!signal.aborted) {
      const now = this.#runtime.elapsed();
      for (const [id, { active, usedAt }] of this.#held) {
        if (active === 0 && now - usedAt > idleMsMax) void this.#end(id, `nothing came for ${idleMsMax / 1000} s`);
      }
      await this.#runtime.sleep(idleMsMax / SWEEPS, signal);
    }
  }

  status(): SessionStatus[] {
    const now = this.#runtime.elapsed();
    return [...this.#held.values()].map(({ hello, since, usedAt, active, pushes, written, stale, conflicts }) => ({
      ...{ source: hello.site, direction: hello.direction, databases: hello.databases },
      ...{ sinceMs: now - since, idleMs: active > 0 ? 0 : now - usedAt, pushes, written, stale, conflicts },
    }));
  }

  /** A sender that connects anew has given its last session up; what it still holds is not waited for. */
  #replace({ session, site }: Hello): void {
    for (const [id, { hello }] of this.#held) {
      if (hello.session === session && hello.site === site) void this.#end(id, 'the sender connected anew');
    }
  }

  #end(id: string, why: string): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) return Promise.resolve();
    this.#held.delete(id);
    const { hello, written, session } = held;
    this.#log?.info({ source: hello.site, written, why }, 'A sender is gone');
    const ending = session
      .close()
      .catch((error: unknown) => this.#log?.warn({ err: error }, 'A session did not end in good order'))
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
    return ending;
  }
}
