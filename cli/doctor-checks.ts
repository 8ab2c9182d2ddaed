/** What `doctor` looks at. A check never throws, changes nothing, and makes no store. */
import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pausedError, pauseIn, readPause } from '../crawler/pause/note.ts';
import { askQueueServer } from '../crawler/queue/open.ts';
import type { Clock, Store } from '../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../store/documents.ts';
import { CodedError, codeOf } from '../store/errors.ts';
import { readVersion } from '../store/version.ts';
import { HALF_RESTORED_ADVICE, halfRestored } from './half-restored.ts';
import { probeListen } from './listen-probe.ts';
import { listenAddress, withoutCredentials } from './setting-kinds.ts';
import type { Settings } from './setting-table.ts';
import type { ResolvedSettings } from './settings.ts';
import { FENCED_ADVICE, shownRole } from './site-role.ts';
import { TEST_CRAWLED_ADVICE, testCrawled } from './test-crawled.ts';
import { bytes, counted, moment, span } from './text.ts';

export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** How to mend it; empty where there is nothing to mend. */
  readonly advice: string;
}

const NODE_MAJOR_MIN = 24;
const DISK_BYTES_FAIL = 50e6;
const DISK_BYTES_WARN = 1e9;
/** A clock may be this much behind the newest write before it is worth a word, in ms. */
const CLOCK_BEHIND_MS_MAX = 60_000;
/** No clock of a running Feedferry can be before its first release. */
const CLOCK_MS_MIN = Date.UTC(2026, 0, 1);

export function checkRuntime(version: string): Check {
  const major = Number.parseInt(version, 10);
  if (major >= NODE_MAJOR_MIN) return ok('runtime', `Node ${version} on ${process.platform} ${process.arch}`);
  return fail(
    'runtime',
    `Node ${version} is too old`,
    `Install Node ${NODE_MAJOR_MIN} or newer; in a checkout use npm start.`,
  );
}

export function checkSettings(resolved: ResolvedSettings): Check[] {
  const { problems, warnings, configPath, sources } = resolved;
  const set = Object.values(sources).filter((source) => source !== 'default').length;
  const file = configPath === null ? 'no config file' : `config file ${configPath}`;
  const checks = [
    ...problems.map((problem) => fail('settings', `${problem.code}: ${problem.message}`, problem.advice)),
    ...warnings.map((warning) => warn('settings', warning, 'Correct the name, or unset the variable.')),
  ];
  return problems.length > 0
    ? checks
    : [ok('settings', `${set} set, the others have their defaults; ${file}`), ...checks];
}

/** `store`: an open one, or why it could not be opened. */
export async function checkStore(store: Store | { error: unknown }, url: string): Promise<Check> {
  if ('error' in store) return notOpened(store.error, url);
  try {
    const { engineVersion, schemaVersion, site, sizeBytes } = await store.health();
    const [feeds, articles] = await Promise.all([store.feeds.count(), store.articles.count()]);
    const modes = await Promise.all(DATABASE_NAMES.map((name) => store.database(name).mode()));
    const half = await halfRestored(store);
    const closed = DATABASE_NAMES.filter((_, i) => modes[i] === 'read-only');
    const replicas = DATABASE_NAMES.filter((_, i) => modes[i] === 'replica');
    const size = sizeBytes === null ? '' : `, ${bytes(sizeBytes)}`;
    const copies = replicas.length === 0 ? '' : `; replica: ${replicas.join(', ')}`;
    const about = `${engineVersion}, schema ${schemaVersion}, site ${site}${size}: ${counted(feeds, 'feed')}, ${counted(articles, 'article')}${copies}`;
    if (half !== null) return fail('store', `${store.url}: ${half}; ${about}`, HALF_RESTORED_ADVICE);
    if (closed.length > 0) {
      return warn('store', `${store.url}: ${about}; read-only: ${closed.join(', ')}`, await whyClosed(store, closed));
    }
    const test = await testCrawled(store);
    if (test !== null) return warn('store', `${store.url}: ${about}. ${test}`, TEST_CRAWLED_ADVICE);
    return ok('store', `${store.url}: ${about}`);
  } catch (error) {
    return notOpened(error, url);
  }
}

async function whyClosed(store: Store, closed: readonly DatabaseName[]): Promise<string> {
  if ((await shownRole(store))?.isFenced) return 'They stay so until this site is brought back: see its role below.';
  const byPause = pauseIn(await readPause(store.control))?.readOnly ?? [];
  return closed.every((name) => byPause.includes(name))
    ? 'The pause of the crawlers did that; `feedferry crawlers resume` sets them back.'
    : 'Somebody set them read-only on purpose.';
}

