import type { DatabaseName } from '../store/documents.ts';

/**
 * What becomes of two concurrent versions of a document (DESIGN section 5). The greater `ver` always wins; the policy
 * says what becomes of the other one.
 * - `keep`: it is kept and listed, unless both say the same.
 * - `newest`: it is dropped, and counted.
 * - `merge`: both are merged field by field where the kind of document has a rule for that, else as `keep`.
 */
export type Policy = 'keep' | 'newest' | 'merge';

export type Policies = Readonly<Record<DatabaseName, Policy>>;

/** Feeds are the crawlers' own notes: whichever site fetched last knows best, and the next fetch mends the rest. */
export const DEFAULT_POLICIES: Policies = {
  articles: 'keep',
  feeds: 'newest',
  users: 'keep',
  subscriptions: 'keep',
  states: 'merge',
};
