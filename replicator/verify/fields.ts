/** Which fields of two contents differ, for people. Pure. */

/** Of one document. */
export const FIELDS_MAX = 30;
export const VALUE_CHARS_MAX = 80;

/** How much of what two long values have in common is shown before they differ. */
const CONTEXT_CHARS = 20;

export interface FieldDifference {
  /** `title`, `enclosures[0].url`. Empty: the whole content. */
  readonly field: string;
  /** JSON, cut to `VALUE_CHARS_MAX` around the first difference. Null: not there. */
  readonly source: string | null;
  readonly destination: string | null;
}

/** At most `FIELDS_MAX`, in the order of the fields. Contents are JSON; null: deleted. */
export function differingFields(source: unknown, destination: unknown): FieldDifference[] {
  const found: FieldDifference[] = [];
  collect('', source, destination, found);
  return found;
}

function collect(path: string, a: unknown, b: unknown, found: FieldDifference[]): void {
  if (found.length >= FIELDS_MAX || Object.is(a, b)) return;
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.max(a.length, b.length); i += 1) collect(`${path}[${i}]`, a[i], b[i], found);
  } else if (isRecord(a) && isRecord(b)) {
    for (const key of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
      collect(path === '' ? key : `${path}.${key}`, a[key], b[key], found);
    }
  } else {
    const [source, destination] = shown(JSON.stringify(a) ?? null, JSON.stringify(b) ?? null);
    if (source !== destination) found.push({ field: path, source, destination });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(a: string | null, b: string | null): [string | null, string | null] {
  if (a === null || b === null) return [a && cutAt(a, 0), b && cutAt(b, 0)];
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same += 1;
  const from = same <= VALUE_CHARS_MAX - 2 * CONTEXT_CHARS ? 0 : same - CONTEXT_CHARS;
  return [cutAt(a, from), cutAt(b, from)];
}

function cutAt(text: string, from: number): string {
  const rest = from === 0 ? text : `…${text.slice(from)}`;
  const cut = rest.length <= VALUE_CHARS_MAX ? rest : `${rest.slice(0, VALUE_CHARS_MAX - 1)}…`;
  // Half a character may be left at either end.
  return cut.toWellFormed();
}
