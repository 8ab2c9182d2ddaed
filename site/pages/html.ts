/** HTML that needs no more escaping. Only `html` and `trusted` make it. */
export class Safe {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What may stand in a template. Lists are joined; `null`, `undefined` and `false` leave nothing. */
export type Piece = Safe | string | number | null | undefined | false | readonly Piece[];

export const NOTHING = new Safe('');

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Builds HTML; everything put in is escaped unless it is `Safe`. Attribute values must stand in double quotes. */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Safe {
  let text = parts[0] ?? '';
  pieces.forEach((piece, i) => {
    text += render(piece) + (parts[i + 1] ?? '');
  });
  return new Safe(text);
}

/** For what was made safe before: article bodies, which the crawler sanitized before it stored them. */
export function trusted(text: string): Safe {
  return new Safe(text);
}

/** An attribute with a leading space, or nothing where there is no value. */
export function attribute(name: string, value: string | null | undefined): Safe {
  return value === null || value === undefined || value === '' ? NOTHING : html` ${trusted(name)}="${value}"`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

function render(piece: Piece): string {
  if (piece === null || piece === undefined || piece === false) return '';
  if (piece instanceof Safe) return piece.text;
  if (typeof piece === 'object') return piece.map(render).join('');
  return escapeHtml(String(piece));
}
