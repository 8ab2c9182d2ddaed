/**
 * Notes in a site's `control` on its destinations. What a site is, and how far a copy of it has come, are notes as well:
 * `role.ts` and `checkpoint.ts` have those.
 */
import type { Control, ControlNote } from '../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../store/documents.ts';

/** Where to (`configuration.ts`); a name follows. */
export const DESTINATION_NOTES = 'replication/destination/';
/** What an operator wants of it now. */
export const WISH_NOTES = 'replication/wish/';
/** What it does. */
export const STATUS_NOTES = 'replication/status/';
/** Documents that it refuses, so that they don't hold up the others; its name, a database and an id follow. */
export const ASIDE_NOTES = 'replication/aside/';

/** Which site it was when it last answered. */
export function siteNote(destination: string): string {
  return `replication/site/${destination}`;
}

/** Of one document; without an id, what the notes of a database begin with. */
export function asideNote(destination: string, database: DatabaseName, id = ''): string {
  return `${ASIDE_NOTES}${destination}/${database}/${id}`;
}

/** Undefined: it is no note on a document put aside. */
export function readAsideNote(note: string): { readonly database: DatabaseName; readonly id: string } | undefined {
  const [, name, id] = ASIDE_NOTE.exec(note) ?? [];
  const database = DATABASE_NAMES.find((one) => one === name);
  return database === undefined || id === undefined ? undefined : { database, id };
}

/** Whether any destination refuses documents of this database: its checkpoint then says too much. */
export async function isAnyAside(control: Pick<Control, 'list'>, database: DatabaseName): Promise<boolean> {
  for await (const notes of pagesOfNotes(control, ASIDE_NOTES)) {
    if (notes.some(({ id }) => readAsideNote(id)?.database === database)) return true;
  }
  return false;
}

const ASIDE_NOTE = /^replication\/aside\/[^/]*\/([^/]*)\/(.*)$/s;

/** Notes that are read at a time. */
const PAGE = 200;

/** Notes whose ids begin so, in their order. They may be deleted meanwhile. `after`: ids greater than this. */
export async function* pagesOfNotes(
  control: Pick<Control, 'list'>,
  prefix: string,
  after?: string,
): AsyncGenerator<readonly ControlNote[]> {
  for (let from = after; ; ) {
    const notes = await control.list(prefix, { limit: PAGE, ...(from !== undefined && { after: from }) });
    if (notes.length > 0) yield notes;
    if (notes.length < PAGE) return;
    from = notes.at(-1)?.id;
  }
}
