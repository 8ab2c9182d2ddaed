/** Pausing the crawlers of a site, with a proof. Can be killed anywhere and run again, by anybody. */
import { randomUUID } from 'node:crypto';
import type { Clock, Store } from '../../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../../store/documents.ts';
import { crawlerError } from '../errors.ts';
import type { Drained, Queue } from '../queue/contract.ts';
import { CRAWLER, changePause, type FencedWriter, type Pause, pauseIn, readPause } from './note.ts';
import { type AwaitedProcesses, awaitProcesses, type WaitProgress } from './wait.ts';

/** The databases that crawlers write. */
export const CRAWLED: readonly DatabaseName[] = ['articles', 'feeds'];

/** How long what is in flight may go on, unless somebody says otherwise: as long as a fetch may take. */
export const FINISH_MS_MAX_DEFAULT = 30_000;

/** Where a test kills it. */
export type PausePoint = 'noted' | 'queue-paused' | 'waited' | 'shut' | 'fenced' | 'noted-read-only' | 'read-only';

export interface PauseOptions {
  readonly store: Store;
  /** One that processes share: it is paused, too, and drained. */
  readonly queue?: Queue | undefined;
  readonly clock: Clock;
  /** For those who find the crawlers paused. */
  readonly by: string;
  readonly why: string;
  readonly finishMsMax: number;
  /** Until no crawler can write any more. Without it nothing is claimed any more, within a second, and that is all. */
  readonly wait: boolean;
  /** With `wait`: the databases of the crawlers take no writes at all then. */
  readonly readOnly: boolean;
  readonly onProgress?: ((progress: WaitProgress) => void) | undefined;
  /** Aborted: the wait ends, and with it the call; what was done stays done. */
  readonly signal?: AbortSignal | undefined;
  readonly at?: ((point: PausePoint) => void | Promise<void>) | undefined;
}

export interface SlotProof {
  readonly database: DatabaseName;
  readonly slot: number;
  /** As it is now. Whoever wrote with a lower one can't write any more. */
  readonly epoch: number;
  /** Who holds it now: no crawler. Empty: nobody. */
  readonly owner: string;
}

export interface PauseReport {
  readonly pause: Pause;
  /** Somebody had paused them before. */
  readonly isAlready: boolean;
  /** Null: it was not waited. */
  readonly proof: PauseProof | null;
}

export interface PauseProof {
  readonly waited: AwaitedProcesses;
  /** Writers of crawlers that were still open, and are fenced: as they were. */
  readonly fenced: readonly FencedWriter[];
  /** Every slot of what crawlers write, after that. */
  readonly slots: readonly SlotProof[];
  /** Null: there is no queue that processes share. */
  readonly queue: Drained | null;
  readonly readOnly: readonly DatabaseName[];
}

/**
 * Throws CRAWLERS_CONTENDED, CRAWLERS_RESUMED, CRAWLERS_UNPROVEN where it was told to stop waiting, and what store and queue
 * throw: the pause is in effect all the same from the moment at which it was noted.
 */
export async function pauseCrawlers(options: PauseOptions): Promise<PauseReport> {
  const { store, queue, wait, at } = options;
  const { pause, isAlready } = await notePause(options);
  await at?.('noted');
  if (!wait) {
    await queue?.pause(pause.id);
    return { pause, isAlready, proof: null };
  }
  // The store has the last word; a queue that does not answer is told of at the end.
  const queuePaused = await settled(queue?.pause(pause.id));
  await at?.('queue-paused');
  const waited = await awaitProcesses({ ...options, control: store.control, pause });
  await at?.('waited');
  await changeOwn(options, pause, (was) =>
    was.state === 'pausing' ? { ...was, state: 'fencing', shut: true } : was.shut ? null : { ...was, shut: true },
  );
  await at?.('shut');
  const fenced = await fence(options);
  const readOnly = options.readOnly ? await setReadOnly(options, pause) : [];
  const slots = await slotsOf(store);
  if (!queuePaused.ok) throw queuePaused.error;
  const drained = (await queue?.drain(pause.id)) ?? null;
  const proven = await changeOwn(options, pause, (was) => ({ ...was, state: 'paused', fencedAt: options.clock() }));
  return { pause: proven, isAlready, proof: { waited, fenced, slots, queue: drained, readOnly } };
}

async function notePause(options: PauseOptions): Promise<{ pause: Pause; isAlready: boolean }> {
  const { store, clock, by, why, finishMsMax } = options;
  const isPaused = (was: Pause | undefined): boolean =>
    was !== undefined && was.state !== 'running' && was.state !== 'resuming';
  const fresh = { id: randomUUID(), since: clock(), by, why, finishMsMax };
  const { was, now } = await changePause(store.control, (was) => {
    if (isPaused(was)) return null;
    return { ...fresh, state: 'pausing', shut: false, fencedAt: null, readOnly: was?.readOnly ?? [] };
  });
  return { pause: now ?? (was as Pause), isAlready: isPaused(was) };
}

/** Changes the note as long as it is of this pause. Throws CRAWLERS_RESUMED. */
async function changeOwn({ store }: PauseOptions, { id }: Pause, change: (was: Pause) => Pause | null): Promise<Pause> {
  const { now } = await changePause(store.control, (was) => {
    if (was?.id === id && was.state !== 'running' && was.state !== 'resuming') return change(was);
    const who = was === undefined ? 'nobody' : was.by;
    throw crawlerError('CRAWLERS_RESUMED', `The pause was ended by ${who} before it was complete`);
  });
  return now as Pause;
}

/** In every database: merging two feeds writes what readers have. */
async function fence({ store, at }: PauseOptions): Promise<FencedWriter[]> {
  const fenced: FencedWriter[] = [];
  for (const database of DATABASE_NAMES) {
    const writers = await store.database(database).shutOut(CRAWLER);
    fenced.push(...writers.map(({ slot, epoch, owner }) => ({ database, slot, epoch, owner })));
    await at?.('fenced');
  }
  return fenced;
}

/** Noted before it is done, so that whoever resumes knows what to set back. */
async function setReadOnly(options: PauseOptions, pause: Pause): Promise<DatabaseName[]> {
  const { store, at } = options;
  const open: DatabaseName[] = [];
  for (const name of CRAWLED) if ((await store.database(name).mode()) === 'read-write') open.push(name);
  const { readOnly } = await changeOwn(options, pause, (was) => ({
    ...was,
    readOnly: [...new Set([...was.readOnly, ...open])],
  }));
  await at?.('noted-read-only');
  for (const name of readOnly) {
    await store.database(name).setMode('read-only');
    await at?.('read-only');
  }
  try {
    await changeOwn(options, pause, () => null);
  } catch (error) {
    // Resumed in between: that had the modes right, and this must not be the last word.
    const there = pauseIn(await readPause(store.control));
    for (const name of readOnly) {
      if (there?.readOnly.includes(name) !== true) await store.database(name).setMode('read-write');
    }
    throw error;
  }
  return [...readOnly];
}

async function slotsOf(store: Store): Promise<SlotProof[]> {
  const found: SlotProof[] = [];
  for (const database of CRAWLED) {
    const slots = await store.database(database).changes.slots();
    found.push(...slots.map(({ slot, epoch, owner }) => ({ database, slot, epoch, owner })));
  }
  return found;
}

async function settled(promise: Promise<void> | undefined): Promise<{ ok: true } | { ok: false; error: unknown }> {
  try {
    await promise;
    return { ok: true };
  } catch (error) {
    return { ok: false, error };
  }
}
