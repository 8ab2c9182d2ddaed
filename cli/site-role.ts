import { FENCED_NOTE, type Fenced } from '../replicator/failover/fence-source.ts';
import { readRoleNote } from '../replicator/role.ts';
import type { Store } from '../store/contract.ts';
import { moment } from './text.ts';

export const FENCED_ADVICE = 'Bring it back with `feedferry demote --to URL` of the new primary: docs/failover.md.';

export interface RoleShown {
  /** For people: what the site is, and whom it follows. */
  readonly text: string;
  /** It found a newer primary and stopped writing: somebody has to bring it back. */
  readonly isFenced: boolean;
  readonly isReplica: boolean;
}

/** What a site is among those that hold the same databases. Null: a primary that never was part of a failover. */
export async function shownRole({ control }: Pick<Store, 'control'>): Promise<RoleShown | null> {
  const fenced = (await control.get(FENCED_NOTE))?.value as Fenced | undefined;
  if (fenced !== undefined) {
    const text = `replaced as the primary, and fenced since ${moment(fenced.at)}: ${fenced.why}`;
    return { text, isFenced: true, isReplica: false };
  }
  const role = await readRoleNote(control);
  if (role === null) return null;
  const isReplica = role.role === 'replica';
  const whose = role.primary === null ? 'that no primary feeds yet' : `of ${role.primary}`;
  return { text: `${isReplica ? `replica ${whose}` : 'primary'}, epoch ${role.epoch}`, isFenced: false, isReplica };
}
