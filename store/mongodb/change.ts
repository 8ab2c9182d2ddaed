import type { Document } from 'mongodb';
import type { Outcome, Version } from '../contract.ts';
import {
  conflicts,
  heals,
  isStale,
  type PreparedEdit,
  type PreparedReplica,
  passes,
  type Stamped,
  type Stamper,
  stampEdit,
  stampReplica,
  type There,
} from '../stamp.ts';
import type { Operation } from './bulk.ts';
import type { Landing, Place } from './landing.ts';
import { bodyOf, type StoredDocument, THERE, thereOf, toStored, wordsOf } from './stored-document.ts';

/** What was read of the document that is there. */
export interface Found extends There, Place {
  /** All of it, where a change asked for that. */
  readonly whole?: StoredDocument;
}

/** One document of a batch, whichever way it came. */
export interface Change {
  readonly id: string;
  readonly chars: number;
  /**
   * What is read before it is sent: nothing where it is sent in hope, as for nothing or for an older version, and the
   * answer tells where that was wrong.
   */
  readonly reads: 'nothing' | 'envelope' | 'whole';
  /** The outcome, where nothing is to be written. Not asked of what is sent in hope. */
  decide(there: Found | undefined): Outcome | undefined;
  /** Stamped, and bound to a number. `overOlder`: what was not read may be there, as an older version. */
  land(there: Found | undefined, slot: number, n: number, overOlder: boolean): Landing;
  /** Where a newer version replaced it, or kept it from landing. Undefined: the caller must be told. */
  readonly ifSuperseded: Outcome | undefined;
}

/**
 * A local edit replaces exactly the version that was read, so that integer ids and version vectors carry on, or it
 * inserts. `upsert` makes the server say of every single operation that it did not find its version: it then meets the
 * `_id`, which is there, as documents are never removed.
 */
export function editChange(stamper: Stamper, edit: PreparedEdit): Change {
  const { id, ifVer } = edit;
  return {
    id,
    chars: edit.head.length + (edit.tail?.length ?? 0),
    reads: ifVer === null ? 'nothing' : 'envelope',
    ifSuperseded: undefined,
    decide: (there) => (passes(edit, there) ? undefined : { id, result: 'conflict' }),
    land(there, slot, n) {
      const stamped = stampEdit(stamper, edit, there, slot);
      const document = toStored(stamped, slot, n);
      if (!there) return landing(stamped, n, null, { insertOne: { document } });
      return landing(stamped, n, there.ver, replaceOne(document, there.ver));
    },
  };
}

/** A replica inserts, or replaces any older version, or exactly the one that it names. */
export function replicaChange(stamper: Stamper, prepared: PreparedReplica): Change {
  const { replica, body } = prepared;
  const { id, ifVer, heal = false } = replica;
  if (heal) return healingChange(stamper, prepared);
  const stale: Outcome = { id, result: 'stale' };
  return {
    id,
    chars: body.length,
    reads: ifVer ? 'envelope' : 'nothing',
    ifSuperseded: stale,
    decide(there) {
      if (isStale(replica, there)) return stale;
      return conflicts(replica, there) ? { id, result: 'conflict' } : undefined;
    },
    land(there, slot, n, overOlder) {
      const stamped = stampReplica(stamper, prepared);
      const document = toStored(stamped, slot, n);
      if (ifVer) return landing(stamped, n, ifVer, replaceOne(document, ifVer));
      const inserts = ifVer === null || (!there && !overOlder);
      if (inserts) return landing(stamped, n, null, { insertOne: { document } });
      return landing(stamped, n, 'older', replaceOne(document, { $lt: stamped.ver }));
    },
  };
}

/** Replaces this very version, too, where what is stored there is not what it should be; always what was read. */
function healingChange(stamper: Stamper, prepared: PreparedReplica): Change {
  const { replica, body } = prepared;
  const { id, ver } = replica;
  const stale: Outcome = { id, result: 'stale' };
  const isWell = (stored: StoredDocument) =>
    !heals(stampReplica(stamper, prepared), { ...wordsOf(stored), body: bodyOf(stored) });
  return {
    id,
    chars: body.length,
    reads: 'whole',
    ifSuperseded: stale,
    decide(there) {
      if (isStale(replica, there)) return stale;
      if (there?.ver === ver && there.whole && isWell(there.whole)) return stale;
      return conflicts(replica, there) ? { id, result: 'conflict' } : undefined;
    },
    land(there, slot, n) {
      const stamped = stampReplica(stamper, prepared);
      const document = toStored(stamped, slot, n);
      if (!there) return landing(stamped, n, null, { insertOne: { document } });
      const place = { slot: there.slot, n: there.n };
      const filter = { _id: id, ver: there.ver, ...place };
      return landing(stamped, n, place, { replaceOne: { filter, replacement: document, upsert: true } });
    },
  };
}

/** Of a document that was read by `projectionFor` what its change reads. */
export function foundOf(doc: Document): Found {
  const whole = 'h1' in doc ? { whole: doc as StoredDocument } : {};
  return { ...thereOf(doc), slot: doc.slot, n: doc.n, ...whole };
}

/** Undefined: everything. */
export function projectionFor(changes: readonly Change[]): typeof THERE | undefined {
  return changes.some(({ reads }) => reads === 'whole') ? undefined : THERE;
}

function replaceOne(document: StoredDocument, ver: Version | { $lt: Version }): Operation {
  return { replaceOne: { filter: { _id: document._id, ver }, replacement: document, upsert: true } };
}

function landing({ id, ver }: Stamped, n: number, replaces: Landing['replaces'], operation: Operation): Landing {
  return { id, ver, n, replaces, operation, fate: undefined, error: undefined, isHazy: false };
}
