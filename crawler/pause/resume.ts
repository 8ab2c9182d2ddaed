/** Ending a pause. Can be killed anywhere and run again, by anybody. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Store } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { crawlerError } from '../errors.ts';
import type { Queue } from '../queue/contract.ts';
import { changePause, type Pause, pauseIn, readPause } from './note.ts';
import { listProcesses, type SeenProcess } from './processes.ts';
import { SILENT_MS, Signs } from './wait.ts';

const LOOK_MS = 100;

/** Where a test kills it. */
export type ResumePoint = 'noted' | 'read-write' | 'resumed' | 'queue-resumed';

export interface ResumeOptions {
  readonly store: Store;
  readonly queue?: Queue | undefined;
  readonly clock: Clock;
  readonly by: string;
  /** A reason why the databases of this site must stay as they are, such as a newer primary elsewhere; null: none. */
  readonly whyNotOpen?: (() => Promise<string | null>) | undefined;
  /** Wait so long for the crawlers that run to say that they go on; 0: not at all. */
  readonly waitMsMax: number;
  readonly signal?: AbortSignal | undefined;
  readonly at?: ((point: ResumePoint) => void | Promise<void>) | undefined;
}

export interface ResumeReport {
  /** Of the pause that was ended; null: there was none. */
  readonly ended: Pause | null;
  /** Set back to read-write. */
  readonly readWrite: readonly DatabaseName[];
  /** Left read-only, and why; null: none. */
  readonly left: { readonly databases: readonly DatabaseName[]; readonly why: string } | null;
  /** Those that said that they go on; null: it was not waited. */
  readonly crawling: readonly SeenProcess[] | null;
}

/** Throws CRAWLERS_CONTENDED, CRAWL_SLOW where a crawler does not say in time that it goes on, and what store and queue throw. */
export async function resumeCrawlers(options: ResumeOptions): Promise<ResumeReport> {
  const { store, queue, clock, by, at, waitMsMax } = options;
  const { was } = await changePause(store.control, (note) => {
    if (note === undefined || note.state === 'running' || note.state === 'resuming') return null;
    return { ...note, state: 'resuming', by, since: clock() };
  });
  const ended = pauseIn(was);
  if (ended === null) {
    // A queue that was left paused by a resume that could not reach it.
    if (was !== undefined) await queue?.resume(was.id);
    return { ended: null, readWrite: [], left: null, crawling: null };
  }
  await at?.('noted');
  const { readWrite, left } = await setReadWrite(options, ended);
  await at?.('read-write');
  const before = new Map((await listProcesses(store.control)).map(({ id, rev }) => [id, rev]));
  await changePause(store.control, (note) => {
    if (note?.id !== ended.id || note.state !== 'resuming') return null;
    return { ...note, state: 'running', shut: false, readOnly: [], fencedAt: null, by, since: clock() };
  });
  await at?.('resumed');
  await queue?.resume(ended.id);
  await at?.('queue-resumed');
  const crawling = waitMsMax > 0 ? await awaitCrawling(options, before) : null;
  return { ended, readWrite, left, crawling };
}

/** Only what the pause had set read-only, and nothing has changed since. */
async function setReadWrite(
  { store, whyNotOpen }: ResumeOptions,
  { id, readOnly }: Pause,
): Promise<Pick<ResumeReport, 'readWrite' | 'left'>> {
  const databases: DatabaseName[] = [];
  for (const name of readOnly) if ((await store.database(name).mode()) === 'read-only') databases.push(name);
  const why = databases.length === 0 ? null : ((await whyNotOpen?.()) ?? null);
  if (why !== null) return { readWrite: [], left: { databases, why } };
  for (const name of databases) await store.database(name).setMode('read-write');
  const now = pauseIn(await readPause(store.control));
  if (now !== null && now.id !== id) {
    // Paused anew in between: that had the modes right, and this must not be the last word.
    for (const name of now.readOnly) await store.database(name).setMode('read-only');
  }
  return { readWrite: databases, left: null };
}

/** Those that live show it by a new note, at once when they see that the pause is over. */
async function awaitCrawling(
  { store, waitMsMax, signal }: ResumeOptions,
  before: ReadonlyMap<string, number>,
): Promise<SeenProcess[]> {
  const signs = new Signs();
  const startedAt = performance.now();
  for (;;) {
    const now = performance.now();
    const listed = (await listProcesses(store.control)).map((one) => ({
      one,
      isSilent: signs.silence(one.id, one.rev, now) > SILENT_MS,
    }));
    const paused = listed.filter(({ one, isSilent }) => one.pause !== null && !isSilent);
    if (paused.length === 0) {
      return listed.flatMap(({ one }) => (one.pause === null && one.rev !== before.get(one.id) ? [one] : []));
    }
    if (now - startedAt > waitMsMax || signal?.aborted) {
      const names = paused.map(({ one: { command, host, pid } }) => `${command} on ${host} (process ${pid})`);
      throw crawlerError('CRAWL_SLOW', `The crawlers are resumed, but these do not say so yet: ${names.join(', ')}`);
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}
