/**
 * The one slot of each database (DESIGN section 4, points 4 and 5): who may write, the mode, and the numbers. Every
 * function here runs inside a transaction of its caller.
 *
 * A number `n` is given inside the write transaction, so that numbers become visible in their order, and `stable` is
 * the greatest one there is. All writers of all processes share the slot; each carries the epoch that it was opened
 * with, and a takeover fences all of them by raising it.
 *
 * Numbers come out of a range whose upper end, `reserved`, was synced to disk before. A power cut may take the last
 * lazily synced transactions, numbers and all, after a tailer has shipped them; every writer that is opened therefore
 * starts above `reserved`, and no number is given twice.
 */
import { hostname } from 'node:os';
import type { Mode, SlotState } from '../contract.ts';
import type { DatabaseName } from '../documents.ts';
import { readOnlyError, shutOutError, storeError } from '../errors.ts';
import { isShut, kindOf, shutOutNote } from '../shut-out.ts';
import type { Connection } from './connection.ts';

export const SLOT = 1;

/** Numbers reserved at a time: at 20,000 writes a second a sync every three seconds. */
const RANGE = 65_537;

const STATE = `
  SELECT epoch, mode, base, reserved, (SELECT max(n) FROM %s) AS last FROM slots WHERE database = ?`;

interface SlotRow {
  epoch: number;
  mode: Mode;
  base: number;
  reserved: number;
  last: number | null;
}

export interface Lease {
  readonly lease: number;
  readonly epoch: number;
  /** Of the note that shuts its kind of writers out, when it was opened; 0: there was none. */
  readonly shutOutRev: number;
}

/** Local edits, or documents of other sites. */
export type WriteKind = 'edit' | 'apply';

/** The numbers that a transaction may give: from `next` to `end`, both included. */
export interface Numbers {
  readonly next: number;
  readonly end: number;
}

/** For a synced transaction: notes a writer, and reserves a range of numbers above all that were ever given. */
export function takeLease(db: Connection, name: DatabaseName, owner: string): Lease {
  const { epoch, mode, reserved } = slotRow(db, name);
  if (mode === 'read-only') throw readOnlyError(name, db.path, mode);
  const shutOutRev = shutOutRevOf(db, name, owner);
  forgetTheDead(db, name);
  db.statement('UPDATE slots SET base = ?, reserved = ? WHERE database = ?').run(reserved, reserved + RANGE, name);
  return { lease: noteLease(db, name, owner), epoch, shutOutRev };
}

/** For a synced transaction: notes that this process holds something. */
export function noteLease(db: Connection, database: string, owner: string): number {
  const sql = 'INSERT INTO leases (database, owner, host, pid) VALUES (?, ?, ?, ?) RETURNING lease';
  return Number(db.statement(sql).get(database, owner, hostname(), process.pid)?.lease);
}

/** Whether the process that took this lease still runs, as far as one can tell from here. */
export function isHeld(db: Connection, lease: number): boolean {
  const row = db.statement('SELECT host, pid FROM leases WHERE lease = ?').get(lease);
  return row !== undefined && (row.host !== hostname() || isAlive(Number(row.pid)));
}

export function dropLease(db: Connection, lease: number): void {
  db.statement('DELETE FROM leases WHERE lease = ?').run(lease);
}

/** For a transaction: throws WRITER_SHUT_OUT where a writer of this owner may neither open nor write. */
function shutOutRevOf(db: Connection, name: DatabaseName, owner: string): number {
  const kind = kindOf(owner);
  if (kind === null) return 0;
  const note = db.statement('SELECT rev, value FROM control WHERE id = ?').get(shutOutNote(kind));
  if (isShut(note?.value as string | undefined)) throw shutOutError(name, db.path, owner);
  return Number(note?.rev ?? 0);
}

/**
 * For a transaction of a writer: it is fenced by any change of the note that shuts its kind out, and may open again when
 * that note lets it. No epoch is raised, as the slot is everybody's. Throws WRITER_SHUT_OUT and WRITER_FENCED.
 */
