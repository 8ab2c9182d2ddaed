/**
 * What makes an entry the same entry tomorrow (DESIGN section 3), and what makes it look changed to a reader.
 */
import { createHash, hash } from 'node:crypto';
import type { ParsedEntry } from './parse/model.ts';

/** What an entry is known by. */
export type KnownBy = 'guid' | 'guid and link' | 'link' | 'text';

/** What tells entries apart. Keys that stand for guid and URL do as well. */
export type Identifiable = Pick<ParsedEntry, 'guid' | 'url' | 'published' | 'updated'>;

/** An entry under the text that `articleId` turns into its `_id`. */
export interface IdentifiedEntry<E extends Identifiable = ParsedEntry> {
  readonly identity: string;
  readonly by: KnownBy;
  readonly entry: E;
}

/** Raise it when the same entry would be shown differently: every article is then written once more when it is seen. */
const FINGERPRINT_VERSION = '1';

/**
 * The identity of every entry: its guid where that is unique in the feed; else guid with link; else link; else a hash of
 * title and content. Entries that say the same guid and link are one entry (RFC 4287 section 4.1.1), the latest of them;
 * so are those that are alike in all. The order stays.
 */
export function identify(entries: readonly ParsedEntry[]): IdentifiedEntry[] {
  return identifyBy(entries, identityOf);
}

/** As `identify`, for what stands for entries. */
export function identifyBy<E extends Identifiable>(
  entries: readonly E[],
  identityOf: (entry: E, by: KnownBy) => string,
): IdentifiedEntry<E>[] {
  const distinct = latestOfEach(entries);
  const guids = countBy(distinct, (entry) => entry.guid);
  const links = countBy(distinct, (entry) => (entry.guid === null ? entry.url : null));
  const found = new Map<string, IdentifiedEntry<E>>();
  for (const entry of distinct) {
    const by = knownBy(entry, guids, links);
    const identity = identityOf(entry, by);
    if (!found.has(identity)) found.set(identity, { identity, by, entry });
  }
  return [...found.values()];
}

function knownBy({ guid, url }: Identifiable, guids: Map<string, number>, links: Map<string, number>): KnownBy {
  if (guid !== null) return guids.get(guid) === 1 ? 'guid' : 'guid and link';
  return url !== null && links.get(url) === 1 ? 'link' : 'text';
}

/** The text for what an entry is known by. */
export function identityOf(entry: ParsedEntry, by: KnownBy): string {
  if (by === 'guid') return `guid:${entry.guid}`;
  if (by === 'guid and link') return `guid:${entry.guid}\nlink:${entry.url ?? ''}`;
  if (by === 'link') return `link:${entry.url}`;
  return `text:${digest([entry.title, entry.html || entry.summaryHtml])}`;
}

/** False: what it is known by depends on which other entries the feed has at the time. */
export function standsAlone({ by, entry }: Pick<IdentifiedEntry<Identifiable>, 'by' | 'entry'>): boolean {
  return by === 'guid' || by === 'link' || (by === 'text' && entry.url === null);
}

/** Of entries with the same guid and link, the one with the latest date; of those without a date, the first. */
function latestOfEach<E extends Identifiable>(entries: readonly E[]): E[] {
  const kept = new Map<string, E>();
  entries.forEach((entry, i) => {
    const key = entry.guid === null ? `#${i}` : `${entry.guid}\n${entry.url ?? ''}`;
    const other = kept.get(key);
    if (other === undefined || dateOf(entry) > dateOf(other)) kept.set(key, entry);
  });
  return [...kept.values()];
}

function dateOf(entry: Identifiable): number {
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
  return hash('sha256', input, 'base64url').slice(0, DIGEST_CHARS);
}

const DIGEST_CHARS = 22;

export interface RunningDigest {
  update(piece: Uint8Array): void;
  end(): string;
}

/** `digest` of one part that comes in pieces. */
export function runningDigest(): RunningDigest {
  const running = createHash('sha256');
  return {
    update: (piece) => void running.update(piece),
    end: () => running.digest('base64url').slice(0, DIGEST_CHARS),
  };
}

function countBy<E>(entries: readonly E[], keyOf: (entry: E) => string | null): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const key = keyOf(entry);
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
