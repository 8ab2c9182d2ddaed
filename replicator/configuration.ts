/**
 * Destinations that a site keeps supplied, as notes in its `control`: where to, what an operator wants of each now, and
 * what it does. Any process that opens the store can read and change them, so that commands work wherever the replicator
 * runs.
 */
import type { Control, SiteId } from '../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../store/documents.ts';
import { checkpointTo } from './checkpoint.ts';
import { replicatorError } from './errors.ts';
import { asideNote, DESTINATION_NOTES, pagesOfNotes, STATUS_NOTES, siteNote, WISH_NOTES } from './notes.ts';
import { DEFAULT_POLICIES, type Policies } from './policy.ts';
import type { DestinationStatus, Limits } from './status.ts';

/** A wish is changed by compare-and-set; so often, when others change it too. */
const WISH_TRIES_MAX = 20;

const NAME = /^[a-z0-9][a-z0-9._-]{0,39}$/;

export const DESTINATIONS_MAX = 50;

export interface DestinationConfig {
  readonly name: string;
  /** A store URL or `https://...`. Credentials in it are as secret as the store that keeps it. */
  readonly to: string;
  /** For `https://`: where the token is, and a certificate authority of one's own. Null: none. */
  readonly tokenFile: string | null;
  readonly caFile: string | null;
  readonly databases: readonly DatabaseName[];
  readonly direction: 'one-way' | 'two-way';
  readonly policies: Policies;
  readonly adopt: boolean;
  readonly limits: Partial<Limits>;
}

export interface Wish {
  /** Why an operator paused it; null: it may run. */
  readonly paused: string | null;
  /** Instead of those it was configured with. */
  readonly limits: Partial<Limits>;
  /** Grows with every wish to begin from nothing. */
  readonly reseeds: number;
}

export const NO_WISH: Wish = { paused: null, limits: {}, reseeds: 0 };

export interface ShownStatus {
  readonly status: DestinationStatus;
  readonly process: { readonly pid: number; readonly host: string };
  /** Wishes to begin from nothing that were carried out. */
  readonly reseeds: number;
  /** Milliseconds since 1970; renewed every second while somebody works on it. */
  readonly at: number;
}

/** Throws DESTINATION_NAME_INVALID. */
export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw replicatorError('DESTINATION_NAME_INVALID', `"${name}" is no name for a destination.`, { input: name });
}

/** A name made of where it goes: the host, or the name of the file without its ending. */
export function nameOf(url: string): string {
  const path = url.replace(/[?#].*$/, '').replace(/\/+$/, '');
  const isRemote = /^(https?|mongodb):/.test(path);
  const word = isRemote ? path.replace(/^\w+:\/\/(?:[^@/]*@)?/, '') : path.replace(/^.*[/:]/, '').replace(/\.\w+$/, '');
  const name = word.toLowerCase().replace(/[^a-z0-9._-]+/g, '-');
  return name.replace(/^[^a-z0-9]+/, '').slice(0, 40) || 'destination';
}

/** A destination's URL as it may be shown: credentials belong in no terminal and no log. */
export function shownUrl(url: string): string {
  return url.replace(/^([a-z0-9+]+:\/\/)[^/?#]*@/i, '$1***@');
}

export function defaultConfig(name: string, to: string): DestinationConfig {
  return {
    ...{ name: checkName(name), to, tokenFile: null, caFile: null },
    ...{ databases: DATABASE_NAMES, direction: 'one-way', policies: DEFAULT_POLICIES, adopt: false, limits: {} },
  };
}

/** Throws DESTINATION_EXISTS, DESTINATION_TOO_MANY. */
export async function addDestination(control: Control, config: DestinationConfig): Promise<void> {
  if ((await listDestinations(control)).length >= DESTINATIONS_MAX) {
    throw replicatorError('DESTINATION_TOO_MANY', `There are ${DESTINATIONS_MAX} destinations already.`, {
      input: config.name,
    });
  }
  const { name, ...value } = config;
  if ((await control.put(DESTINATION_NOTES + name, value, 0)) !== null) return;
  throw replicatorError('DESTINATION_EXISTS', `There is a destination named ${name} already.`, { input: name });
}

/**
 * Forgets the destination and what was wished of it; what it holds stays there. Also what a `feedferry replicate` of its
 * own left. Where documents were put aside, how far it has come is forgotten, too: it says that they are there. Throws
 * DESTINATION_UNKNOWN.
 */
export async function removeDestination(control: Control, name: string): Promise<void> {
  const isKnown = (await control.get(DESTINATION_NOTES + name)) ?? (await control.get(STATUS_NOTES + name));
  if (isKnown === undefined) throw unknownDestination(name);
  await control.delete(DESTINATION_NOTES + name);
  await control.delete(WISH_NOTES + name);
  await control.delete(STATUS_NOTES + name);
  const site = (await control.get(siteNote(name)))?.value as SiteId | undefined;
  for (const database of DATABASE_NAMES) {
    const prefix = asideNote(name, database);
    if (site !== undefined && (await control.list(prefix, { limit: 1 })).length > 0) {
      await control.delete(checkpointTo(site, database));
    }
    for await (const notes of pagesOfNotes(control, prefix)) for (const { id } of notes) await control.delete(id);
  }
  await control.delete(siteNote(name));
}

/** In the order of names. */
export async function listDestinations(control: Control): Promise<DestinationConfig[]> {
  const notes = await control.list(DESTINATION_NOTES);
  return notes.map(({ id, value }) => ({
    ...defaultConfig(id.slice(DESTINATION_NOTES.length), ''),
    ...(value as Omit<DestinationConfig, 'name'>),
  }));
}

export async function readWish(control: Control, name: string): Promise<Wish> {
  const note = await control.get(WISH_NOTES + name);
  return { ...NO_WISH, ...(note?.value as Partial<Wish> | undefined) };
}

/** What `change` makes of the wish that is there. */
export async function changeWish(control: Control, name: string, change: (wish: Wish) => Wish): Promise<Wish> {
  for (let tries = 1; ; tries += 1) {
    const note = await control.get(WISH_NOTES + name);
    const wish = change({ ...NO_WISH, ...(note?.value as Partial<Wish> | undefined) });
    if ((await control.put(WISH_NOTES + name, wish, note?.rev ?? 0)) !== null) return wish;
    if (tries === WISH_TRIES_MAX) {
      throw replicatorError('REPLICATION_STUCK', `Others keep changing what is wished of ${name}.`, { input: name });
    }
  }
}

/** In the order of names: of all destinations that anybody worked on, configured or not. */
export async function listStatuses(control: Control): Promise<ShownStatus[]> {
  return (await control.list(STATUS_NOTES)).map(({ value }) => value as ShownStatus);
}

export async function readStatus(control: Control, name: string): Promise<ShownStatus | undefined> {
  return (await control.get(STATUS_NOTES + name))?.value as ShownStatus | undefined;
}

/** Not worth a sync: it is written again every second. */
export async function writeStatus(control: Control, shown: ShownStatus): Promise<void> {
  await control.put(STATUS_NOTES + shown.status.name, shown, undefined, 'lazy');
}

export async function forgetStatus(control: Control, name: string): Promise<void> {
  await control.delete(STATUS_NOTES + name);
}

export function unknownDestination(name: string): Error {
  return replicatorError('DESTINATION_UNKNOWN', `There is no destination named ${name}.`, { input: name });
}
