/** Text for a terminal. Pure: what comes from feeds is untrusted and may be in any script. */

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Controls (escape sequences among them), invisible format characters and bidirectional overrides. */
const UNPRINTABLE = /[\p{Cc}\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/gu;

/** East Asian wide and full-width blocks; emoji are told by their own property. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|.\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])/u;

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** One line, without anything that could steer a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, ' ').replace(/\s+/g, ' ').trim();
}

/** Columns that a terminal gives to this text. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** Cut to `width` columns, with an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let out = '';
  let used = 1;
  for (const { segment } of graphemes.segment(text)) {
    used += WIDE.test(segment) ? 2 : 1;
    if (used > width) break;
    out += segment;
  }
  return `${out.trimEnd()}…`;
}

export interface Column {
  readonly title: string;
  /** Fixed, in columns; undefined: shares what is left. */
  readonly width?: number;
  readonly right?: boolean;
}

/** Rows under titles, never wider than `width`. No trailing spaces. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string {
  const gaps = 2 * (columns.length - 1);
  const flexible = columns.filter((column) => column.width === undefined).length;
  const left = width - gaps - columns.reduce((sum, column) => sum + (column.width ?? 0), 0);
  const share = Math.max(8, Math.floor(left / Math.max(1, flexible)));
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => pad(cut(cells[i] ?? '', column.width ?? share), column.width ?? share, column.right === true))
      .join('  ')
      .trimEnd();
  return `${[columns.map((column) => column.title), ...rows].map(line).join('\n')}\n`;
}

function pad(text: string, width: number, right: boolean): string {
  const spaces = ' '.repeat(Math.max(0, width - widthOf(text)));
  return right ? spaces + text : text + spaces;
}

/** Words in lines of at most `room` columns, each line but the first after `indent`. Words longer than a line stand out. */
export function wrap(text: string, room: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line === '' || widthOf(longer) <= room) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line].join(`\n${indent}`);
}

export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** `12.3 MB`, in powers of ten, three digits. */
export function bytes(n: number): string {
  let value = n;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toPrecision(3)} ${BYTE_UNITS[unit]}`;
}

/** The largest unit that fits: `350 ms`, `12 s`, `5 min`, `3 h`, `4 d`. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 36 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** `5 min ago`, `in 3 h`, `now`, `never` for null. */
export function relative(at: number | null, now: number): string {
  if (at === null) return 'never';
  const away = at - now;
  if (Math.abs(away) < 1000) return 'now';
  return away < 0 ? `${span(-away)} ago` : `in ${span(away)}`;
}

/** `2026-03-01 12:30:05Z`. */
export function moment(at: number | null): string {
  return at === null ? 'never' : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
