import type { Replica, SiteId } from '../../../store/contract.ts';
import type { Article } from '../../../store/documents.ts';
import { openSqlite } from '../../../store/sqlite/store.ts';
import { writeVersion } from '../../../store/version.ts';
import { article, NOON } from '../../contract/samples.ts';

/** A process that loads articles as fast as it can, several batches at a time, until it is killed. A dot is a batch. */
const ELSEWHERE = 'elsewher' as SiteId;
const BATCH = 200;
const html = 'x'.repeat(2000);
const store = await openSqlite(`sqlite:${process.argv[2]}`);
const writer = await store.articles.openWriter({ owner: 'load', durability: 'lazy', bulk: true });
let count = 0;

function next(): Replica<Article> {
  count += 1;
  const ver = writeVersion(NOON + count, 0, ELSEWHERE);
  const content = article({ num: count, html, at: NOON + ((count * 7919) % 100_000) });
  return { id: `f.${count}`, ver, org: ELSEWHERE, vv: null, delAt: null, content };
}

async function loadForever(): Promise<never> {
  for (;;) {
    await writer.apply(Array.from({ length: BATCH }, next));
    process.stdout.write('.');
  }
}

await Promise.all(Array.from({ length: 4 }, loadForever));
