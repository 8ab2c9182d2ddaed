import { Portions, readable } from './bodies.ts';
import { differingFields, type FieldDifference } from './fields.ts';
import { lookAt, type Seen, type Sides } from './look.ts';
import { type Findings, foundOf } from './report.ts';
import type { FindingKind } from './standing.ts';

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
  const portions = new Portions();
  for (let from = 0; from < ids.length; ) {
    const some = ids.slice(from, from + portions.size);
    from += some.length;
    const here = await readable(sides.source, some);
    const there = await readable(sides.destination, some);
    for (const id of some) {
      const [a, b] = [here.get(id), there.get(id)];
      if (a && b) fields.set(id, differingFields(a.content, b.content));
    }
    portions.saw([...here.values(), ...there.values()]);
  }
  return fields;
}
