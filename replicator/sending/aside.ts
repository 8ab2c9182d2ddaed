import type { Control, Version } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import { asideNote, pagesOfNotes } from '../notes.ts';
import type { Link } from './link.ts';
import type { Sender } from './sender.ts';

/** A document that a destination refuses for good, so that it doesn't hold up the others. A note at the source. */
export interface Aside {
  readonly code: string;
  readonly message: string;
  readonly ver: Version;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** The destination will never take this document, however often it is sent. */
export function isRefused(error: unknown): boolean {
  return codeOf(error) === 'BATCH_INVALID';
}

/**
 * Offers what was put aside once more: the destination may be another one by now, or the document. Returns how many
 * stay aside.
 */
export async function offerAside(link: Link, database: DatabaseName, sender: Sender): Promise<number> {
  const { name, source } = link.course;
  const prefix = asideNote(name, database);
  const list: Control['list'] = (...about) =>
    link.deadlines.limit(source.control.list(...about), 'the source to list what was put aside');
  let left = 0;
  if (link.isOver) return left;
  for await (const notes of pagesOfNotes({ list }, prefix)) {
    const ids = notes.map(({ id }) => id.slice(prefix.length));
    const found = source.database(database).versions(ids);
    const docs = await link.deadlines.limit(found, 'the source to read what was put aside');
    for (const id of ids) {
      const doc = docs.get(id);
      if (doc && !(await isTaken(sender, doc))) left += 1;
      else await link.deadlines.limit(source.control.delete(prefix + id), 'the source to forget what was put aside');
    }
    if (link.isOver) break;
  }
  return left;
}

async function isTaken(sender: Sender, doc: Parameters<Sender['push']>[0][number]): Promise<boolean> {
  try {
    await sender.push([doc]);
    return true;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}
