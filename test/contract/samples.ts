import type { Article, FeedRecord, User } from '../../store/documents.ts';

/** 2025-11-21T12:00:00Z: a time for tests that drive the clock. */
export const NOON = 1_763_726_400_000;

export function article(over: Partial<Article> = {}): Article {
  return {
    feed: 'aaaaaaaaaaaaaaaa',
    num: 0,
    guid: 'urn:1',
    url: 'https://example.org/1',
    title: 'A title',
    authors: ['Ada'],
    html: '<p>Hello</p>',
    summary: 'Hello',
    published: NOON,
    updated: null,
    arrived: NOON,
    at: NOON,
    categories: [],
    enclosures: [],
    fingerprint: 'f0',
    ...over,
  };
}

export function feed(over: Partial<FeedRecord> = {}): FeedRecord {
  return {
    num: 0,
    url: 'https://example.org/feed',
    title: 'Example',
    siteUrl: null,
    description: '',
    iconUrl: null,
    format: 'rss',
    language: null,
    etag: null,
    lastModified: null,
    bodyHash: null,
    addedAt: NOON,
    nextAt: NOON,
    nextWhy: 'just added',
    intervalMs: 3_600_000,
    triedAt: null,
    succeededAt: null,
    changedAt: null,
    errors: 0,
    state: 'active',
    lastError: null,
    history: [],
    ...over,
  };
}

export function user(over: Partial<User> = {}): User {
  return { num: 0, name: 'reader', addedAt: NOON, ...over };
}
