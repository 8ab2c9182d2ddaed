/** Finding one's way in broken markup, in time that stays in proportion to its length. */

export const CDATA = '<![CDATA[';
export const CDATA_END = ']]>';

const NAME = /[\p{L}_][^\s/<>"'=]{0,100}/uy;

/** The name that starts at `at`, as written; empty: none does. */
export function tagName(text: string, at: number): string {
  NAME.lastIndex = at;
  return NAME.exec(text)?.[0] ?? '';
}

export class Markup {
  readonly text: string;
  /** What was looked for last: from where, and where it stands (Infinity: nowhere); nothing is looked for twice. */
  readonly #found = new Map<string, { from: number; at: number }>();

  constructor(text: string) {
    this.text = text;
  }

  /** Past the next `mark` at or after `from`; -1: there is none. */
  past(from: number, mark: string): number {
    let found = this.#found.get(mark);
    if (found === undefined || from < found.from || from > found.at) {
      const at = this.text.indexOf(mark, from);
      found = { from, at: at === -1 ? Number.POSITIVE_INFINITY : at };
      this.#found.set(mark, found);
    }
    return found.at === Number.POSITIVE_INFINITY ? -1 : found.at + mark.length;
  }

  /** Past the `>` of the tag at `at`, minding quotes where they are balanced; -1: there is none. */
  tagEnd(at: number): number {
    const plain = this.past(at, '>');
    if (plain === -1) return -1;
    for (let i = at; i < this.text.length; i += 1) {
      const c = this.text[i];
      if (c === '>') return i + 1;
      if (c === '"' || c === "'") {
        const close = this.past(i + 1, c);
        // A quote that reaches into the next tag is not one.
        if (close === -1 || close > plain + QUOTED_MAX || this.text.slice(i + 1, close).includes('<')) return plain;
        i = close - 1;
      }
    }
    return plain;
  }

  /** Past the comment, section, instruction or tag at `at`; -1: it does not end. */
  pieceEnd(at: number): number {
    const { text } = this;
    if (text.startsWith('<!--', at)) return this.past(at + 4, '-->');
    if (text.startsWith(CDATA, at)) return this.past(at, CDATA_END);
    if (text.startsWith('<?', at)) return this.past(at, '?>');
    return text.startsWith('</', at) || text.startsWith('<!', at) ? this.past(at, '>') : this.tagEnd(at);
  }
}

/** How far behind its first `>` the attributes of a tag may go on. */
const QUOTED_MAX = 64 * 1024;

export function quotesBalanced(tag: string): boolean {
  return /^[^"']*(?:"[^"]*"[^"']*|'[^']*'[^"']*)*$/.test(tag);
}
