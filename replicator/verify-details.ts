import type { Versioned } from '../store/contract.ts';
import { codeOf } from '../store/errors.ts';
import type { Comparable } from './target.ts';
import { differingFields, type FieldDifference } from './verify-fields.ts';
import { lookAt, type Seen, type Sides } from './verify-look.ts';
import { type Findings, foundOf } from './verify-report.ts';
import type { FindingKind } from './verify-standing.ts';

/** Documents whose bodies are fetched at a time, and characters that they may have together once sizes are known. */
const FETCH_DOCS_MAX = 16;
const FETCH_DOCS_FIRST = 2;
const FETCH_CHARS_MAX = 2 * 1024 * 1024;

/**
 * Counts and names what is sure to differ. Returns it as it was at a last look, at which also bodies are hashed: of all
 * with `deep`, else of those whose versions are equal, as one side must be damaged then.
 */
export async function nameFindings(
  sides: Sides,
  sure: readonly Seen[],
  findings: Findings,
  deep: boolean,
): Promise<Seen[]> {
  const toHash = sure.filter((seen) => deep || seen.source?.ver === seen.destination?.ver).map(({ id }) => id);
  const hashed = new Map((await lookAt(sides, toHash, true)).map((seen) => [seen.id, seen]));
  const now = sure.map((seen) => hashed.get(seen.id) ?? seen);
  const found = now.filter((seen) => kindOf(seen) !== null);
  findings.addInFlight(now.filter((seen) => seen.standing === 'in-flight' && kindOf(seen) === null));
  const withFields: { readonly seen: Seen; readonly kind: FindingKind }[] = [];
  for (const seen of found) {
    const kind = kindOf(seen);
    if (kind === null) continue;
    const admitted = findings.admit(kind);
    if (admitted === 'counted') continue;
    if (admitted === 'with-fields' && seen.source !== null && seen.destination !== null)
      withFields.push({ seen, kind });
    else findings.name({ id: seen.id, kind, ...foundOf(seen), fields: null });
  }
  const fields = await fieldsOf(
    sides,
    withFields.map(({ seen }) => seen.id),
  );
  for (const { seen, kind } of withFields) {
    findings.name({ id: seen.id, kind, ...foundOf(seen), fields: fields.get(seen.id) ?? null });
  }
  return found;
}

/** Null: no difference any more. A damaged source is one also where a newer version is on its way. */
function kindOf({ source, standing }: Seen): FindingKind | null {
  if (standing === 'equal') return null;
  if (standing === 'in-flight') return source?.sound === false ? 'damaged' : null;
  return standing;
}

async function fieldsOf(sides: Sides, ids: readonly string[]): Promise<Map<string, FieldDifference[]>> {
  const fields = new Map<string, FieldDifference[]>();
  let size = FETCH_DOCS_FIRST;
  for (let from = 0; from < ids.length; ) {
    const some = ids.slice(from, from + size);
    from += some.length;
    const here = await readable(sides.source, some);
    const there = await readable(sides.destination, some);
    for (const id of some) {
      const [a, b] = [here.get(id), there.get(id)];
      if (a && b) fields.set(id, differingFields(a.content, b.content));
    }
    const chars = Math.max(1, ...[...here.values(), ...there.values()].map(charsOf));
    size = Math.min(FETCH_DOCS_MAX, Math.max(1, Math.floor(FETCH_CHARS_MAX / chars)));
  }
  return fields;
}

/** Those that can be read: a damaged body may be no JSON any more. */
export async function readable(side: Comparable, ids: readonly string[]): Promise<Map<string, Versioned<unknown>>> {
  try {
    return await side.versions(ids);
  } catch (error) {
    if (codeOf(error) !== 'INTERNAL') throw error;
    if (ids.length <= 1) return new Map();
  }
  const found = new Map<string, Versioned<unknown>>();
  for (const id of ids) for (const [key, doc] of await readable(side, [id])) found.set(key, doc);
  return found;
}

function charsOf({ content, body }: Versioned<unknown>): number {
  return body?.length ?? JSON.stringify(content).length;
}
