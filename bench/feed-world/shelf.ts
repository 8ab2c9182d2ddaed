import { gzipSync } from 'node:zlib';
import type { Validators } from './conditional.ts';
import type { WorldFeed } from './feed.ts';
import { type FeedDocument, renderFeed } from './render.ts';
import type { World } from './world.ts';

/** A document with its compressed form, as long as its feed stays at the same step. */
interface Shelved {
  readonly step: number;
  readonly document: FeedDocument;
  gzip: Buffer | null;
}

export interface Representation extends Validators {
  readonly body: Buffer;
  readonly contentType: string;
  readonly encoding: 'gzip' | null;
}

/** Low: what is measured is the crawler, and the world must keep out of its way. */
const GZIP_LEVEL = 4;

/** Makes documents when they are asked for and keeps the latest of each feed. */
export class Shelf {
  readonly #world: World;
  readonly #origin: (feed: WorldFeed) => string;
  readonly #shelved = new Map<number, Shelved>();

  constructor(world: World, origin: (feed: WorldFeed) => string) {
    this.#world = world;
    this.#origin = origin;
  }

  get(feed: WorldFeed, gzip: boolean): Representation {
    const shelved = this.#latest(feed);
    if (gzip) shelved.gzip ??= gzipSync(shelved.document.body, { level: GZIP_LEVEL });
    const { body, contentType, modifiedMs } = shelved.document;
    return {
      body: gzip && shelved.gzip ? shelved.gzip : body,
      contentType,
      encoding: gzip ? 'gzip' : null,
      etag: feed.sends.etag ? etagOf(feed, shelved.step, gzip) : null,
      lastModified: feed.sends.lastModified ? new Date(modifiedMs).toUTCString() : null,
    };
  }

  #latest(feed: WorldFeed): Shelved {
    const step = this.#world.step(feed);
    const found = this.#shelved.get(feed.index);
    if (found?.step === step) return found;
    const document = renderFeed(this.#world.options, feed, step, this.#origin(feed));
    const made: Shelved = { step, document, gzip: null };
    this.#shelved.set(feed.index, made);
    return made;
  }
}

/**
 * Two encodings are two representations and have two tags (RFC 9110 section 8.8.3.3). Some are weak, some hold
 * characters that a careless client loses.
 */
function etagOf(feed: WorldFeed, step: number, gzip: boolean): string {
  const tag = `"${feed.slug}${feed.index % 7 === 3 ? ':;/=' : '-'}${step}${gzip ? '-gzip' : ''}"`;
  return feed.index % 5 === 4 ? `W/${tag}` : tag;
}
