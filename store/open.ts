import type { OpenOptions, Store } from './contract.ts';
import { storeError } from './errors.ts';

/** What a store is called where nothing else is said. */
export const DEFAULT_STORE_URL = 'sqlite:./data/feedferry.db';

/**
 * Opens the store that a URL names, makes it where there is none, and brings its schema up to date.
 * `sqlite:PATH` or `mongodb://...`. Throws STORE_* errors.
 */
export async function openStore(url: string, options: OpenOptions = {}): Promise<Store> {
  if (url.startsWith('sqlite:')) {
    const { openSqlite } = await import('./sqlite/store.ts');
    return openSqlite(url, options);
  }
  if (/^mongodb(\+srv)?:\/\//.test(url)) {
    const { openMongodb } = await import('./mongodb/store.ts');
    return openMongodb(url, options);
  }
  throw storeError('STORE_URL_INVALID', `This is not a store URL: ${url}`, { input: url });
}
