import type { Position } from '../store/contract.ts';
import { siteError } from './errors.ts';
import type { Scope } from './reading.ts';

/** Characters of any one field of a form or a query. */
const FIELD_LENGTH_MAX = 4_096;
/** Fields that a program sends, and characters of each. */
const FIELDS_MAX = 10;
const FIELD_CHARS_MAX = 500;

const FEED_ID = /^[a-z2-7]{16}$/;
const ARTICLE_ID = /^[a-z2-7]{16}\.[a-z2-7]{20}$/;
const CURSOR = /^(-?\d{1,16})\.(\d{1,16})$/;

/** The fields of a query or of a form that was sent: the edge at which unknown input gets its types. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: unknown) {
    this.#values = typeof values === 'object' && values !== null ? (values as Record<string, unknown>) : {};
  }

  /** Empty where the field is missing. Of a repeated field, the first. Throws SITE_FORM_INVALID. */
  text(name: string): string {
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    const text: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof text !== 'string') return '';
    if (text.length > FIELD_LENGTH_MAX) {
      throw siteError('SITE_FORM_INVALID', `The field "${name}" has more than ${FIELD_LENGTH_MAX} characters.`);
    }
    return text;
  }

  /** `1` or `0`. Throws SITE_FORM_INVALID. */
  flag(name: string): boolean {
    const text = this.text(name);
    if (text !== '1' && text !== '0') throw siteError('SITE_FORM_INVALID', `The field "${name}" must be 1 or 0.`);
    return text === '1';
  }

  /** Throws SITE_FORM_INVALID. */
  num(name: string): number {
    const num = Number(this.text(name) || Number.NaN);
    if (Number.isSafeInteger(num) && num >= 0) return num;
    throw siteError('SITE_FORM_INVALID', `The field "${name}" must be a whole number.`, { input: this.text(name) });
  }

  /** Where a page of a list starts; null: at the newest. Throws SITE_CURSOR_INVALID. */
  cursor(name: string): Position | null {
    const text = this.text(name);
    if (text === '') return null;
    const [, at, num] = CURSOR.exec(text) ?? [];
    if (at === undefined || num === undefined) {
      throw siteError('SITE_CURSOR_INVALID', 'The address names a place in the list that does not exist.', {
        input: text,
      });
    }
    return { at: Number(at), num: Number(num) };
  }

  /** A path on this site, never another one's; else `fallback`. */
  localPath(name: string, fallback: string): string {
    const text = this.text(name);
    if (!/^\/(?![/\\])/.test(text)) return fallback;
    const base = 'http://site.invalid';
    const url = URL.canParse(text, base) ? new URL(text, base) : null;
    return url?.origin === base ? url.pathname + url.search + url.hash : fallback;
  }
}

export function cursorText(position: Position): string {
  return `${position.at}.${position.num}`;
}

/** Throws SITE_FEED_UNKNOWN for what cannot be a feed's id. */
export function feedIdOf(text: string | undefined): string {
  if (text !== undefined && FEED_ID.test(text)) return text;
  throw siteError('SITE_FEED_UNKNOWN', 'There is no such feed.', { input: text?.slice(0, 100) ?? '' });
}

/** Throws SITE_ARTICLE_UNKNOWN for what cannot be an article's id. */
export function articleIdOf(text: string | undefined): string {
  if (text !== undefined && ARTICLE_ID.test(text)) return text;
  throw siteError('SITE_ARTICLE_UNKNOWN', 'There is no such article.', { input: text?.slice(0, 100) ?? '' });
}

/** The list that a form or a link speaks of: `feed`, else `folder`, else everything. */
export function scopeOf(fields: Fields): Scope {
  const feed = fields.text('feed');
  const folder = fields.text('folder');
  if (feed !== '') return { kind: 'feed', feed: feedIdOf(feed) };
  return folder === '' ? { kind: 'all' } : { kind: 'folder', folder };
}

/** Of a form or a JSON object that a program sent. Throws SITE_FORM_INVALID. */
export function fieldsOf(body: unknown): Record<string, string> {
  if (body === null || typeof body !== 'object') return {};
  const entries = Object.entries(body);
  const isFine = entries.length <= FIELDS_MAX && entries.every(([, value]) => String(value).length <= FIELD_CHARS_MAX);
  if (!isFine) throw siteError('SITE_FORM_INVALID', 'There are too many fields, or one is too long.');
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}
