import { randomUUID } from 'node:crypto';
import type { MigrationEvent } from '../contract.ts';
import { DATABASE_NAMES } from '../documents.ts';
import { storeError } from '../errors.ts';
import { backUp, restore } from './backup.ts';
import { type Connection, pause } from './connection.ts';
import { isDuplicateKey } from './failures.ts';
import { expectMeta, raiseVersion } from './meta.ts';
import { modeId, newerError } from './modes.ts';
import type { Migration } from './schema.ts';
import { listSlots, takeOver } from './slots.ts';

/** By the server's clock: an upgrade that gave no sign for so long is carried on by another process. */
const LOCK_MS_MAX = 60_000;
const LOCK_HEARTBEAT_MS = 10_000;
/** How long an upgrade by another process is waited for. */
const UPGRADE_MS_MAX = 3_600_000;
const POLL_MS = 200;

const LOCK = 'upgrade';

export interface MigrateOptions {
  readonly migrations: readonly Migration[];
  readonly onMigration: (event: MigrationEvent) => void;
}

export function latestVersion(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0;
}

/** A store from nothing. Several may do so at once, and go on where another died. */
export async function makeStore(db: Connection, { migrations }: MigrateOptions): Promise<void> {
  const target = latestVersion(migrations);
  for (const { apply } of migrations) await db.patiently(() => apply(db.db));
  for (const name of DATABASE_NAMES) await makeMode(db, name, target);
  await raiseVersion(db, 0, target);
}

/**
 * Brings the schema to the version of the last migration. Writers are fenced first, and those of the older Feedferry
 * can't open any more; then a verified backup is made. Of several that do so at once, one does and the others wait.
 * Throws STORE_NEWER, STORE_BACKUP_FAILED and STORE_MIGRATION_FAILED; after each the store is as it was.
 */
export async function upgrade(db: Connection, options: MigrateOptions): Promise<void> {
  const target = latestVersion(options.migrations);
  const until = performance.now() + UPGRADE_MS_MAX;
  const token = randomUUID();
  for (;;) {
    const { version } = await expectMeta(db);
    if (version > target) throw newerError(db, version, target);
    if (version === target) return;
    if (await lock(db, token)) break;
    if (performance.now() > until) {
      const message = `Another process has been upgrading ${db.shown} for an hour.`;
      throw storeError('STORE_LOCKED', message, { input: db.shown, retryable: true });
    }
    await pause(POLL_MS);
  }
  const heartbeat = setInterval(() => void isLocked(db, token).catch(() => {}), LOCK_HEARTBEAT_MS);
  try {
    const { version } = await expectMeta(db);
    if (version < target) await upgradeFrom(db, version, token, options);
  } finally {
    clearInterval(heartbeat);
    await db.patiently(() => db.control.deleteOne({ _id: LOCK, token }));
  }
}

async function upgradeFrom(db: Connection, from: number, token: string, options: MigrateOptions): Promise<void> {
  const { migrations, onMigration } = options;
  const target = latestVersion(migrations);
  let backup: string;
  try {
    await setSchema(db, target);
    await fenceAll(db, target);
    backup = await backUp(db, from);
  } catch (error) {
    if (await isLocked(db, token)) await setSchema(db, from);
    throw error;
  }
  onMigration({ step: 'backup', to: backup });
  for (const step of migrations.filter(({ version }) => version > from)) {
    onMigration({ step: 'migrate', from: step.version - 1, to: step.version, what: step.what });
    try {
      await step.apply(db.db);
    } catch (error) {
      throw await undo(db, from, token, step, backup, error);
    }
  }
  if (!(await isLocked(db, token))) return;
  await raiseVersion(db, from, target);
  onMigration({ step: 'done', version: target });
}

async function undo(
  db: Connection,
  from: number,
  token: string,
  step: Migration,
  backup: string,
  cause: unknown,
): Promise<Error> {
  let outcome = 'The store was left as it was.';
  try {
    if (await isLocked(db, token)) {
      await restore(db, from);
      await setSchema(db, from);
    }
  } catch (error) {
    outcome = `It could not be put back (${String(error)}); the next start goes on with the upgrade.`;
  }
  const said = cause instanceof Error ? cause.message : String(cause);
  const what = `could not be brought to schema version ${step.version} (${step.what}): ${said}`;
  const message = `The store ${db.shown} ${what}. ${outcome} The backup is ${backup}.`;
  return storeError('STORE_MIGRATION_FAILED', message, { input: db.shown, cause });
}

async function makeMode(db: Connection, name: string, schema: number): Promise<void> {
  await db.patiently(async () => {
    try {
      await db.control.insertOne({ _id: modeId(name), mode: 'read-write', schema, confirmed: 0 });
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
  });
}

/** Which Feedferry may open writers. */
async function setSchema(db: Connection, schema: number): Promise<void> {
  const ids = DATABASE_NAMES.map(modeId);
  await db.patiently(() => db.control.updateMany({ _id: { $in: ids } }, { $set: { schema } }));
}

async function fenceAll(db: Connection, schemaVersion: number): Promise<void> {
  for (const name of DATABASE_NAMES) {
    const context = { db, name, schemaVersion };
    for (const { slot } of await listSlots(context)) await takeOver(context, slot);
  }
}

async function lock(db: Connection, token: string): Promise<boolean> {
  const now = await db.serverTime();
  return await db.patiently(async () => {
    const stale = { _id: LOCK, heartbeat: { $lt: new Date(now.getTime() - LOCK_MS_MAX) } };
    const taken = await db.control.updateOne(stale, { $set: { token, heartbeat: now } });
    if (taken.matchedCount === 1) return true;
    try {
      await db.control.insertOne({ _id: LOCK, token, heartbeat: now });
      return true;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return (await db.control.findOne({ _id: LOCK, token })) !== null;
    }
  });
}

/** Whether the lock is still ours; shows that this process lives. */
async function isLocked(db: Connection, token: string): Promise<boolean> {
  const change = { $currentDate: { heartbeat: true } } as const;
  const { matchedCount } = await db.patiently(() => db.control.updateOne({ _id: LOCK, token }, change));
  return matchedCount === 1;
}
