import { CodedError, type ErrorDetails } from '../store/errors.ts';

/** The codes of `replicator/`, each with what to do about it. */
export const REPLICATOR_ERRORS = {
  REPLICATION_REFUSED: 'The message says why the destination refuses; nothing was written there.',
  REPLICATION_SAME_SITE: 'Name two different stores.',
  REPLICATION_TARGET_PRIMARY:
    'The destination is a primary of its own: use --two-way, make it a replica with `feedferry demote`, or name an empty store.',
  REPLICATION_TARGET_HAS_DATA:
    'The destination holds documents and no checkpoint from this source: use --two-way, --adopt it as a copy, or name an empty store.',
  REPLICATION_EPOCH_OLDER:
    'The other side has a newer primary. This site must not write any more: see `feedferry demote`, which exports and merges what the new primary never saw.',
  REPLICATION_TAKEN_OVER: 'Another replicator works for this pair of stores now; stop one of the two.',
  REPLICATION_STUCK: 'The message says what was waited for; it is tried again by itself.',
} as const;

export type ReplicatorErrorCode = keyof typeof REPLICATOR_ERRORS;

/** A replicator error with the advice that its code carries. */
export function replicatorError(
  code: ReplicatorErrorCode,
  message: string,
  details: Omit<ErrorDetails, 'advice'> = {},
): CodedError<ReplicatorErrorCode> {
  return new CodedError(code, message, { ...details, advice: REPLICATOR_ERRORS[code] });
}
