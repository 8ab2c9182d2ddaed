import type { Versioned } from '../../store/contract.ts';
import { canonicalJson } from '../../store/envelope.ts';
import { codeOf } from '../../store/errors.ts';
import type { Comparable } from '../target.ts';

/** Documents whose bodies are fetched at a time, and characters that they should have together at most. */
const DOCS_MAX = 32;
const DOCS_FIRST = 2;
const CHARS_MAX = 2 * 1024 * 1024;

/** How many bodies to fetch at a time, judged by the largest of those before. */
export class Portions {
  size = DOCS_FIRST;

  saw(docs: readonly Versioned<unknown>[]): void {
    const chars = Math.max(1, ...docs.map((doc) => bodyOf(doc).length));
    this.size = Math.min(DOCS_MAX, Math.max(1, Math.floor(CHARS_MAX / chars)));
  }
}

/** What a body says that can't be read; of a file whose pages are damaged, too. */
const UNREADABLE: ReadonlySet<string> = new Set(['STORE_CORRUPT', 'INTERNAL']);

/** Those that can be read: a damaged body may be no JSON any more. */
export async function readable(side: Comparable, ids: readonly string[]): Promise<Map<string, Versioned<unknown>>> {
  try {
    const docs = await side.versions(ids);
    // An engine may put reading the text off until somebody asks.
    for (const doc of docs.values()) void doc.content;
    return docs;
  } catch (error) {
    if (!UNREADABLE.has(codeOf(error))) throw error;
    if (ids.length <= 1) return new Map();
  }
  const found = new Map<string, Versioned<unknown>>();
  for (const id of ids) for (const [key, doc] of await readable(side, [id])) found.set(key, doc);
  return found;
}

export function bodyOf({ content, body }: Versioned<unknown>): string {
  return body ?? canonicalJson(content);
}
