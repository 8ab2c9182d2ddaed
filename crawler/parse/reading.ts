import { parseDate } from './date.ts';
import type { OwnEntities } from './entities.ts';
import {
  AUTHORS_MAX,
  CATEGORIES_MAX,
  ENCLOSURES_MAX,
  GUID_CHARS_MAX,
  HTML_CHARS_MAX,
  HUBS_MAX,
  LABEL_CHARS_MAX,
} from './limits.ts';
import type { ParsedEntry, ScheduleHints } from './model.ts';
import { characters, cut, line, plainTitle } from './text.ts';
import { absoluteUrl } from './url.ts';
import { excerpt, type Warnings } from './warnings.ts';

/** What all readers of one document share. */
export interface Reading {
  /** Where the document came from; relative links without `xml:base` resolve against it. */
  readonly url: string | null;
  readonly own: OwnEntities | null;
  readonly warnings: Warnings;
}

export type Enclosure = ParsedEntry['enclosures'][number];

export function noHints(): ScheduleHints {
  return { ttlMs: null, skipHours: [], skipDays: [], updatePeriodMs: null };
}

/** The first of these texts that is a date. */
export function firstDate(reading: Reading, ...texts: string[]): number | null {
  for (const text of texts) {
    if (text === '') continue;
    const at = parseDate(text);
    if (at !== null) return at;
    reading.warnings.add('PARSE_DATE', `not a date: ${excerpt(text)}`);
  }
  return null;
}

/** The first of these that is an http(s) address. */
export function firstUrl(reading: Reading, base: string | null, ...texts: string[]): string | null {
  for (const text of texts) {
    if (text === '') continue;
    const url = absoluteUrl(text, base);
    if (url !== null) return url;
    reading.warnings.add('PARSE_URL', `not an http(s) address: ${excerpt(text)}`);
  }
  return null;
}

/** Plain characters of a text element, trimmed. */
export function plain(raw: string, reading: Reading): string {
  return raw === '' ? '' : characters(raw, reading.own).trim();
}

/** An id: verbatim but trimmed. Null where there is none. */
export function guidOf(text: string): string | null {
  const trimmed = text.trim();
  return trimmed === '' ? null : cut(trimmed, GUID_CHARS_MAX);
}

/** A body within its limit. */
export function body(html: string, reading: Reading): string {
  if (html.length <= HTML_CHARS_MAX) return html.trim();
  reading.warnings.add('PARSE_TEXT_CUT', `a body of ${html.length} characters was cut to ${HTML_CHARS_MAX}`);
  return cut(html, HTML_CHARS_MAX).trim();
}

export function addLabel(labels: string[], text: string, max: number = CATEGORIES_MAX): void {
  if (labels.length >= max) return;
  const label = plainTitle(text, LABEL_CHARS_MAX);
  if (label !== '' && !labels.includes(label)) labels.push(label);
}

const NAME_AND_MAIL = /^"?([^"<>@]*?)"?\s*<\s*(?:mailto:)?([^<>@\s]+@[^<>@\s]+)\s*>$/;
const MAIL_AND_NAME = /^(?:mailto:)?([^\s()<>@]+@[^\s()<>@]+)\s*\(([^()]*)\)$/;
const NAME_THEN_MAIL = /^([^()<>@]+?)\s*\(([^\s()<>@]+@[^\s()<>@]+)\)$/;

/** A person's name out of `Jo <jo@x.org>`, `jo@x.org (Jo)` (RSS 2.0) or a mere name; the address where there is no name. */
export function personName(text: string): string {
  const one = line(text, LABEL_CHARS_MAX * 2);
  const before = NAME_AND_MAIL.exec(one) ?? NAME_THEN_MAIL.exec(one);
  if (before !== null) return (before[1] ?? '').trim() || (before[2] ?? '');
  const after = MAIL_AND_NAME.exec(one);
  if (after !== null) return (after[2] ?? '').trim() || (after[1] ?? '');
  return one;
}

export function addPerson(authors: string[], text: string): void {
  if (text !== '') addLabel(authors, personName(text), AUTHORS_MAX);
}

/** Flash has no player any more. */
const DEAD_TYPE = 'application/x-shockwave-flash';

export function addEnclosure(
  enclosures: Enclosure[],
  reading: Reading,
  base: string | null,
  found: { url: string | undefined; type: string | undefined; length: string | undefined },
): void {
  if (enclosures.length >= ENCLOSURES_MAX || found.url === undefined || found.type === DEAD_TYPE) return;
  const url = firstUrl(reading, base, found.url);
  if (url === null || enclosures.some((known) => known.url === url)) return;
  enclosures.push({ length: byteCount(found.length), type: mediaType(found.type), url });
}

function mediaType(text: string | undefined): string | null {
  const type = line(text ?? '', LABEL_CHARS_MAX).toLowerCase();
  return type === '' ? null : type;
}

function byteCount(text: string | undefined): number | null {
  if (text === undefined || !/^\s*\d{1,15}\s*$/.test(text)) return null;
  return Number(text);
}

export function addHub(hubs: string[], url: string | null): void {
  if (url !== null && hubs.length < HUBS_MAX && !hubs.includes(url)) hubs.push(url);
}
