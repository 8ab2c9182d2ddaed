/** Where the items of a JSON Feed begin and end, found without reading them. */
import { parseError } from './errors.ts';
import { ENTRIES_MAX, ENTRY_BYTES_MAX, HEAD_BYTES_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts';
import type { Layout, Stretch } from './windows.ts';

const [QUOTE, BACKSLASH, COMMA] = [34, 92, 44];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125];

/** `start`: the first brace. Throws PARSE_TOO_DEEP, PARSE_TOO_LARGE, PARSE_MALFORMED and PARSE_NOT_A_FEED. */
export function jsonLayout(bytes: Buffer, start: number, windowBytes: number): Layout {
  const walk = new Walk();
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const end = stringEnd(bytes, at);
      walk.string(bytes, at, end);
      at = end;
    } else walk.structure(byte, at);
  }
  if (walk.depth !== 0) throw parseError('PARSE_MALFORMED', 'The JSON is broken: it does not end.');
  const { from, to } = walk.items;
  if (from === -1) throw parseError('PARSE_NOT_A_FEED', 'This JSON has no list of items.');
  if (from - start + bytes.length - to > HEAD_BYTES_MAX) {
    throw parseError('PARSE_TOO_LARGE', `This JSON has more than ${HEAD_BYTES_MAX} bytes besides its items.`);
  }
  const head = Buffer.from(bytes.subarray(start, from));
  return { head, tail: Buffer.from(bytes.subarray(to)), ...stretchesOf([...walk.commas, to], from, windowBytes) };
}

/** `ends`: of every item. The comma between two pieces belongs to neither. */
function stretchesOf(
  ends: readonly number[],
  first: number,
  windowBytes: number,
): Pick<Layout, 'stretches' | 'leftOut'> {
  const stretches: Stretch[] = [];
  let leftOut = ends.length > ENTRIES_MAX;
  let from = first;
  let entry = first;
  for (const [i, end] of ends.slice(0, ENTRIES_MAX).entries()) {
    const isOverlong = end - entry > ENTRY_BYTES_MAX;
    if (isOverlong || end - from >= windowBytes || i === Math.min(ends.length, ENTRIES_MAX) - 1) {
      const to = isOverlong ? entry - 1 : end;
      if (to > from) stretches.push({ from, to });
      leftOut ||= isOverlong;
      from = end + 1;
    }
    entry = end + 1;
  }
  return { stretches, leftOut };
}

class Walk {
  depth = 0;
  readonly items = { from: -1, to: -1 };
  /** Between items; no more than are kept. */
  readonly commas: number[] = [];
  #values = 1;
  #key = '';
  #inItems = false;

  string(bytes: Buffer, at: number, end: number): void {
    if (this.depth === 1) this.#key = end - at < 20 ? bytes.toString('latin1', at + 1, end) : '';
  }

  structure(byte: number | undefined, at: number): void {
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

/** Where the string ends that begins here. */
function stringEnd(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(QUOTE, start + 1); at !== -1; at = bytes.indexOf(QUOTE, at + 1)) {
    let escapes = 0;
    while (bytes[at - 1 - escapes] === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
  return bytes.length;
}
