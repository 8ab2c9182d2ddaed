import { doctypeEnd } from './detect.ts';
import { decodeEntities, OwnEntities } from './entities.ts';
import { OWN_ENTITIES_MAX, OWN_ENTITY_CHARS_MAX } from './limits.ts';
import type { Warnings } from './warnings.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids (XML 1.0 section 2.2)
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const ALL_FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]+/g;

/** Drops the characters that XML forbids, and replaces halves of characters. */
export function mendCharacters(text: string, warnings: Warnings): string {
  let mended = text;
  if (FORBIDDEN.test(mended)) {
    mended = mended.replace(ALL_FORBIDDEN, '');
    warnings.add('PARSE_CHARACTERS', `${text.length - mended.length} characters that XML forbids were dropped`);
  }
  return mended.isWellFormed() ? mended : mended.toWellFormed();
}

const ENTITY = /<!ENTITY\s+([A-Za-z_][\w.-]{0,31})\s+(?:"([^"]*)"|'([^']*)')\s*>/g;

/**
 * The entities that the DOCTYPE before the root declares, or null. Values longer than a limit, those that hold other
 * entities, external and parameter entities are left out: so nothing can grow, and nothing is fetched.
 */
export function ownEntities(prolog: string, warnings: Warnings): OwnEntities | null {
  const at = prolog.search(/<!DOCTYPE/i);
  if (at === -1 || prolog.indexOf('<!ENTITY', at) === -1) return null;
  const end = doctypeEnd(prolog, at);
  const values = new Map<string, string>();
  let leftOut = 0;
  for (const found of prolog.slice(at, end === -1 ? prolog.length : end).matchAll(ENTITY)) {
    const value = numericOnly(found[2] ?? found[3] ?? '');
    if (value === null || values.size >= OWN_ENTITIES_MAX) leftOut += 1;
    else if (!values.has(found[1] ?? '')) values.set(found[1] ?? '', value);
  }
  if (leftOut > 0) warnings.add('PARSE_ENTITIES', `${leftOut} entities of the DOCTYPE are not expanded`);
  return values.size === 0 ? null : new OwnEntities(values);
}

/** Character references are replaced where an entity is declared (XML 1.0 section 4.5); null: not to be used. */
function numericOnly(value: string): string | null {
  if (value.length > OWN_ENTITY_CHARS_MAX) return null;
  const decoded = value.replace(/&#x?[0-9a-f]{1,8};/gi, (reference) => decodeEntities(reference));
  return /&[\w.-]+;/.test(decoded) && decodeEntities(decoded) === decoded ? null : decoded;
}
