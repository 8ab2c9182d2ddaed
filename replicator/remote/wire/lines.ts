import { parseJson } from './checked.ts';
import { damaged, tooLarge } from './damage.ts';

/** A head in JSON on the first line, then two lines for each document. */
export interface Pairs {
  readonly head: unknown;
  readonly pairs: readonly (readonly [envelope: string, body: string])[];
}

/** Throws WIRE_DAMAGED, and WIRE_TOO_LARGE above `pairsMax`. */
export function readPairs(raw: Buffer, pairsMax: number): Pairs {
  // Asked for one line more than may be there, `split` makes no list as long as a malicious sender likes.
  const lines = raw.toString('utf8').split('\n', pairsMax * 2 + 3);
  const count = (lines.length - 2) / 2;
  if (count > pairsMax) throw tooLarge(`a frame with more than ${pairsMax} documents`);
  if (!Number.isInteger(count) || count < 0 || lines.at(-1) !== '') throw damaged('lines of a frame are missing');
  const pairs: [string, string][] = [];
  for (let at = 1; at < lines.length - 1; at += 2) pairs.push([lines[at] ?? '', lines[at + 1] ?? '']);
  return { head: parseJson(lines[0] ?? '', 'the head of a frame'), pairs };
}
