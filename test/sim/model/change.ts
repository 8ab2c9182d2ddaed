import type { Outcome, Replica } from '../../../store/contract.ts';
import {
  isStale,
  type PreparedEdit,
  type PreparedReplica,
  passes,
  type Stamped,
  type Stamper,
  stampEdit,
  stampReplica,
} from '../../../store/stamp.ts';
import type { ModelDisk, Row } from './disk.ts';

/** One document of a batch, whichever way it came; the engines' own rules, by the engines' own stamping. */
export interface Change {
  readonly id: string;
  readonly isEdit: boolean;
  /** The outcome, where nothing is to be written. */
  decide(there: Row | undefined): Outcome | undefined;
  stamp(there: Row | undefined, slot: number): Stamped;
}

export function editChange(stamper: Stamper, edit: PreparedEdit): Change {
  return {
    id: edit.id,
    isEdit: true,
    decide: (there) => (passes(edit, there && known(there)) ? undefined : { id: edit.id, result: 'conflict' }),
    stamp: (there, slot) => stampEdit(stamper, edit, there && known(there), slot),
  };
}

export function replicaChange(disk: ModelDisk, stamper: Stamper, prepared: PreparedReplica): Change {
  const { replica } = prepared;
  const { id } = replica;
  return {
    id,
    isEdit: false,
    decide(there) {
      if (disk.mistake !== 'no-ver-guard' && isStale(replica, there && known(there))) return { id, result: 'stale' };
      return isExpected(replica, there) ? undefined : { id, result: 'conflict' };
    },
    stamp: () => stampReplica(stamper, prepared),
  };
}

function isExpected({ ifVer }: Replica<unknown>, there: Row | undefined): boolean {
  return ifVer === undefined || (there?.ver ?? null) === ifVer;
}

function known({ ver, vv, org, del, content }: Row) {
  const num = Number((content as { num?: number } | null)?.num ?? 0);
  return { ver, vv, org, del, num };
}
