import { type AnyBulkWriteOperation, type Collection, MongoBulkWriteError, type WriteError } from 'mongodb';
import { documentError, duplicateIndex, isDuplicateCode, isPassingCode, wasNotSent, wasRefused } from './failures.ts';
import type { StoredDocument } from './stored-document.ts';

/**
 * What one attempt came to, for one document:
 * - `landed`.
 * - `duplicate`: refused by the unique index on `_id` (`id`), on {slot, n} (`place`), or by an unnamed one.
 * - `refused`: surely not written by this attempt; `isPassing` where another one may be.
 * - `unclear`: it may have landed, or may still.
 */
export type Sent =
  | { readonly is: 'landed' }
  | { readonly is: 'duplicate'; readonly index: 'id' | 'place' | undefined }
  | { readonly is: 'refused'; readonly error: unknown; readonly isPassing: boolean }
  | { readonly is: 'unclear'; readonly error: unknown };

export type Operation = AnyBulkWriteOperation<StoredDocument>;

/** One attempt at operations of one kind, which must fit into one command. Never throws for the server's sake. */
export async function sendBulk(
  collection: Collection<StoredDocument>,
  operations: readonly Operation[],
  shown: string,
): Promise<Sent[]> {
  const all = (sent: Sent) => operations.map(() => sent);
  try {
    const { insertedCount, matchedCount, upsertedCount } = await collection.bulkWrite([...operations], {
      ordered: false,
    });
    if (insertedCount + matchedCount + upsertedCount === operations.length) return all({ is: 'landed' });
    return all({ is: 'unclear', error: new Error('the server counts other writes than it was sent') });
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) return all(judgeWhole(error));
    // The driver wraps what befell the whole command, and keeps it here.
    const whole: unknown = error.errorResponse;
    if (whole instanceof Error) return all(judgeWhole(whole));
    const writeErrors = [error.writeErrors].flat();
    const concern = error.result.getWriteConcernError();
    if (writeErrors.length === 0 && !concern) return all(judgeWhole(error));
    const sent = all(concern ? { is: 'unclear', error } : { is: 'landed' });
    for (const failed of writeErrors) sent[failed.index] = judgeOne(failed, shown);
    return sent;
  }
}

/** A server that gives up in the middle of a command says so for the whole of it: only some refusals are sure ones. */
function judgeWhole(error: unknown): Sent {
  if (wasNotSent(error)) return { is: 'refused', error, isPassing: true };
  if (wasRefused(error)) return { is: 'refused', error, isPassing: false };
  return { is: 'unclear', error };
}

function judgeOne({ code, errmsg = '' }: WriteError, shown: string): Sent {
  if (isDuplicateCode(code)) return { is: 'duplicate', index: duplicateIndex(errmsg) };
  return { is: 'refused', error: documentError(code, errmsg, shown), isPassing: isPassingCode(code) };
}
