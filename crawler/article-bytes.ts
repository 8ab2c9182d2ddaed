/** Articles on their way from the digesting thread: serialized there, and in one piece of memory that changes hands. */
import type { Article } from '../store/documents.ts';
import { ScratchMemory } from '../store/scratch-memory.ts';
import { Serialized, type SerializedParts } from '../store/serialized.ts';
import { serializeContent } from '../store/stamp.ts';

export interface PackedArticles {
  readonly memory: ArrayBuffer;
  readonly articles: readonly PackedArticle[];
}

/** How many bytes it has: one after the other. */
interface PackedArticle extends Pick<SerializedParts<'articles'>, 'indexed'> {
  readonly head: number;
  readonly tail: number | null;
}

/** Throws BATCH_INVALID. */
export function packArticles(articles: readonly { readonly id: string; readonly article: Article }[]): PackedArticles {
  const texts = articles.map(({ id, article }) => {
    const { feed, num, at, fingerprint } = article;
    return { ...serializeContent('articles', id, article), indexed: { feed, num, at, fingerprint } };
  });
  const chars = texts.reduce((sum, { head, tail }) => sum + head.length + (tail?.length ?? 0), 0);
  const memory = space.of(chars * BYTES_PER_CHAR_MAX);
  let at = 0;
  const put = (text: string): number => {
    const bytes = memory.write(text, at);
    at += bytes;
    return bytes;
  };
  const packed = texts.map(({ head, tail, indexed }): PackedArticle => {
    return { head: put(head), tail: tail === null ? null : put(tail), indexed };
  });
  return { memory: memory.buffer.slice(0, at), articles: packed };
}

/** Of UTF-8, for what is one character in JavaScript. */
const BYTES_PER_CHAR_MAX = 3;
/** Where they are put together. Counting their bytes before would take as long as writing them. */
const space = new ScratchMemory(512 * 1024);

export function unpackArticles({ memory, articles }: PackedArticles): Serialized<Article>[] {
  let at = 0;
  const take = (bytes: number): Uint8Array => {
    at += bytes;
    return new Uint8Array(memory, at - bytes, bytes);
  };
  return articles.map(({ head, tail, indexed }) =>
    Serialized.of<'articles'>({ head: take(head), tail: tail === null ? null : take(tail), indexed }),
  );
}
