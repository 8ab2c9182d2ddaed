import sanitizeHtml from 'sanitize-html';
import { decodeEntities, escapeHtml } from './parse/entities.ts';
import { plainText } from './sanitize/plain-text.ts';
import {
  ALLOWED_ATTRIBUTES,
  ALLOWED_TAGS,
  CHANGES,
  type Context,
  DROPPED_WITH_CONTENT,
  frameLink,
  VOID_TAGS,
} from './sanitize/rules.ts';
import { sanitizeTidy } from './sanitize/tidy.ts';

export { plainText } from './sanitize/plain-text.ts';

/**
 * What a reader may be shown of an article: an allow-list of elements and attributes, no scripts, styles, classes, ids,
 * frames, forms or tracking pixels; links and images absolute (`base` resolves relative ones; null: they lose theirs),
 * http(s) and mailto only, and telling nobody who reads. Frames of well-known video hosts become links. Of a document
 * that nests elements beyond all reason only the text is left.
 */
export function sanitizeArticle(html: string, base: string | null): string {
  if (html.indexOf('<') === -1) return escapeHtml(decodeEntities(html));
  return sanitizeTidy(html, { base, hasNoscript: false }) ?? sanitizeUntidy(html, base);
}

/** Elements inside elements that are kept; deeper ones lose their tags. */
const NESTING_MAX = 50;
/** Elements that may be open at once, kept or not: the HTML parser's time grows with the square of it. */
const DEPTH_MAX = 400;
const TOO_DEEP = Symbol('elements nested too deep');

/** The article at hand: sanitizing is synchronous. */
let context: Context = { base: null, hasNoscript: false };
let depth = 0;

/** The way for any article, through sanitize-html. `sanitizeArticle` gives the same, quicker. */
export function sanitizeUntidy(html: string, base: string | null): string {
  context = { base, hasNoscript: /<noscript/i.test(html) };
  depth = 0;
  try {
    const safe = sanitizeHtml(/<iframe/i.test(html) ? withoutFallback(html) : html, OPTIONS);
    // Images and sources with nothing to show; in texts and attributes a `<` is escaped.
    return safe.replaceAll('<img />', '').replaceAll('<source />', '').trim();
  } catch (error) {
    if (error !== TOO_DEEP) throw error;
    return escapeHtml(plainText(html, html.length));
  }
}

const OPTIONS: sanitizeHtml.IOptions = {
  allowedTags: [...ALLOWED_TAGS],
  nonTextTags: [...DROPPED_WITH_CONTENT],
  selfClosing: [...VOID_TAGS],
  allowedAttributes: Object.fromEntries(Object.entries(ALLOWED_ATTRIBUTES).map(([tag, names]) => [tag, [...names]])),
  allowedSchemes: ['http', 'https', 'mailto'],
  allowedSchemesAppliedToAttributes: ['href', 'src', 'cite', 'poster'],
  allowProtocolRelative: false,
  parseStyleAttributes: false,
  nestingLimit: NESTING_MAX,
  transformTags: {
    ...Object.fromEntries(
      Object.entries(CHANGES).map(([tag, change]): [string, sanitizeHtml.Transformer] => [
        tag,
        (tagName, attributes) => ({ tagName, attribs: change(attributes, context) }),
      ]),
    ),
    iframe(tagName, attributes) {
      const link = frameLink(attributes, context);
      return link === null ? { tagName, attribs: {} } : { tagName: 'a', attribs: link.attributes, text: link.text };
    },
  },
  onOpenTag() {
    depth += 1;
    if (depth > DEPTH_MAX) throw TOO_DEEP;
  },
  onCloseTag() {
    depth -= 1;
  },
};

/** What stands inside a frame is for browsers without frames. */
function withoutFallback(html: string): string {
  return html.replace(/(<iframe\b[^<>]*>)(?:(?!<\/?iframe).)*(<\/iframe\s*>)/gis, '$1$2');
}
