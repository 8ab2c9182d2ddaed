import { sizeText } from './article.ts';
import { type Fact, facts } from './facts.ts';
import { html, NOTHING, type Safe } from './html.ts';
import { durationText, shortTime } from './time.ts';

/** How deep, and how many entries at each level, are shown. */
const DEPTH_MAX = 6;
const ENTRIES_MAX = 100;
/** Times as milliseconds since 1970 lie above this; smaller numbers are numbers. */
const TIMES_FROM = Date.UTC(2000, 0);

/**
 * Any JSON object, for people: names in words, times and durations by the endings of their names. What is an object
 * itself gets a heading and a list of its own.
 */
export function described(value: object, now: number): Safe {
  const entries = Object.entries(value).slice(0, ENTRIES_MAX);
  const parts = entries.filter(([, one]) => isRecord(one));
  const plain = entries.filter(([, one]) => !isRecord(one));
  return html`${facts(plain.map(([key, one]) => [words(key), shown(one, now, 1, key)]))}${parts.map(
    ([key, one]) => html`<h3>${words(key)}</h3>${facts(rows(one, now, 1))}`,
  )}`;
}

/** An object within an object gives rows of its own: `Fetches: ok`. */
function rows(record: object, now: number, depth: number, prefix = ''): Fact[] {
  const entries = Object.entries(record).slice(0, ENTRIES_MAX);
  return entries.flatMap(([key, one]) => {
    const name = `${prefix}${prefix === '' ? words(key) : lowered(words(key))}`;
    if (isRecord(one) && depth < DEPTH_MAX) return rows(one, now, depth + 1, `${name}: `);
    return [[name, shown(one, now, depth, key)] as const];
  });
}

function shown(value: unknown, now: number, depth: number, name: string): Safe {
  if (value === null || value === undefined || value === '') return html`<span class="muted">none</span>`;
  if (typeof value === 'boolean') return html`${value ? 'yes' : 'no'}`;
  if (typeof value === 'number') return shownNumber(value, now, name);
  if (typeof value !== 'object') return html`<span class="wrap" dir="auto">${String(value)}</span>`;
  if (depth >= DEPTH_MAX) return html`…`;
  if (!Array.isArray(value)) return facts(rows(value, now, depth + 1));
  if (value.length === 0) return html`<span class="muted">none</span>`;
  return html`<ul>${value.slice(0, ENTRIES_MAX).map((one) => html`<li>${shown(one, now, depth + 1, name)}</li>`)}${value.length > ENTRIES_MAX ? html`<li>…</li>` : NOTHING}</ul>`;
}

function shownNumber(value: number, now: number, name: string): Safe {
  if (/(At|Since|Until)$/.test(name) && value > TIMES_FROM) return shortTime(value, now);
  if (/Ms(Max)?$/.test(name)) return html`${durationText(value)}`;
  if (/[bB]ytes(Max)?$/.test(name)) return html`${sizeText(value)}`;
  return html`${Number.isInteger(value) ? value.toLocaleString('en-GB') : value.toFixed(1)}`;
}

/** Not a list; an empty one says nothing, and is shown as such. */
function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}

/** `nextDueAt` becomes `Next due`; codes in capitals stay. */
function words(key: string): string {
  if (!/[a-z]/.test(key)) return key;
  return key
    .replace(/(At|Ms|Bytes)$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/^./, (letter) => letter.toUpperCase());
}

function lowered(text: string): string {
  return /[a-z]/.test(text) ? text.toLowerCase() : text;
}
