import { storeError } from '../errors.ts';

/** What a store URL without a database name means. */
const DATABASE_NAME = 'feedferry';

/** https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions; the strictest of all systems. */
const FORBIDDEN_IN_NAME = /[/\\. "$*<>:|?\0]/;
const NAME_BYTES_MAX = 63;

export interface StoreUrl {
  /** As it was given: for the driver only, as it may hold a password. */
  readonly full: string;
  readonly databaseName: string;
  /** Hosts and database, for people: neither credentials nor options, which may hold secrets, too. */
  readonly shown: string;
}

/** Throws STORE_URL_INVALID. What follows the database name is checked by the driver. */
export function parseStoreUrl(url: string): StoreUrl {
  const parts = /^(mongodb(?:\+srv)?:\/\/)(?:[^/?#]*@)?([^/?#@]+)(?:\/([^?#]*))?(?:\?.*)?$/.exec(url);
  const [, scheme, hosts, path = ''] = parts ?? [];
  if (!scheme || !hosts) throw invalid('This is not a MongoDB store URL', withoutCredentials(url));
  const databaseName = decoded(path, withoutCredentials(url)) || DATABASE_NAME;
  const shown = `${scheme}${hosts}/${databaseName}`;
  if (FORBIDDEN_IN_NAME.test(databaseName) || Buffer.byteLength(databaseName) > NAME_BYTES_MAX)
    throw invalid('This is no name for a MongoDB database', shown);
  if (['admin', 'local', 'config'].includes(databaseName))
    throw invalid('This database belongs to MongoDB itself', shown);
  return { full: url, databaseName, shown };
}

/** Takes user names and passwords out of any text, such as a driver's message that quotes the URL. */
export function withoutCredentials(text: string): string {
  return text.replace(/(mongodb(?:\+srv)?:\/\/)[^\s/?#"']*@/g, '$1').replace(/(mongodb[^\s"']*?)\?[^\s"']*/g, '$1');
}

function decoded(path: string, shown: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw invalid('The database name is not decodable', shown);
  }
}

function invalid(why: string, shown: string): Error {
  return storeError('STORE_URL_INVALID', `${why}: ${shown}`, { input: shown });
}
