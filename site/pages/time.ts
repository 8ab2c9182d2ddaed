import { html, type Safe } from './html.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const DATE_TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' });

/** `12 Nov 2025, 14:03 UTC`. */
export function absoluteTime(at: number): string {
  return `${DATE_TIME.format(dated(at))} UTC`;
}

/** `3 h ago`, `in 20 min`; from a week on the date. */
export function relativeTime(at: number, now: number): string {
  const distance = Math.abs(now - at);
  if (distance < MINUTE) return at <= now ? 'just now' : 'in a moment';
  if (distance >= 7 * DAY) return DATE.format(dated(at));
  const amount = durationText(distance);
  return at <= now ? `${amount} ago` : `in ${amount}`;
}

/** The largest unit that fits: `3 h`, `2 days`. */
export function durationText(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.round(ms / 1000))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  const days = Math.floor(ms / DAY);
  return days === 1 ? '1 day' : `${days} days`;
}

/** Short, with the exact time for who points at it and for machines. */
export function shortTime(at: number, now: number): Safe {
  return html`<time datetime="${isoTime(at)}" title="${absoluteTime(at)}">${relativeTime(at, now)}</time>`;
}

/** Both in words: `12 Nov 2025, 14:03 UTC (3 h ago)`. */
export function fullTime(at: number, now: number): Safe {
  const isRecent = Math.abs(now - at) < 7 * DAY;
  return html`<time datetime="${isoTime(at)}">${absoluteTime(at)}${isRecent ? ` (${relativeTime(at, now)})` : ''}</time>`;
}

function isoTime(at: number): string {
  return dated(at).toISOString();
}

/** A time outside what a Date holds comes out as the epoch rather than as an error page. */
function dated(at: number): Date {
  return new Date(Number.isFinite(at) && Math.abs(at) <= 8.64e15 ? at : 0);
}
