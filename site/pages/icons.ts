import { type Safe, trusted } from './html.ts';

/** Line icons on a 24 x 24 grid, drawn for this site; hidden from screen readers, the text beside them speaks. */
function icon(paths: string): Safe {
  return trusted(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${paths}</svg>`);
}

export const ICONS = {
  boat: icon('<path d="M12 3v9M12 4.5 18.5 12h-13zM3 15.5h18l-2.6 5H5.6z"/>'),
  articles: icon('<path d="M4 6h16M4 12h16M4 18h10"/>'),
  star: icon('<path d="m12 3.6 2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9L3.5 9.8l5.9-.8z"/>'),
  feeds: icon('<path d="M5 19h.01M5 12a7 7 0 0 1 7 7M5 5a14 14 0 0 1 14 14"/>'),
  add: icon('<path d="M12 5v14M5 12h14"/>'),
  folder: icon('<path d="M3.5 6.5h6l2 2.5h9v10h-17z"/>'),
  dot: icon('<circle cx="12" cy="12" r="5"/>'),
  out: icon('<path d="M8 16 17 7M9 7h8v8"/>'),
  check: icon('<path d="m5 12.5 4.5 4.5L19 7.5"/>'),
  refresh: icon('<path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.3M19.5 3.5v4.5H15"/>'),
  warning: icon('<path d="M12 4 2.8 19.5h18.4zM12 10v4.5M12 17.2h.01"/>'),
} as const;