/** Only for a site that was part of a failover, or is a replica. */
export async function checkRole(store: Store): Promise<Check[]> {
  try {
    const role = await shownRole(store);
    if (role === null) return [];
    return [role.isFenced ? fail('role', role.text, FENCED_ADVICE) : ok('role', role.text)];
  } catch (error) {
    return [warn('role', `It can't be read: ${codeOf(error)}`, 'Look at the check of the store.')];
  }
}

/** Only where the crawlers are paused: somebody may have forgotten it. */
export async function checkCrawlers({ control }: Store): Promise<Check[]> {
  try {
    const pause = pauseIn(await readPause(control));
    if (pause === null) return [];
    return [warn('crawlers', pausedError(pause).message, '`feedferry crawlers resume` ends the pause.')];
  } catch (error) {
    return [warn('crawlers', `It can't be read: ${codeOf(error)}`, 'Look at the check of the store.')];
  }
}

function notOpened(error: unknown, url: string): Check {
  const { message, advice } = error as { message?: string; advice?: string };
  // No fault of the store: the next `serve` mends it, and whoever asks before an upgrade wants to know just that.
  if (codeOf(error) === 'STORE_OLDER') return warn('store', message ?? '', advice ?? '');
  return fail('store', `${url}: ${codeOf(error)}: ${message ?? String(error)}`, advice ?? '');
}

export function noStoreYet(url: string): Check {
  return warn('store', `There is no store yet at ${url}`, 'Nothing to mend: `feedferry serve` makes it.');
}

/** The folder of an embedded store, or the one where it will be made. */
export async function checkDisk(path: string): Promise<Check> {
  let folder = dirname(resolve(path));
  while (!(await exists(folder)) && dirname(folder) !== folder) folder = dirname(folder);
  if (!(await stat(folder)).isDirectory())
    return fail('disk', `${folder} is no folder`, 'Name another path for the store.');
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch {
    return fail(
      'disk',
      `This user may not write to ${folder}`,
      'Make the folder writable, or name another path for the store.',
    );
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const message = `${bytes(free)} free in ${folder}`;
  if (free < DISK_BYTES_FAIL) return fail('disk', message, 'Free some space: soon nothing more can be stored.');
  if (free < DISK_BYTES_WARN) return warn('disk', message, 'Free some space in time; a full disk stops the crawl.');
  return ok('disk', message);
}

/** The queue of this process needs nothing. One in Redis must answer, and must not lose keys of its own accord. */
export async function checkQueue(queue: Settings['queue']): Promise<Check> {
  if (queue === 'local:') return ok('queue', `${queue} (in the memory of the crawler)`);
  const shown = withoutCredentials(queue);
  try {
    const { version, evicts } = await askQueueServer(queue);
    const message = `Redis ${version} answers at ${shown}`;
    if (!evicts) return ok('queue', message);
    return warn('queue', `${message}, but may throw keys away`, 'Set its maxmemory-policy to noeviction.');
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return fail('queue', `${error.code}: ${error.message}`, error.advice);
  }
}

export async function checkPort(listen: Settings['listen']): Promise<Check> {
  const where = listenAddress.show(listen);
  const probe = await probeListen(listen);
  if (probe.kind === 'free') return ok('port', `${where} is free`);
  if (probe.kind === 'feedferry') return ok('port', `Feedferry is running on ${where}`);
  const { code, message, advice } = probe.error;
  return fail('port', `${code}: ${message}`, advice);
}

/** A clock that stands behind the newest stored version would make new writes look old until it catches up. */
export async function checkClock(clock: Clock, store: Store | null): Promise<Check> {
  const now = clock();
  if (now < CLOCK_MS_MIN)
    return fail('clock', `It says ${moment(now)}`, 'Set the clock of this machine, best with NTP.');
  const newest = store === null ? null : await newestWrite(store);
  const behind = newest === null ? 0 : newest - now;
  if (behind <= CLOCK_BEHIND_MS_MAX) return ok('clock', moment(now));
  const message = `It is ${span(behind)} behind the newest write in the store (${moment(newest)})`;
  return warn('clock', message, 'Set the clock of this machine, best with NTP. Nothing is lost meanwhile.');
}

/** Milliseconds of the newest version, by each slot's last settled write. */
async function newestWrite(store: Store): Promise<number | null> {
  let newest: number | null = null;
  for (const name of DATABASE_NAMES) {
    const { changes } = store.database(name);
    for (const { slot, stable } of await changes.slots()) {
      const { docs } = await changes.read(slot, Math.max(0, stable - 1), 1);
      for (const { ver } of docs) newest = Math.max(newest ?? 0, readVersion(ver).ms);
    }
  }
  return newest;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export function ok(name: string, message: string): Check {
  return { name, status: 'ok', message, advice: '' };
}

export function warn(name: string, message: string, advice: string): Check {
  return { name, status: 'warn', message, advice };
}

function fail(name: string, message: string, advice: string): Check {
  return { name, status: 'fail', message, advice };
}
