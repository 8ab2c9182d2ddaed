import type { Versioned } from './contract.ts';
import { storeError } from './errors.ts';

/** Documents whose content is surely what their body says. */
const stored = new WeakSet<object>();

/**
 * A document whose content is parsed out of its body, an engine's canonical text, when somebody asks for it: what is
 * only passed on to another store is never parsed. Reading `content` of a damaged body throws STORE_CORRUPT.
 */
export function storedDocument<C>(fields: Omit<Versioned<C>, 'content' | 'body'>, body: string): Versioned<C> {
  const { id, ver, org, vv, slot, n, delAt } = fields;
  let content: C | null | undefined;
  const doc = {
    id,
    ver,
    org,
    vv,
    slot,
    n,
    delAt,
    // A property of its own, not of a class: `{...doc}` takes it along.
    get content() {
      content ??= parse<C>(id, body);
      return content;
    },
    body,
  };
  stored.add(doc);
  return doc;
}

/** Whether `storedDocument` made this very object. A copy of one may have got another content, and is not. */
export function isStoredDocument(doc: object): boolean {
  return stored.has(doc);
}

/** Throws STORE_CORRUPT. */
export function parse<C>(id: string, body: string): C | null {
  try {
    return JSON.parse(body) as C | null;
  } catch (cause) {
    throw storeError('STORE_CORRUPT', `The document ${id} is damaged: its text is not JSON.`, { input: id, cause });
  }
}
