import { hash, randomBytes } from 'node:crypto';
import type { SiteId } from './contract.ts';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** 2020-01-01, where the milliseconds of integer ids start. */
const NUM_EPOCH_MS = 1_577_836_800_000;
const NUM_TAG_COUNT = 2 ** 5;
const NUM_SEQUENCE_COUNT = 2 ** 8;

/**
 * The URL by which a feed is known: parsed by the WHATWG rules (host in lower case, no default port), `feed:` taken
 * for `http:`, the fragment dropped. Path and query stay as they are: publishers tell feeds apart by them.
 * Returns undefined for what is no http(s) URL.
 */
export function canonicalFeedUrl(input: string): string | undefined {
  const text = input
    .trim()
    .replace(/^feed:(?:\/\/)?(?=https?:)/i, '')
    .replace(/^feed:/i, 'http:');
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  url.hash = '';
  return url.href;
}

/** `_id` of a feed: 80 bits of its canonical URL, so that two sites make the same one. */
export function feedId(canonicalUrl: string): string {
  return base32(canonicalUrl, 16);
}

/** `_id` of an article: its feed, then 100 bits of the entry's identity; the articles of a feed lie together. */
export function articleId(feed: string, identity: string): string {
  return `${feed}.${base32(identity, 20)}`;
}

/**
 * The integer id of a document that is written for the first time: milliseconds since 2020 (40 bits, until 2054), a tag
 * of the writer (5 bits), a sequence (8 bits). Below 2^53; grows with arrival, as read-up-to marks and Fever's
 * `since_id` want. The time and the sequence are those of the document's version: they never run backwards.
 */
export function integerId(ms: number, tag: number, sequence: number): number {
  const since = Math.max(0, Math.floor(ms) - NUM_EPOCH_MS);
  return (since * NUM_TAG_COUNT + (tag % NUM_TAG_COUNT)) * NUM_SEQUENCE_COUNT + (sequence % NUM_SEQUENCE_COUNT);
}

/** The time, in ms since 1970, that an integer id was made from. */
export function integerIdMs(num: number): number {
  return Math.floor(num / (NUM_TAG_COUNT * NUM_SEQUENCE_COUNT)) + NUM_EPOCH_MS;
}

export function newSiteId(): SiteId {
  return Array.from(randomBytes(8), (byte) => BASE32[byte & 31]).join('') as SiteId;
}

/** The first `length` base32 letters of the text's SHA-256. */
function base32(text: string, length: number): string {
  const digest = hash('sha256', text, 'buffer');
  let out = '';
  let bits = 0;
  let pending = 0;
  for (const byte of digest) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += BASE32[(pending >> bits) & 31];
      if (out.length === length) return out;
    }
    pending &= (1 << bits) - 1;
  }
  return out;
}
