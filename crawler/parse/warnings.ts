import type { ParseWarningCode } from './errors.ts';
import { WARNINGS_MAX } from './limits.ts';
import type { ParseWarning } from './model.ts';

/** Of one code, how many are told one by one; the rest is only counted. */
const SAME_CODE_MAX = 5;

/** Collects what was mended or left out; bounded, however broken the document. */
export class Warnings {
  readonly #list: ParseWarning[] = [];
  readonly #counts = new Map<ParseWarningCode, number>();

  add(code: ParseWarningCode, message: string): void {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (count <= SAME_CODE_MAX) this.#list.push({ code, message: excerpt(message, 300) });
  }

  /** At most WARNINGS_MAX, in the order in which they came up; then how many more there were. */
  list(): ParseWarning[] {
    const rest: ParseWarning[] = [];
    for (const [code, count] of this.#counts) {
      if (count > SAME_CODE_MAX) rest.push({ code, message: `and ${count - SAME_CODE_MAX} more of these` });
    }
    return [...this.#list.slice(0, WARNINGS_MAX - rest.length), ...rest];
  }
}

/** A piece of a document for a message: one line, cut, well-formed. */
export function excerpt(text: string, charsMax = 60): string {
  const line = text
    .slice(0, charsMax * 4)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return (line.length > charsMax ? `${line.slice(0, charsMax)}…` : line).toWellFormed();
}
