import type { Clock } from '../../store/contract.ts';
import type { HostLimits } from '../host-budget.ts';
import type { Queue } from './contract.ts';
import { LocalQueue } from './local.ts';

export interface OpenQueueOptions {
  readonly clock: Clock;
  readonly hosts: HostLimits;
  /** Of the store: processes that crawl for the same site share a queue, those of other sites do not. */
  readonly site: string;
  /** Of a queue of this process. Default LOCAL_QUEUE_MAX. */
  readonly localJobsMax?: number | undefined;
}

/** `local:`, `redis://...` or `rediss://...`. A server is asked at the first call only, and never loaded for `local:`. */
export async function openQueue(url: string, options: OpenQueueOptions): Promise<Queue> {
  const { clock, hosts, site, localJobsMax } = options;
  if (url === 'local:') {
    return new LocalQueue({ clock, hosts, ...(localJobsMax === undefined ? {} : { jobsMax: localJobsMax }) });
  }
  const { BullmqQueue } = await import('./bullmq.ts');
  return new BullmqQueue({ url, shown: shownUrl(url), name: `feedferry-${site}`, hosts });
}

/** What the server of a queue says about itself. Throws CRAWL_QUEUE_UNREACHABLE and CRAWL_QUEUE_REFUSED. */
export async function askQueueServer(url: string): Promise<{ readonly version: string; readonly evicts: boolean }> {
  const { askServer } = await import('./redis.ts');
  return askServer(url, shownUrl(url));
}

function shownUrl(url: string): string {
  const shown = new URL(url);
  if (shown.username !== '' || shown.password !== '') {
    shown.username = '***';
    shown.password = '';
  }
  return shown.href;
}
