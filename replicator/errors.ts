import { CodedError, type ErrorDetails } from '../store/errors.ts';

/** The codes of `replicator/`, each with what to do about it. */
export const REPLICATOR_ERRORS = {
  BACKUP_BUSY: 'Wait for the other run to end; a run that was killed holds nothing up.',
  BACKUP_DAMAGED:
    'Nothing was cut or overwritten. What stands before the damage can still be restored (`--at`); keep the file, and begin a new one with --full.',
  BACKUP_DISK_FULL: 'Free some space on the disk of the backup; every frame before this run is intact.',
  BACKUP_FILE_UNUSABLE: 'Check the path, its folder and the permissions.',
  BACKUP_NEWER: 'The file was written by a newer Feedferry; use that one.',
  BACKUP_NOT_OURS: 'Name another path: the file holds something else, and is not touched.',
  BACKUP_OTHER_DATABASES: 'Name the databases that the file has, another file, or begin anew with --full.',
  BACKUP_OTHER_SITE: 'A file holds the backups of one site; name another file, or begin anew with --full.',
  BACKUP_STOPPED: 'Run it again; every frame before this run is intact.',
  CONFLICT_UNKNOWN: '`feedferry replicate conflicts list` shows those that wait for somebody.',
  DESTINATION_EXISTS: 'Choose another --name, or remove that one first: `feedferry replicate remove NAME`.',
  DESTINATION_NAME_INVALID: 'Use up to 40 small letters, digits, dots, dashes and underscores.',
  DESTINATION_TOO_MANY: 'Remove destinations that are not needed any more.',
  DESTINATION_UNKNOWN: '`feedferry replicate status` lists the destinations of this store.',
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
  RESTORE_NOT_EMPTY:
    'Name a store that is not there yet. With --into-existing older documents there are replaced, and newer ones stay.',
  RESTORE_OTHER_BEGUN: 'Finish that restore with the same command, or name a store that is not there yet.',
  RESTORE_STOPPED: 'Run the same command again: it goes on where it was stopped.',
  RESTORE_TOO_EARLY: 'Name a later moment; `feedferry backup verify FILE` lists the frames with their times.',
  RESTORE_UNEQUAL:
    'Do not use this store. Restore again into another one, and check the file with `feedferry backup verify`.',
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