export function checkShutOut(db: Connection, name: DatabaseName, owner: string, rev: number): void {
  if (shutOutRevOf(db, name, owner) !== rev) throw fencedError(db, name);
}

/** For a synced transaction: forgets the leases of those whom the note has fenced. Returns a state for each, as it was. */
export function shutOut(db: Connection, name: DatabaseName, kind: string): SlotState[] {
  const state = slotState(db, name);
  const leases = db.statement('SELECT lease, owner FROM leases WHERE database = ? ORDER BY lease').all(name);
  const theirs = leases.filter(({ owner }) => kindOf(String(owner)) === kind);
  for (const { lease } of theirs) dropLease(db, Number(lease));
  return theirs.map(({ owner }) => ({ ...state, owner: String(owner) }));
}

function fencedError(db: Connection, name: DatabaseName): Error {
  const message = `This writer of ${name} in ${db.path} was taken over by another process.`;
  return storeError('WRITER_FENCED', message, { input: name });
}

/** Throws DATABASE_READ_ONLY or WRITER_FENCED where the writer may not write any more, or not so. */
export function numbersFor(db: Connection, name: DatabaseName, epoch: number, kind: WriteKind): Numbers {
  const row = slotRow(db, name);
  if (row.mode === 'read-only' || (row.mode === 'replica' && kind === 'edit'))
    throw readOnlyError(name, db.path, row.mode);
  if (row.epoch !== epoch) throw fencedError(db, name);
  return { next: Math.max(row.last ?? 0, row.base) + 1, end: row.reserved };
}

/** For a synced transaction: makes room for at least `count` more numbers. */
export function reserve(db: Connection, name: DatabaseName, count: number): void {
  const { last, base } = slotRow(db, name);
  const reserved = Math.max(last ?? 0, base) + count + RANGE;
  db.statement('UPDATE slots SET reserved = max(reserved, ?) WHERE database = ?').run(reserved, name);
}

/** For a synced transaction: fences every writer there is. Nothing is in doubt in SQLite, so there are no holes. */
export function fence(db: Connection, name: DatabaseName): SlotState {
  db.statement('UPDATE slots SET epoch = epoch + 1 WHERE database = ?').run(name);
  db.statement('DELETE FROM leases WHERE database = ?').run(name);
  return slotState(db, name);
}

/** For a synced transaction. */
export function changeMode(db: Connection, name: DatabaseName, mode: Mode): void {
  if (slotRow(db, name).mode === mode) return;
  fence(db, name);
  db.statement('UPDATE slots SET mode = ? WHERE database = ?').run(mode, name);
}

export function modeOf(db: Connection, name: DatabaseName): Mode {
  return slotRow(db, name).mode;
}

export function slotState(db: Connection, name: DatabaseName): SlotState {
  const { epoch, last } = slotRow(db, name);
  const owners = db.statement('SELECT DISTINCT owner FROM leases WHERE database = ? ORDER BY lease').all(name);
  return { slot: SLOT, epoch, stable: last ?? 0, window: 0, owner: owners.map(({ owner }) => owner).join(', ') };
}

function slotRow(db: Connection, name: DatabaseName): SlotRow {
  const row = db.statement(STATE.replace('%s', name)).get(name) as SlotRow | undefined;
  if (row) return row;
  throw storeError('STORE_CORRUPT', `The store ${db.path} has lost the slot of ${name}.`, { input: db.path });
}

/** Writers whose process was killed: they only clutter what operators see, as numbers and fences don't need them. */
function forgetTheDead(db: Connection, name: DatabaseName): void {
  const rows = db.statement('SELECT lease, pid FROM leases WHERE database = ? AND host = ?').all(name, hostname());
  for (const { lease, pid } of rows) {
    if (!isAlive(Number(pid))) dropLease(db, Number(lease));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
