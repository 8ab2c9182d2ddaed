/** In which fields two states of an article differ, as far as a reader sees them. Pure. */
import type { Article } from '../../store/documents.ts';

/** `updated` is left out: many feeds renew it at every build; so is what each site assigns by itself. */
const FIELDS = ['title', 'url', 'html', 'summary', 'authors', 'categories', 'enclosures', 'published'] as const;

export type ArticleField = (typeof FIELDS)[number];

export interface FieldDifference {
  readonly field: ArticleField;
  /** From a little before the first character that differs; cut. */
  readonly here: string;
  readonly there: string;
}

const EXCERPT_CHARS_MAX = 120;
const CHARS_BEFORE = 20;

export function differencesOf(here: Article, there: Article): FieldDifference[] {
  return FIELDS.flatMap((field): FieldDifference[] => {
    const [a, b] = [textOf(here, field), textOf(there, field)];
    return a === b ? [] : [{ field, ...excerpts(a, b) }];
  });
}

function textOf(article: Article, field: ArticleField): string {
  const value = article[field];
  if (value === null) return '(none)';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return new Date(value).toISOString();
  // Field by field: the order of the names differs between engines.
  return value
    .map((item) => (typeof item === 'string' ? item : `${item.url} ${item.type ?? ''} ${item.length ?? ''}`.trim()))
    .join('; ');
}

function excerpts(a: string, b: string): { here: string; there: string } {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at += 1;
  const from = Math.max(0, at - CHARS_BEFORE);
  const cut = (text: string) => {
    const end = Math.min(text.length, from + EXCERPT_CHARS_MAX);
    return `${from > 0 ? '…' : ''}${text.slice(from, end).toWellFormed()}${end < text.length ? '…' : ''}`;
  };
  return { here: cut(a), there: cut(b) };
}
