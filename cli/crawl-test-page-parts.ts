/** Pieces that the sections of the report page share. Pure. */
import { html, type Safe } from '../site/pages/html.ts';
import { webUrl } from '../site/pages/links.ts';
import { printable } from './text.ts';

/** Longest title or address that is shown. */
const CHARS_MAX = 300;

export function number(n: number): string {
  return n.toLocaleString('en');
}

/** Wider than the page, it scrolls by itself. `columns`: title and class. `stack`: one cell below the other on a phone. */
export function rowsTable(
  caption: string,
  columns: readonly (readonly [string, string])[],
  rows: readonly Safe[],
  kind: 'stack' | '' = '',
): Safe {
  const titles = columns.map(([title, kind]) => html`<th scope="col" class="${kind}">${title}</th>`);
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table class="${kind}"><caption>${caption}</caption><thead><tr>${titles}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** A title that leads to the web, or its text alone. */
export function linked(title: string, url: string | null): Safe {
  const shown = shortened(printable(title)) || shortened(printable(url ?? '')) || '(without a title)';
  // As the URL standard writes it: what can't be seen is encoded.
  const target = webUrl(url !== null && URL.canParse(url) ? new URL(url).href : null);
  if (target === null) return html`<bdi>${shown}</bdi>`;
  return html`<a href="${target}" rel="noreferrer noopener nofollow"><bdi>${shown}</bdi></a>`;
}

export function shortened(text: string): string {
  return text.length <= CHARS_MAX ? text : `${text.slice(0, CHARS_MAX).toWellFormed()}…`;
}
