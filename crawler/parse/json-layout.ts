/** Where the items of a JSON Feed begin and end, found without reading them. */
import type { ByteSource } from './byte-source.ts';
import { parseError } from './errors.ts';
import { ENTRIES_MAX, ENTRY_BYTES_MAX, HEAD_BYTES_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts';
import type { Layout, Stretch } from './windows.ts';

const [QUOTE, BACKSLASH, COMMA] = [34, 92, 44];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125];

/** `start`: the first brace. Throws PARSE_TOO_DEEP, PARSE_TOO_LARGE, PARSE_MALFORMED and PARSE_NOT_A_FEED. */
export function jsonLayout(bytes: ByteSource, start: number, windowBytes: number): Layout {
  const walk = new Walk();
  let at = 0;
  for (const piece of bytes.pieces()) {
    for (const byte of piece) {
      if (at >= start) walk.step(byte, at);
      at += 1;
    }
  }
  if (walk.depth !== 0) throw parseError('PARSE_MALFORMED', 'The JSON is broken: it does not end.');
  const { from, to } = walk.items;
  if (from === -1) throw parseError('PARSE_NOT_A_FEED', 'This JSON has no list of items.');
  if (from - start + bytes.length - to > HEAD_BYTES_MAX) {
    throw parseError('PARSE_TOO_LARGE', `This JSON has more than ${HEAD_BYTES_MAX} bytes besides its items.`);
  }
  const head = Buffer.from(bytes.slice(start, from));
  return {
    head,
    tail: Buffer.from(bytes.slice(to, bytes.length)),
    stretches: stretchesOf([...walk.commas, to], from, windowBytes),
  };
}

/** `ends`: of every item. The comma between two pieces belongs to neither. */
function stretchesOf(ends: readonly number[], first: number, windowBytes: number): Stretch[] {
  const stretches: Stretch[] = [];
  let from = first;
  let entry = first;
  for (const [i, end] of ends.slice(0, ENTRIES_MAX).entries()) {
    const isOverlong = end - entry > ENTRY_BYTES_MAX;
    if (isOverlong || end - from >= windowBytes || i === Math.min(ends.length, ENTRIES_MAX) - 1) {
      const to = isOverlong ? entry - 1 : end;
      if (to > from) stretches.push({ from, to });
      from = end + 1;
    }
    entry = end + 1;
  }
  return stretches;
}

/** More than `items` has. */
const KEY_CHARS_MAX = 10;

class Walk {
  depth = 0;
  readonly items = { from: -1, to: -1 };
  /** Between items; no more than are kept. */
  readonly commas: number[] = [];
  #values = 1;
  #key = '';
  #inItems = false;
  #inString = false;
  #escaped = false;

  step(byte: number, at: number): void {
    if (!this.#inString) {
      this.#inString = byte === QUOTE;
      if (byte !== QUOTE) this.#structure(byte, at);
      else if (this.depth === 1) this.#key = '';
    } else if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
    else if (this.depth === 1 && this.#key.length < KEY_CHARS_MAX) this.#key += String.fromCharCode(byte);
  }

  #structure(byte: number, at: number): void {
    if (byte === COMMA) {
      this.#values += 1;
      if (this.depth === 1) this.#key = '';
      else if (this.depth === 2 && this.#inItems && this.commas.length <= ENTRIES_MAX) this.commas.push(at);
    } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      if (this.depth === 1 && byte === OPEN_BRACKET && this.#key === 'items' && this.items.from === -1) {
        this.items.from = at + 1;
        this.#inItems = true;
      }
      this.depth += 1;
      this.#values += 1;
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      this.depth -= 1;
      if (this.depth === 1 && this.#inItems) {
        this.items.to = at;
        this.#inItems = false;
      }
    } else return;
    if (this.depth > JSON_DEPTH_MAX) {
      throw parseError('PARSE_TOO_DEEP', `The values of this JSON are nested more than ${JSON_DEPTH_MAX} deep.`);
    }
    if (this.#values > JSON_VALUES_MAX) {
      throw parseError('PARSE_TOO_LARGE', `This JSON has more than ${JSON_VALUES_MAX} values.`);
    }
  }
}
