import type { Version } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import type { Link } from './link.ts';
import type { Sender } from './sender.ts';

/** Notes that are read at a time. */
const PAGE = 100;

/** A document that a destination refuses for good, so that it doesn't hold up the others. A note at the source. */
export interface Aside {
  readonly code: string;
  readonly message: string;
  readonly ver: Version;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export function asideId(destination: string, database: DatabaseName, id = ''): string {
  return `replication/aside/${destination}/${database}/${id}`;
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
  const prefix = asideId(name, database);
  let left = 0;
  for (let after: string | undefined; !link.isOver; ) {
    const list = source.control.list(prefix, { ...(after !== undefined && { after }), limit: PAGE });
    const notes = await link.deadlines.limit(list, 'the source to list what was put aside');
    const ids = notes.map(({ id }) => id.slice(prefix.length));
    if (ids.length === 0) break;
    const found = source.database(database).versions(ids);
    const docs = await link.deadlines.limit(found, 'the source to read what was put aside');
    for (const id of ids) {
      const doc = docs.get(id);
      if (doc && !(await isTaken(sender, doc))) left += 1;
      else await link.deadlines.limit(source.control.delete(prefix + id), 'the source to forget what was put aside');
    }
    after = notes.at(-1)?.id;
    if (notes.length < PAGE) break;
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
