import type { Contents, DatabaseName, Indexed } from './documents.ts';
import { storeError } from './errors.ts';
import { ScratchMemory } from './scratch-memory.ts';

/** What `serializeContent` (`stamp.ts`) made of a content, as bytes, so that it can go from one thread to another. */
export interface SerializedParts<N extends DatabaseName> {
  /** UTF-8 of the canonical content; where `tail` is there, `num` goes between the two. */
  readonly head: Uint8Array;
  readonly tail: Uint8Array | null;
  /** The fields that engines copy out of it. */
  readonly indexed: Indexed[N];
}

const NUMBER_BYTES_MAX = 16;
const space = new ScratchMemory(256 * 1024);

/**
 * Content to be written that another thread has checked and serialized: no text of it is made on the way into SQLite. What
 * is in it is believed. It is parsed only if somebody asks for its content, as MongoDB does. Its memory must stay until it is written.
 */
export class Serialized<C> {
  readonly indexed: object;
  /** Whether a number is to be filled in. */
  readonly wantsNumber: boolean;
  readonly #head: Uint8Array;
  readonly #tail: Uint8Array;
  readonly #bytes: number;
  #content: C | undefined;

  static of<N extends DatabaseName>(parts: SerializedParts<N>): Serialized<Contents[N]> {
    return new Serialized<Contents[N]>(parts.head, parts.tail, parts.indexed);
  }

  private constructor(head: Uint8Array, tail: Uint8Array | null, indexed: object) {
    this.indexed = indexed;
    this.wantsNumber = tail !== null;
    this.#head = head;
    this.#tail = tail ?? new Uint8Array();
    this.#bytes = this.#head.byteLength + this.#tail.byteLength;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get head(): string {
    return decode(this.#checked().#head);
  }

  get tail(): string | null {
    return this.wantsNumber ? decode(this.#checked().#tail) : null;
  }

  /** With `num: 0` where a number is to be filled in. */
  get content(): C {
    this.#content ??= JSON.parse(this.tail === null ? this.head : `${this.head}0${this.tail}`) as C;
    return this.#content;
  }

  /**
   * `before`, in ASCII, and the canonical content behind it, with the number filled in where one is wanted. The memory of
   * both is used again by the next call.
   */
  behind(before: string, num: number): { readonly whole: Uint8Array; readonly body: Uint8Array } {
    this.#checked();
    const memory = space.of(before.length + this.#bytes + NUMBER_BYTES_MAX);
    const from = memory.write(before, 0, 'latin1');
    let at = from + this.#head.byteLength;
    memory.set(this.#head, from);
    if (this.wantsNumber) at += memory.write(String(num), at, 'latin1');
    memory.set(this.#tail, at);
    at += this.#tail.byteLength;
    return { whole: memory.subarray(0, at), body: memory.subarray(from, at) };
  }

  /** Memory that was given back is empty: better no document than half a one. */
  #checked(): this {
    if (this.#head.byteLength + this.#tail.byteLength === this.#bytes) return this;
    throw storeError('BATCH_INVALID', 'Serialized content was given back before it was written.');
  }
}

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
