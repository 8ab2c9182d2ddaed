import type { FeedRecord } from '../store/documents.ts';
import { FIRST_INTERVAL_MS } from './schedule.ts';

/** The record of a feed that was never fetched. `num` 0: the store assigns it. */
export function newFeed(about: {
  readonly url: string;
  readonly title: string;
  readonly siteUrl: string | null;
  readonly now: number;
  readonly nextAt: number;
}): FeedRecord {
  return {
    num: 0,
    url: about.url,
    title: about.title,
    siteUrl: about.siteUrl,
    description: '',
    iconUrl: null,
    format: null,
    language: null,
    etag: null,
    lastModified: null,
    bodyHash: null,
    addedAt: about.now,
    nextAt: about.nextAt,
    nextWhy: 'it is new',
    intervalMs: FIRST_INTERVAL_MS,
    triedAt: null,
    succeededAt: null,
    changedAt: null,
    errors: 0,
    state: 'active',
    lastError: null,
    history: [],
  };
}
