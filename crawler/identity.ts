/**
 * What makes an entry the same entry tomorrow (DESIGN section 3), and what makes it look changed to a reader.
 */
import { hash } from 'node:crypto';
import type { ParsedEntry } from './parse/model.ts';

/** An entry under the text that `articleId` turns into its `_id`. */
export interface IdentifiedEntry {
  readonly identity: string;
  readonly entry: ParsedEntry;
}

/** Raise it when the same entry would be shown differently: every article is then written once more when it is seen. */
const FINGERPRINT_VERSION = '1';

/**
 * The identity of every entry: its guid where that is unique in the feed; else guid with link; else link; else a hash of
 * title and content. Entries that say the same guid and link are one entry (RFC 4287 section 4.1.1), the latest of them;
 * so are those that are alike in all. The order stays.
 */
export function identify(entries: readonly ParsedEntry[]): IdentifiedEntry[] {
  const distinct = latestOfEach(entries);
  const guids = countBy(distinct, (entry) => entry.guid);
  const links = countBy(distinct, (entry) => (entry.guid === null ? entry.url : null));
  const found = new Map<string, IdentifiedEntry>();
  for (const entry of distinct) {
    const identity = identityOf(entry, guids, links);
    if (!found.has(identity)) found.set(identity, { identity, entry });
  }
  return [...found.values()];
}

function identityOf(entry: ParsedEntry, guids: Map<string, number>, links: Map<string, number>): string {
  if (entry.guid !== null) {
    return guids.get(entry.guid) === 1 ? `guid:${entry.guid}` : `guid:${entry.guid}\nlink:${entry.url ?? ''}`;
  }
  if (entry.url !== null && links.get(entry.url) === 1) return `link:${entry.url}`;
  return `text:${digest([entry.title, entry.html || entry.summaryHtml])}`;
}

/** False: what it is known by depends on which other entries the feed has at the time. */
export function standsAlone({ identity, entry }: IdentifiedEntry): boolean {
  if (entry.guid !== null) return identity === `guid:${entry.guid}`;
  return entry.url === null || identity === `link:${entry.url}`;
}

/** Of entries with the same guid and link, the one with the latest date; of those without a date, the first. */
function latestOfEach(entries: readonly ParsedEntry[]): ParsedEntry[] {
  const kept = new Map<string, ParsedEntry>();
  entries.forEach((entry, i) => {
    const key = entry.guid === null ? `#${i}` : `${entry.guid}\n${entry.url ?? ''}`;
    const other = kept.get(key);
    if (other === undefined || dateOf(entry) > dateOf(other)) kept.set(key, entry);
  });
  return [...kept.values()];
}

function dateOf(entry: ParsedEntry): number {
  return entry.updated ?? entry.published ?? Number.NEGATIVE_INFINITY;
}

/**
 * Of what a reader sees, as it came, before sanitizing: an entry that did not change then costs neither sanitizing nor a
 * write. `updated` is left out: many feeds renew it at every build without having changed a word; so is
 * `base`, which a redirect to another mirror changes.
 */
export function fingerprint(entry: ParsedEntry): string {
  return digest([
    FINGERPRINT_VERSION,
    entry.title,
    entry.url ?? '',
    entry.html,
    entry.summaryHtml,
    String(entry.published ?? ''),
    entry.authors.join('\n'),
    entry.categories.join('\n'),
    entry.enclosures.map(({ url, type, length }) => `${url} ${type ?? ''} ${length ?? ''}`).join('\n'),
  ]);
}

/** 132 bits, so that two different texts are never taken for the same. */
export function digest(parts: readonly (string | Uint8Array)[]): string {
  const only = parts[0];
  const input = parts.length === 1 && only !== undefined ? only : parts.join('\u0000');
  return hash('sha256', input, 'base64url').slice(0, 22);
}

function countBy(entries: readonly ParsedEntry[], keyOf: (entry: ParsedEntry) => string | null): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const key = keyOf(entry);
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
