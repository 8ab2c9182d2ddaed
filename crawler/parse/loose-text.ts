import { CDATA, CDATA_END, Markup, tagName } from './markup.ts';
import { TEXT_ELEMENTS } from './xml.ts';

/** Texts and bodies in documents whose markup is broken: where one ends, and how it is made harmless to the XML parser. */

export interface TextEnd {
  /** Where the text ends, and where reading goes on. */
  readonly end: number;
  readonly next: number;
  /** By its own end tag. */
  readonly closed: boolean;
}

/** Where a text that is not closed must end at the latest. */
const BOUNDARIES: ReadonlySet<string> = new Set(['item', 'entry', 'channel', 'feed', 'rss', 'rdf:rdf']);
/** Where it ends rather than swallow another field; in a body only at elements that HTML does not have. */
const FIELDS: ReadonlySet<string> = new Set([...TEXT_ELEMENTS, 'enclosure', 'source', 'author']);
const HTML_FIELDS: ReadonlySet<string> = new Set(['title', 'body', 'summary', 'link', 'source']);
const BODIES = /^(?:description|content|summary|encoded|body|(?:content|xhtml|media|atom|dc):\w+|itunes:summary)$/;
/** In how many more pieces of markup its own end tag is looked for, once a text seems to have ended; in a document. */
const LOOKAHEAD_MAX = 500_000;

type Canonical = (raw: string) => string;

export class LooseTexts {
  readonly #markup: Markup;
  readonly #canonical: Canonical;
  #lookahead = LOOKAHEAD_MAX;

  constructor(markup: Markup, canonical: Canonical) {
    this.#markup = markup;
    this.#canonical = canonical;
  }

  /** Of the text element `name` whose content starts at `from`. */
  end(from: number, name: string): TextEnd {
    const { text } = this.#markup;
    const isBody = BODIES.test(name);
    let early: TextEnd | null = null;
    let at = text.indexOf('<', from);
    while (at !== -1) {
      const found = this.#look(at, name, isBody);
      if (found.boundary || (found.here?.closed ?? false))
        return (found.boundary ? early : null) ?? found.here ?? early ?? atEnd(text);
      early ??= found.here;
      if (early !== null) {
        this.#lookahead -= 1;
        if (this.#lookahead < 0) return early;
      }
      if (found.next === -1) break;
      at = text.indexOf('<', found.next);
    }
    return early ?? atEnd(text);
  }

  /** What is at a `<`: the end of the text (here), for certain (a boundary, or closed) or perhaps; and what comes next. */
  #look(at: number, name: string, isBody: boolean): { here: TextEnd | null; boundary: boolean; next: number } {
    const markup = this.#markup;
    const { text } = markup;
    const none = { here: null, boundary: false };
    if (text.startsWith(CDATA, at)) {
      const end = markup.past(at, CDATA_END);
      // A section that is not closed ends with its element.
      return { ...none, next: end === -1 ? at + CDATA.length : end };
    }
    if (text.startsWith('<!', at) || text.startsWith('<?', at)) return { ...none, next: markup.pieceEnd(at) };
    const closing = text[at + 1] === '/';
    const raw = tagName(text, closing ? at + 2 : at + 1);
    if (raw === '') return { ...none, next: at + 1 };
    const found = this.#canonical(raw);
    const past = markup.past(at, '>');
    const behind = { end: at, next: past === -1 ? text.length : past, closed: closing && found === name };
    const before = { end: at, next: at, closed: false };
    if (behind.closed) return { here: behind, boundary: false, next: past };
    if (BOUNDARIES.has(found)) return { here: before, boundary: true, next: past };
    if (closing) return { ...none, here: TEXT_ELEMENTS.has(found) ? behind : null, next: at + 1 };
    const isField = FIELDS.has(found) && !(isBody && HTML_FIELDS.has(found));
    return { ...none, here: isField ? before : null, next: at + 1 };
  }
}

function atEnd(text: string): TextEnd {
  return { end: text.length, next: text.length, closed: false };
}

/** Escapes what would mislead the XML parser inside a text: stray `<`, tags without end, the element's own start tag. */
export function harmless(text: string, name: string, canonical: Canonical): string {
  const markup = new Markup(text);
  let out = '';
  let from = 0;
  let at = text.indexOf('<');
  while (at !== -1) {
    let end = harmlessEnd(markup, at, name, canonical);
    if (end === -1) {
      if (text.startsWith(CDATA, at)) return `${out}${text.slice(from)}${CDATA_END}`;
      out += `${text.slice(from, at)}&lt;`;
      from = at + 1;
      end = from;
    }
    at = text.indexOf('<', end);
  }
  return from === 0 ? text : out + text.slice(from);
}

/** Past the markup at `at`; -1: it is none that the parser would take well. */
function harmlessEnd(markup: Markup, at: number, name: string, canonical: Canonical): number {
  const { text } = markup;
  if (!/[!?/]/.test(text[at + 1] ?? '')) {
    const raw = tagName(text, at + 1);
    if (raw === '' || canonical(raw) === name) return -1;
  }
  return markup.pieceEnd(at);
}
