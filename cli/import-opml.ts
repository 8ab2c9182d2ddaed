import { importFeeds } from '../crawler/add-feed.ts';
import { parseOpml } from '../crawler/parse/opml.ts';
import type { NewSubscription } from '../site/subscriptions.ts';
import type { Clock, Store } from '../store/contract.ts';

export interface ImportedFeeds {
  /** One for each usable outline, none twice. */
  readonly feeds: readonly NewSubscription[];
  /** How many of them were not in the store before. */
  readonly added: number;
  readonly invalid: readonly { readonly url: string; readonly message: string }[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/** Makes feeds of a subscription list, without any network. Throws OPML_* and what the store throws. */
export async function importOpml(
  options: { readonly store: Store; readonly clock: Clock; readonly random: () => number },
  body: Uint8Array,
): Promise<ImportedFeeds> {
  const { feeds: outlines, warnings } = parseOpml(body);
  const { added, invalid, ids } = await importFeeds({ ...options, feeds: outlines });
  const feeds = new Map<string, NewSubscription>();
  outlines.forEach(({ title, folder }, i) => {
    const feed = ids[i] ?? '';
    // Readers export the names that their users gave: these stay.
    if (feed !== '' && !feeds.has(feed)) feeds.set(feed, { feed, title: title === '' ? null : title, folder });
  });
  return { feeds: [...feeds.values()], added: added.length, invalid, warnings };
}
