/**
 * A process that writes articles until it is killed: `killed-crawl.ts PATH NAME`. File descriptor 3 takes the ids of
 * those that were acknowledged; on standard output a dot is a batch, and one more before the store is opened.
 */
import { writeSync } from 'node:fs';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { article } from '../../contract/samples.ts';

const LOG = 3;
const LANES = 4;
const [path = '', name = ''] = process.argv.slice(2);

process.stdout.write('.');
const store = await openSqlite(`sqlite:${path}`);
const writer = await store.articles.openWriter({ owner: name, durability: 'lazy' });
let batches = 0;

async function writeForever(): Promise<never> {
  for (;;) {
    batches += 1;
    const ids = Array.from({ length: 30 }, (_, i) => `${name}.${batches}.${i}`);
    const html = 'x'.repeat(2000);
    await writer.edit(ids.map((id) => ({ id, content: article({ html }), ifVer: null })));
    writeSync(LOG, ids.map((id) => `${id}\n`).join(''));
    process.stdout.write('.');
  }
}

await Promise.all(Array.from({ length: LANES }, writeForever));
