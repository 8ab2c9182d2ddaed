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
  PROMOTE_EPOCH_LOW: 'Name a higher one with --epoch, or leave it out.',
  PROMOTE_FENCED:
    'Bring this site back with `feedferry demote --to URL-OF-THE-NEW-PRIMARY`. To replace that one after all, first run `feedferry promote --epoch N` here with N above its epoch, and then demote it.',
  RECEIVER_ADDRESS_UNUSABLE: 'Stop the program that listens there, or name another address with --listen.',
  RECEIVER_BUSY: 'It is tried again by itself; if it stays so, look for senders that nobody needs any more.',
  RECEIVER_CERTIFICATE:
    'Give the certificate authority of the receiver with --ca, and use the host name that its certificate was made for.',
  RECEIVER_CLOSING: 'The receiver is being stopped; it is tried again by itself.',
  RECEIVER_FAILED: 'Look into the log of the receiver; it is tried again by itself.',
  RECEIVER_INSECURE:
    'Give --tls-cert and --tls-key, or listen on 127.0.0.1. Where a proxy in front does TLS on a network that you trust, say --insecure.',
  RECEIVER_NOT_OURS: 'Check host, port and path: something else than `feedferry receive` answers there.',
  RECEIVER_SESSION_UNKNOWN:
    'The receiver was restarted, or heard nothing for long; the sender connects anew by itself.',
  RECEIVER_SILENT: 'Look whether the receiver and the link to it still work; it is tried again by itself.',
  RECEIVER_TLS_INVALID: 'Give a certificate chain and its private key, both as PEM, that belong together.',
  RECEIVER_TOKEN_MISSING: 'Give the file with the token of the receiver: --token-file FILE.',
  RECEIVER_TOKEN_SHORT: 'Make a longer one: `openssl rand -base64 32 > receive.token`.',
  RECEIVER_UNAUTHORIZED: 'Give both ends a file with the same token.',
  RECEIVER_UNREACHABLE:
    'Check that `feedferry receive` runs there and that nothing is between; it is tried again by itself.',
  RECEIVER_URL_INVALID: 'Use https://HOST:PORT; http:// is for a receiver on this machine only.',
  REJOIN_FILE_UNUSABLE: 'Name another file with --export; nothing was merged.',
  REJOIN_NOT_NEWER:
    'Only a site that was replaced rejoins. If the other one shall be the primary, promote it: `feedferry promote` there, with --epoch where both sites were promoted.',
  REJOIN_NOT_PRIMARY: 'Name the URL of the new primary; `feedferry promote` there makes it one.',
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
  WIRE_DAMAGED:
    'Nothing of it was used; it is sent again by itself. If it stays so, something on the way changes what passes.',
  WIRE_TOO_LARGE: 'Nothing of it was used. docs/receive.md lists the limits; Feedferry itself stays below them.',
  WIRE_VERSION: 'Bring the older of the two ends to the version of the other.',
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
