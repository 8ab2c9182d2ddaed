import type { Control, SiteId } from '../store/contract.ts';
import type { DatabaseName } from '../store/documents.ts';

/** The note in `control` that says what a site is. Without one it is a primary that never was part of a failover. */
export const ROLE_NOTE = 'site/role';

/** What a site is among those that hold the same databases. */
export interface SiteRole {
  readonly role: 'primary' | 'replica';
  /** Raised by every promotion. Of two sites that both take themselves for the primary, the higher one is. */
  readonly epoch: number;
  /** The primary that a replica follows, where it is known. */
  readonly primary: SiteId | null;
  /**
   * The one site that ever sent to this one, if it began empty and there was no other. Where there were two, a version of
   * one may stand in the place of a concurrent one of the other, which nobody kept.
   */
  readonly only?: SiteId;
  /**
   * A replica that was a primary once. A version vector with its clock in it says that all its edits until then were
   * seen, so none of them may give way here to a version that has not seen it: a later edit would speak for it.
   */
  readonly wrote?: true;
  /** Of a replica: databases that let edits in until they became a replica's, and that nobody has looked through since. */
  readonly doubtful?: readonly DatabaseName[];
  /** A primary that may not have fenced everybody yet who wrote there before: its promotion is under way, or was killed. */
  readonly unfinished?: true;
  /** Milliseconds since 1970. */
  readonly since: number;
}

export const FIRST_ROLE: SiteRole = { role: 'primary', epoch: 0, primary: null, since: 0 };

/** Null: the site never was part of a failover; `FIRST_ROLE` is what it does then. */
export async function readRoleNote(control: Pick<Control, 'get'>): Promise<SiteRole | null> {
  return ((await control.get(ROLE_NOTE))?.value as SiteRole | undefined) ?? null;
}

export async function readRole(control: Pick<Control, 'get'>): Promise<SiteRole> {
  return (await readRoleNote(control)) ?? FIRST_ROLE;
}
