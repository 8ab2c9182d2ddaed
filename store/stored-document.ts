import type { Versioned } from './contract.ts';
import { storeError } from './errors.ts';

/**
 * Marks an object by private fields of its own, which no copy of it takes along. (A class that is constructed upon what
 * its parent returns; a WeakSet does the same at five times the cost.)
 */
class Mark extends class {
  constructor(marked: object) {
    // biome-ignore lint/correctness/noConstructorReturn: the point of it
    return marked;
  }
} {
  readonly #body: string;
  readonly #id: string;
  #content: unknown;

  constructor(marked: object, id: string, body: string) {
    super(marked);
    this.#id = id;
    this.#body = body;
  }

  static isOn(object: object): boolean {
    return #body in object;
  }

  static contentOf(object: object): unknown {
    const marked = object as Mark;
    marked.#content ??= parse(marked.#id, marked.#body);
    return marked.#content;
  }
}

/**
 * One getter for all of them: with a closure of its own each object would be of another shape, and whoever reads any
 * property of it would have to look it up.
 */
const CONTENT: PropertyDescriptor = {
  get(this: object) {
    return Mark.contentOf(this);
  },
  enumerable: true,
  configurable: true,
};

/**
 * A document whose content is parsed out of its body, an engine's canonical text, when somebody asks for it: what is
 * only passed on to another store is never parsed. Reading `content` of a damaged body throws STORE_CORRUPT.
 */
export function storedDocument<C>(fields: Omit<Versioned<C>, 'content' | 'body'>, body: string): Versioned<C> {
  const { id, ver, org, vv, slot, n, delAt } = fields;
  const doc = { id, ver, org, vv, slot, n, delAt, body };
  new Mark(doc, id, body);
  // A property of its own, not of a class: `{...doc}` takes it along.
  return Object.defineProperty(doc, 'content', CONTENT) as Versioned<C>;
}

/** Whether `storedDocument` made this very object. A copy of one may have got another content, and is not. */
export function isStoredDocument(doc: object): boolean {
  return Mark.isOn(doc);
}

/** Throws STORE_CORRUPT. */
export function parse<C>(id: string, body: string): C | null {
  try {
    return JSON.parse(body) as C | null;
  } catch (cause) {
    throw storeError('STORE_CORRUPT', `The document ${id} is damaged: its text is not JSON.`, { input: id, cause });
  }
}
