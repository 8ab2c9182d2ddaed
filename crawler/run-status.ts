import type { CodedError } from '../store/errors.ts';
import type { CrawlerMetrics } from './metrics.ts';

export interface CrawlerStatus {
  /**
   * `waiting`: for the store or the queue, `error` says why. `pausing`: nothing is claimed, and what is in flight ends;
   * `paused`: nothing is.
   */
  readonly state: 'running' | 'waiting' | 'pausing' | 'paused' | 'stopping' | 'stopped';
  /** A sentence for people. */
  readonly why: string;
  readonly inFlight: number;
  readonly waiting: number;
  /** When the next feed is due; null: none, or not known. */
  readonly nextDueAt: number | null;
  readonly error: ReturnType<CodedError['toJSON']> | null;
  /** Of all crawlers of the site; null: there is none. */
  readonly pause: { readonly pausedAt: number; readonly by: string; readonly why: string } | null;
  readonly startedAt: number;
  readonly metrics: CrawlerMetrics;
}

/** A sentence for people. */
export function whyOf(
  { state, pause, inFlight, waiting }: Pick<CrawlerStatus, 'state' | 'pause' | 'inFlight' | 'waiting'>,
  trouble: CodedError | null,
): string {
  if (state === 'waiting') return `waiting for the ${awaited(trouble)}: ${trouble?.message ?? ''}`;
  if (pause !== null && (state === 'pausing' || state === 'paused')) {
    const left = inFlight > 0 ? `; ${inFlight} feeds are still being fetched` : '';
    return `the crawlers are paused by ${pause.by}${pause.why === '' ? '' : ` (${pause.why})`}${left}`;
  }
  if (state !== 'running') return state;
  if (inFlight > 0) return `${inFlight} feeds are being fetched`;
  return waiting > 0 ? `${waiting} feeds wait for their hosts` : 'no feed is due';
}

/** What a crawler in trouble waits for. */
function awaited(trouble: CodedError | null): 'queue' | 'store' {
  return trouble?.code.startsWith('CRAWL_QUEUE_') ? 'queue' : 'store';
}
