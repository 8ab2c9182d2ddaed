import type { Digest, Versioned } from '../../store/contract.ts';
import { fingerprints } from '../../store/envelope.ts';
import { bodyOf } from './bodies.ts';
import type { Seen } from './look.ts';

/**
 * Why something was not repaired.
 * - `only-at-destination`: a document or a newer version that the source never had; nobody said that it may go.
 * - `damaged-source`, `damaged-destination`: the side whose version should go over is not sound, and the other has no
 *   sound copy of that version.
 * - `source-remote`: it wants an edit at the source, which is behind a receiver.
 * - `refused`: the other end takes no such document (BATCH_INVALID).
 * - `changed`: it was written meanwhile.
 */
export type LeftWhy =
  | 'only-at-destination'
  | 'damaged-source'
  | 'damaged-destination'
  | 'source-remote'
  | 'refused'
  | 'changed';

/**
 * `send`: from the source to the destination. `fetch`: the other way round, in two-way. `heal`: the source gets a sound
 * copy of its own version back. `force`: written anew at the source. All else: left.
 */
export type Act = 'send' | 'fetch' | 'heal' | 'force' | LeftWhy;

export interface Acts {
  readonly isTwoWay: boolean;
  readonly force: boolean;
  readonly canEditSource: boolean;
}

/** What to do about a difference. Pure. */
export function decideRepair({ source, destination, standing }: Seen, { isTwoWay, force, canEditSource }: Acts): Act {
  const isSourceSound = source?.sound !== false;
  const isDestinationSound = destination?.sound !== false;
  if (standing === 'extra' || standing === 'newer') {
    if (isTwoWay) return isDestinationSound ? 'fetch' : 'damaged-destination';
    if (!force) return 'only-at-destination';
    if (!isSourceSound) return 'damaged-source';
    return canEditSource ? 'force' : 'source-remote';
  }
  if (isSourceSound) return 'send';
  const hasSoundCopy = source?.ver === destination?.ver && isDestinationSound;
  if (!hasSoundCopy) return 'damaged-source';
  return canEditSource ? 'heal' : 'source-remote';
}

/** Whether a body that was read is the one that the digest words beside it were made of. */
export function isAsWritten(doc: Versioned<unknown>, { h1, h2, h3 }: Digest): boolean {
  const words = fingerprints(doc.id, bodyOf(doc), doc.ver, doc.content === null);
  return words.h1 === h1 && words.h2 === h2 && words.h3 === h3;
}
