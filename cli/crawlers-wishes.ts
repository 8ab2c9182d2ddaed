/** What an operator can wish of the crawlers of a site, by command or by HTTP: to be paused, and to go on. */
import { hostname, userInfo } from 'node:os';
import { readPause } from '../crawler/pause/note.ts';
import { FINISH_MS_MAX_DEFAULT, type PauseOptions, type PauseReport, pauseCrawlers } from '../crawler/pause/pause.ts';
import { type ResumeReport, resumeCrawlers } from '../crawler/pause/resume.ts';
import type { WaitProgress } from '../crawler/pause/wait.ts';
import type { Queue } from '../crawler/queue/contract.ts';
import type { Clock, Store } from '../store/contract.ts';
import { cliError } from './errors.ts';
import { duration } from './setting-kinds.ts';
import { shownRole } from './site-role.ts';
import { printable } from './text.ts';

const TIMEOUT = duration(0, 3_600_000);
/** What crawlers that are resumed may take to say so; they look four times a second. */
const RESUME_WAIT_MS_MAX = 30_000;
const REASON_CHARS_MAX = 500;

export const TIMEOUT_SHOWN = TIMEOUT.show(FINISH_MS_MAX_DEFAULT);

/** Flags by their camel-case names, or the fields of a form. */
export type WishOptions = Readonly<Record<string, unknown>>;

export interface WishContext {
  readonly store: Store;
  readonly queue: Queue | undefined;
  readonly clock: Clock;
  /** Shown to whoever finds the crawlers paused. */
  readonly by: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: WaitProgress) => void;
}

/** `ops@db1`: who runs this command, as far as the system knows. */
export function whoRunsThis(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user may have no name.
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** How a pause is wished. */
export type PauseWish = Pick<PauseOptions, 'why' | 'finishMsMax' | 'wait' | 'readOnly'>;

/** Throws USAGE_INVALID. */
export function pauseWishFrom(options: WishOptions): PauseWish {
  const readOnly = switchFrom(options.readOnly);
  return {
    why: reasonFrom(options.reason),
    finishMsMax: timeoutFrom(options.timeout) ?? FINISH_MS_MAX_DEFAULT,
    // Whether nobody writes is known only at the end of the wait.
    wait: switchFrom(options.wait) || readOnly,
    readOnly,
  };
}

/** Throws what `pauseCrawlers` throws. */
export async function pauseByWish(context: WishContext, wish: PauseWish): Promise<PauseReport> {
  return await pauseCrawlers({ ...context, ...wish });
}

/** Throws USAGE_INVALID and what `resumeCrawlers` throws. */
export async function resumeByWish(context: WishContext, options: WishOptions): Promise<ResumeReport> {
  const waitMsMax = timeoutFrom(options.timeout) ?? RESUME_WAIT_MS_MAX;
  return await resumeCrawlers({
    ...context,
    waitMsMax: switchFrom(options.wait) ? Math.max(1, waitMsMax) : 0,
    whyNotOpen: async () => {
      const role = await shownRole(context.store);
      return role?.isFenced || role?.isReplica ? `this site is ${role.text}` : null;
    },
  });
}

/** For a failure after which the pause is in effect all the same. Null: it is not. */
export async function pauseInEffect({ store }: Pick<WishContext, 'store'>): Promise<string | null> {
  const note = await readPause(store.control).catch(() => undefined);
  if (note === undefined || note.state === 'running' || note.state === 'resuming') return null;
  return note.shut
    ? 'The crawlers are paused all the same, and the store refuses their writers.'
    : 'The crawlers are paused all the same: nothing is claimed any more. What is in flight may still be written.';
}

function timeoutFrom(raw: unknown): number | undefined {
  if (raw === undefined) return undefined;
  const ms = TIMEOUT.read(raw);
  if (ms !== undefined) return ms;
  throw cliError('USAGE_INVALID', `--timeout is "${raw}". It must be ${TIMEOUT.allowed}.`, { input: String(raw) });
}

function reasonFrom(raw: unknown): string {
  const reason = printable(typeof raw === 'string' ? raw : '');
  if (reason.length <= REASON_CHARS_MAX) return reason;
  throw cliError('USAGE_INVALID', `--reason is longer than ${REASON_CHARS_MAX} characters`);
}

function switchFrom(raw: unknown): boolean {
  return raw === true || raw === 'true' || raw === 'on' || raw === '1';
}
