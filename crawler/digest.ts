/**
 * From a body to articles, in two steps: first what the feed says and which entries it has, then, once the store has told
 * which of them are new, the articles of those. Pure and synchronous; runs in a thread of its own, or in this one.
 */
import type { Article } from '../store/documents.ts';
import { articleId } from '../store/ids.ts';
import type { Arrival, Dates } from './arrival.ts';
import { articleOf } from './article.ts';
import { digestPieces } from './digest-pieces.ts';
import { fingerprint, identify, standsAlone } from './identity.ts';
import type { PackedBody } from './packed-body.ts';
import { ELEMENTS_MAX, PIECE_ELEMENTS_MAX, WHOLE_BYTES_MAX } from './parse/limits.ts';
import type { ParsedEntry, ParsedFeed } from './parse/model.ts';
import { parseFeed } from './parse/parse.ts';

export interface DigestInput {
  /** `_id` of the feed. */
  readonly feed: string;
  readonly body: Uint8Array;
  /** In place of `body`, which is empty then. */
  readonly packed?: PackedBody;
  /** Where it came from, after redirects. */
  readonly url: string;
  readonly contentType: string | null;
}

/** What the document says of itself. */
export type FeedFacts = Omit<ParsedFeed, 'entries' | 'warnings'> & {
  /** Of the entries, ms since 1970. */
  readonly dates: readonly number[];
};

export interface DigestedItem extends Dates {
  /** `_id` of the article. */
  readonly id: string;
  readonly fingerprint: string;
  /** Of its texts, in feeds so large that not all articles should be asked for at once. */
  readonly chars?: number;
}

export interface DigestedFeed {
  readonly facts: FeedFacts;
  /** The document ended early. */
  readonly cut: boolean;
  /** Some entries are told apart by the whole feed only: alone they would be taken for others. */
  readonly whole: boolean;
  /** In the order of the feed. */
  readonly items: readonly DigestedItem[];
}

/** `index`: into the items. */
export type Wanted = Arrival & { readonly index: number };

export interface Digestion {
  readonly digested: DigestedFeed;
  /** Sanitized: this is where most of the time goes. */
  articles(wanted: readonly Wanted[]): Article[];
}

/** Throws CodedError PARSE_*. */
export function digestFeed(input: DigestInput): Digestion {
  const bytes = input.packed?.byteLength ?? input.body.byteLength;
  const digestion = bytes > WHOLE_BYTES_MAX ? digestPieces(input) : input.body;
  return digestion instanceof Uint8Array ? digestWhole({ ...input, body: digestion }, PIECE_ELEMENTS_MAX) : digestion;
}

/** In one go, which is faster and takes several times the memory of the body. */
export function digestWhole({ feed, body, url, contentType }: DigestInput, elementsMax = ELEMENTS_MAX): Digestion {
  const input = { body, url, elementsMax };
  const { entries, warnings, ...facts } = parseFeed(contentType === null ? input : { ...input, contentType });
  const identified = identify(entries);
  const found: { entry: ParsedEntry; item: DigestedItem }[] = identified.map(({ identity, entry }) => ({
    entry,
    item: {
      id: articleId(feed, identity),
      fingerprint: fingerprint(entry),
      published: entry.published,
      updated: entry.updated,
    },
  }));
  return {
    digested: {
      facts: { ...facts, dates: entries.flatMap(({ published, updated }) => published ?? updated ?? []) },
      cut: warnings.some(({ code }) => code === 'PARSE_CUT'),
      whole: !identified.every(standsAlone),
      items: found.map(({ item }) => item),
    },
    articles: (wanted) =>
      wanted.flatMap(({ index, num, arrived }) => {
        const one = found[index];
        return one === undefined ? [] : articleOf(feed, one.entry, one.item.fingerprint, { num, arrived });
      }),
  };
}
