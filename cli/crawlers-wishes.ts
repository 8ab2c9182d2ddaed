/** What an operator can wish of the crawlers of a site, by command or by HTTP: to be paused, and to go on. */
import { hostname, userInfo } from 'node:os';
import { type Pause, type PauseState, readPause } from '../crawler/pause/note.ts';
import { FINISH_MS_MAX_DEFAULT, type PauseOptions, type PauseReport, pauseCrawlers } from '../crawler/pause/pause.ts';
import { type ResumeReport, resumeCrawlers } from '../crawler/pause/resume.ts';
import type { WaitProgress } from '../crawler/pause/wait.ts';
import type { Queue } from '../crawler/queue/contract.ts';
import type { Clock, Store } from '../store/contract.ts';
import { CodedError } from '../store/errors.ts';
import { cliError } from './errors.ts';
import { duration } from './setting-kinds.ts';
import { shownRole } from './site-role.ts';
import { printable } from './text.ts';

const TIMEOUT = duration(0, 3_600_000);
/** What crawlers that are resumed may take to say so; they look four times a second. */
const RESUME_WAIT_MS_MAX = 30_000;
const REASON_CHARS_MAX = 500;

/** Of the two wishes, as `serve` takes them. */
export const PAUSE_FIELDS = ['reason', 'timeout', 'wait', 'readOnly'];
export const RESUME_FIELDS = ['timeout', 'wait'];

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
  const readOnly = switchFrom('readOnly', options.readOnly);
  return {
    why: reasonFrom(options.reason),
    finishMsMax: timeoutFrom(options.timeout) ?? FINISH_MS_MAX_DEFAULT,
    // Whether nobody writes is known only at the end of the wait.
    wait: switchFrom('wait', options.wait) || readOnly,
    readOnly,
  };
}

/** Throws what `pauseCrawlers` throws; the advice says whether the pause is in effect all the same. */
export async function pauseByWish(context: WishContext, wish: PauseWish): Promise<PauseReport> {
  try {
    return await pauseCrawlers({ ...context, ...wish });
  } catch (error) {
    throw withState(error, pausedSoFar((await noteNow(context))?.state));
  }
}

/** Throws USAGE_INVALID and what `resumeCrawlers` throws; the advice says whether crawlers go on all the same. */
export async function resumeByWish(context: WishContext, options: WishOptions): Promise<ResumeReport> {
  const waitMsMax = timeoutFrom(options.timeout) ?? RESUME_WAIT_MS_MAX;
  const isAwaited = switchFrom('wait', options.wait);
  try {
    return await resumeCrawlers({
      ...context,
      waitMsMax: isAwaited ? Math.max(1, waitMsMax) : 0,
      whyNotOpen: async () => {
        const role = await shownRole(context.store);
        return role?.isFenced || role?.isReplica ? `this site is ${role.text}` : null;
      },
    });
  } catch (error) {
    throw withState(error, resumedSoFar((await noteNow(context))?.state));
  }
}

/** Undefined also where the store does not say. */
async function noteNow({ store }: WishContext): Promise<Pause | undefined> {
  return await readPause(store.control).catch(() => undefined);
}

function pausedSoFar(state: PauseState | undefined): string {
  switch (state) {
    case 'pausing':
      return 'The crawlers are paused all the same: nothing is claimed any more. What is in flight may still be written.';
    case 'fencing':
    case 'paused':
      return 'The crawlers are paused all the same, and the store refuses their writers.';
    default:
      return '';
  }
}

function resumedSoFar(state: PauseState | undefined): string {
  switch (state) {
    case 'running':
      return 'The pause has ended in the store all the same: crawlers go on.';
    case 'resuming':
      return 'The crawlers stand still until `crawlers resume` was run to its end.';
    default:
      return '';
  }
}

function withState(error: unknown, state: string): unknown {
  if (!(error instanceof CodedError) || state === '') return error;
  const { code, message, input, retryable } = error;
  return new CodedError(code, message, { input, retryable, advice: `${state} ${error.advice}`, cause: error });
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

function switchFrom(name: string, raw: unknown): boolean {
  if (raw === true || raw === 'true' || raw === 'on' || raw === '1') return true;
  if (raw === undefined || raw === false || raw === 'false' || raw === 'off' || raw === '0') return false;
  throw cliError('USAGE_INVALID', `${name} is "${raw}". It must be true or false.`, { input: String(raw) });
}

/** For what comes by HTTP: a mistyped field must not make another wish of it. Throws USAGE_INVALID. */
export function knownFields(fields: WishOptions, names: readonly string[]): WishOptions {
  const unknown = Object.keys(fields).find((name) => !names.includes(name));
  if (unknown === undefined) return fields;
  const message = `There is no field "${printable(unknown)}"; there are ${names.join(', ')}.`;
  throw cliError('USAGE_INVALID', message, { input: unknown });
}
