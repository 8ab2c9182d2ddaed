import type { Outcome, Version } from '../contract.ts';
import {
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
import type { Landing } from './landing.ts';
import { type StoredDocument, toStored } from './stored-document.ts';

/** One document of a batch, whichever way it came. */
export interface Change {
  readonly id: string;
  readonly chars: number;
  /** Sent without reading first what is there, as for nothing; the answer tells where that was wrong. */
  readonly isHopeful: boolean;
  /** The outcome, where nothing is to be written. */
  decide(there: There | undefined): Outcome | undefined;
  /** Stamped, and bound to a number. */
  land(there: There | undefined, slot: number, n: number): Landing;
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
    isHopeful: ifVer === null,
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

export function replicaChange(stamper: Stamper, prepared: PreparedReplica): Change {
  const { replica, body } = prepared;
  const { id } = replica;
  const stale: Outcome = { id, result: 'stale' };
  return {
    id,
    chars: body.length,
    isHopeful: true,
    ifSuperseded: stale,
    decide: (there) => (isStale(replica, there) ? stale : undefined),
    land(_there, slot, n) {
      const stamped = stampReplica(stamper, prepared);
      return landing(stamped, n, 'older', replaceOne(toStored(stamped, slot, n), { $lt: stamped.ver }));
    },
  };
}

function replaceOne(document: StoredDocument, ver: Version | { $lt: Version }): Operation {
  return { replaceOne: { filter: { _id: document._id, ver }, replacement: document, upsert: true } };
}

function landing({ id, ver }: Stamped, n: number, replaces: Landing['replaces'], operation: Operation): Landing {
  return { id, ver, n, replaces, operation, fate: undefined, error: undefined, isHazy: false };
}
