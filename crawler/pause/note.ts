/**
 * Whether the crawlers of a site are paused: one note in its store, which every crawler looks at, and which the store
 * itself goes by when it refuses their writers (store/shut-out.ts). docs/pausing.md tells the whole.
 *
 *     running -> pausing   nothing is claimed any more; what is in flight may end
 *     pausing -> fencing   `shut`: the store takes no writer of a crawler; those that are open are being fenced
 *     fencing -> paused    proven: no crawler can write
 *     paused -> resuming   databases are set back to read-write
 *     resuming -> running  and `pausing` from any of them
 */
import type { Control, SlotState } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { CodedError } from '../../store/errors.ts';
import { shutOutNote } from '../../store/shut-out.ts';
import { CRAWLER_ERRORS, crawlerError } from '../errors.ts';

/** The kind of every writer of a crawler: `crawler: serve`. */
export const CRAWLER = 'crawler';
export const PAUSE_NOTE = shutOutNote(CRAWLER);

/** A note that others change so often is somebody else's doing. */
const TRIES_MAX = 20;

export type PauseState = 'running' | 'pausing' | 'fencing' | 'paused' | 'resuming';

export interface FencedWriter extends Pick<SlotState, 'slot' | 'epoch' | 'owner'> {
  readonly database: DatabaseName;
}

export interface Pause {
  /** Of this pause; the next one has another. */
  readonly id: string;
  readonly state: PauseState;
  readonly shut: boolean;
  /** Milliseconds since 1970: when it was paused; of `running`, when it was resumed. */
  readonly since: number;
  /** Who paused, or resumed. */
  readonly by: string;
  readonly why: string;
  /** What is in flight may end by itself for so long, counted by each crawler from when it sees the note. */
  readonly finishMsMax: number;
  /** When it was proven that no crawler can write; null: not yet. */
  readonly fencedAt: number | null;
  /** Set read-only by this pause, to be set back when it ends. */
  readonly readOnly: readonly DatabaseName[];
}

/** Undefined: there never was a pause. */
export async function readPause(control: Pick<Control, 'get'>): Promise<Pause | undefined> {
  return (await control.get(PAUSE_NOTE))?.value as Pause | undefined;
}

/** Null where crawlers may crawl. */
export function pauseIn(note: Pause | undefined): Pause | null {
  return note === undefined || note.state === 'running' ? null : note;
}

/**
 * Compare-and-set. `change` is given the note as it is and returns what it shall be, or null where it is to stay. Returns
 * the note as it is then. Throws CRAWLERS_CONTENDED and what the store throws.
 */
export async function changePause(
  control: Control,
  change: (was: Pause | undefined) => Pause | null,
): Promise<{ readonly was: Pause | undefined; readonly now: Pause | undefined }> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const note = await control.get(PAUSE_NOTE);
    const was = note?.value as Pause | undefined;
    const now = change(was);
    if (now === null) return { was, now: was };
    if ((await control.put(PAUSE_NOTE, now, note?.rev ?? 0)) !== null) return { was, now };
  }
  throw crawlerError('CRAWLERS_CONTENDED', 'Others keep pausing and resuming the crawlers', { retryable: true });
}

/** For whoever wanted something fetched. */
export function pausedError(pause: Pause, input = ''): CodedError<'CRAWL_PAUSED'> {
  const since = `${new Date(pause.since).toISOString().slice(0, 16).replace('T', ' ')}Z`;
  const message = `The crawlers are paused since ${since} by ${pause.by}${pause.why === '' ? '' : `: ${pause.why}`}`;
  return new CodedError('CRAWL_PAUSED', message, { input, advice: CRAWLER_ERRORS.CRAWL_PAUSED });
}
